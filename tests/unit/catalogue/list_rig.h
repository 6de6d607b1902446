/* SPDX-License-Identifier: MIT
 * list_rig.h - lists merged from literals, with what was logged. */
#ifndef TRUNKD_TESTS_CATALOGUE_LIST_RIG_H
#define TRUNKD_TESTS_CATALOGUE_LIST_RIG_H

#include "unit/wire/fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "catalogue/list.h"

static const struct naming prefix_naming = {NAMING_PREFIX, "{backend}_", NULL, 0};
static const struct naming conflict_naming = {NAMING_CONFLICT, "{backend}_", NULL, 0};

struct rig {
    FILE *file; /* the log's */
    struct log *log;
    struct list *list;
    struct buffer logged;
    struct buffer page;
};

static inline void rig_start(struct rig *rig, enum list_kind kind) {
    *rig = (struct rig){.file = tmpfile(), .list = list_new(kind)};
    assert_non_null(rig->file);
    rig->log = log_new(fileno(rig->file), TRUNK_LOG_DEBUG, LOG_LOGFMT);
}

/* pages: one of each of the backends, whose legs are their names. Ends with a backend NULL. */
struct part {
    const char *backend;
    const char *page;
};

static inline bool rig_merge(struct rig *rig, const struct naming *naming,
                             const struct part *parts) {
    struct list_source sources[8];
    struct trunk_slice pages[8];
    size_t count = 0;
    for (; parts[count].backend != NULL; count++) {
        assert_true(count < 8);
        pages[count] = slice_cstr(parts[count].page);
        sources[count] = (struct list_source){
            parts[count].backend, (void *)(uintptr_t)parts[count].backend, &pages[count], 1};
    }
    return list_merge(rig->list, sources, count, naming, rig->log);
}

/* All of it in one page, which is valid JSON. */
static inline void rig_assert_list(struct rig *rig, const char *expected) {
    struct json_error error;
    buffer_clear(&rig->page);
    assert_true(list_append_page(rig->list, NULL, 0, &rig->page));
    assert_slice(buffer_slice(&rig->page), expected);
    assert_int_equal(check(buffer_slice(&rig->page), &error), TRUNK_OK);
}

static inline void rig_assert_route(struct rig *rig, const char *name, const char *leg,
                                    const char *original) {
    const struct route *route = list_find(rig->list, slice_cstr(name));
    assert_non_null(route);
    assert_string_equal((const char *)route->leg, leg);
    assert_slice(route->original, original);
    assert_slice(route->name, name);
}

/* What was logged so far. */
static inline const char *rig_log(struct rig *rig) {
    off_t len = lseek(fileno(rig->file), 0, SEEK_END);
    buffer_clear(&rig->logged);
    buffer_reserve(&rig->logged, (size_t)len + 1);
    assert_int_equal(pread(fileno(rig->file), rig->logged.data, (size_t)len, 0), len);
    rig->logged.len = (size_t)len;
    return buffer_cstr(&rig->logged);
}

static inline size_t rig_count_log(struct rig *rig, const char *part) {
    size_t count = 0;
    const char *at = rig_log(rig);
    while ((at = strstr(at, part)) != NULL) {
        count++;
        at++;
    }
    return count;
}

static inline void rig_end(struct rig *rig) {
    list_free(rig->list);
    log_free(rig->log);
    (void)fclose(rig->file);
    buffer_free(&rig->logged);
    buffer_free(&rig->page);
}

#endif
