/* SPDX-License-Identifier: MIT
 * rig.h - a directory for each case, the driver to open on files in it, and sqlite itself to look
 * at them, or to spoil them. */
#ifndef TRUNK_TEST_SQLITE_RIG_H
#define TRUNK_TEST_SQLITE_RIG_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "kit_store.h"
#include "store.h"

struct rig {
    char directory[64];
    char path[96]; /* "DIRECTORY/sessions.db"; not made */
    struct trunk_param params[2];
    struct kit_driver driver; /* on path, synchronous=normal */
};

int rig_set_up(void **state);
int rig_tear_down(void **state);

/* The status of check and open; *error (may be NULL) says why not OK. When OK it is closed again.
 */
int32_t rig_try(struct rig *rig, struct trunk_error *error);
/* Opened, or the case fails. */
struct kit_store *rig_open(struct rig *rig);
void rig_close(struct kit_store *store);
/* The instance behind it. */
struct store *rig_inside(struct kit_store *store);
/* n records "k0", "k1", ... with a value of some hundred bytes. */
void rig_fill(struct kit_store *store, unsigned from, unsigned to);

void rig_write_file(const char *path, const void *bytes, size_t len);
/* In memory from malloc, with a NUL behind it. */
char *rig_read_file(const char *path, size_t *out_len);
/* The file by sqlite itself. */
sqlite3 *rig_sqlite(const char *path);
void rig_execute(sqlite3 *db, const char *sql);
/* The first number that it gives. */
sqlite3_int64 rig_number(sqlite3 *db, const char *sql);

#define RIG_CASE(function_) cmocka_unit_test_setup_teardown(function_, rig_set_up, rig_tear_down)
#define assert_status(result_, status_) assert_int_equal((result_)->status, (status_))
#define assert_told(error_, part_)                                                                 \
    do {                                                                                           \
        if (strstr((error_)->text, (part_)) == NULL) {                                             \
            fail_msg("\"%s\" does not say \"%s\"", (error_)->text, (part_));                       \
        }                                                                                          \
    } while (0)

int run_path_cases(void);
int run_file_cases(void);
int run_busy_cases(void);
int run_full_cases(void);

#endif
