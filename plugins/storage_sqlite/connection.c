/* SPDX-License-Identifier: MIT
 * connection.c - opening says what is wrong with a path before sqlite does, whose own words for it
 * ("unable to open database file") help nobody. */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <trunk/plugin_util.h>

/* The wait for another program's lock: below the host's own deadline for a call, so that it hears
 * the reason; in short steps, unlike sqlite's own, which lets a program starve that waits longer.
 */
enum { BUSY_WAIT_MS = 2000, BUSY_STEP_US = 1000 };

static int wait_for_lock(void *arg, int times) {
    (void)arg;
    (void)usleep(BUSY_STEP_US);
    return times < BUSY_WAIT_MS * 1000 / BUSY_STEP_US;
}

int32_t connection_status(int code, int may_be_applied) {
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL: /* too much contention for the lock */
        return TRUNK_UNAVAILABLE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return TRUNK_DENIED;
    case SQLITE_TOOBIG:
        return TRUNK_TOO_LARGE;
    case SQLITE_IOERR:
        return may_be_applied ? TRUNK_UNCERTAIN : TRUNK_UNAVAILABLE;
    default:
        return TRUNK_INTERNAL;
    }
}

const char *connection_text(sqlite3 *db, char *buffer, size_t size) {
    const char *text = sqlite3_errmsg(db);
    int error_number = sqlite3_system_errno(db);
    switch (sqlite3_errcode(db)) {
    case SQLITE_BUSY:
        text = "the database is locked by another program";
        break;
    case SQLITE_FULL:
        text = "the database or its disk is full";
        break;
    case SQLITE_CORRUPT:
        text = "the database is damaged";
        break;
    default:
        break;
    }
    if (error_number != 0 && sqlite3_errcode(db) != SQLITE_BUSY) {
        (void)snprintf(buffer, size, "%s (%s)", text, strerrordesc_np(error_number));
    } else {
        (void)snprintf(buffer, size, "%s", text);
    }
    return buffer;
}

static int32_t refuse_foreign(const char *path, struct trunk_error *error) {
    return trunk_fail(error, TRUNK_INVALID, "path",
                      "%s is no sqlite database; name another file, or move it away", path);
}

int32_t connection_fail(sqlite3 *db, const char *path, int code, struct trunk_error *error) {
    char text[96];
    if ((code & 0xff) == SQLITE_NOTADB) {
        return refuse_foreign(path, error);
    }
    if ((code & 0xff) == SQLITE_CORRUPT) {
        return trunk_fail(error, TRUNK_INTERNAL, "path",
                          "%s is damaged; restore it from a copy, or move it away to begin anew",
                          path);
    }
    return trunk_fail(error, connection_status(code, 0), "path", "%s: %s", path,
                      connection_text(db, text, sizeof text));
}

/* A page. sqlite takes a file that is shorter than its header for an empty one, and writes over it.
 */
enum { SMALLEST_DATABASE = 512 };

/* Is there a file that can be opened? It is made here, with mode 0600; an existing one is never
 * opened, since closing it would drop the locks that another instance in this process has on it. */
static int32_t prepare_file(const char *path, struct trunk_error *error) {
    struct stat status;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd);
        return TRUNK_OK;
    }
    int reason = errno;
    if (reason == EEXIST && stat(path, &status) != 0) {
        reason = errno;
    }
    switch (reason) {
    case EEXIST:
        if (S_ISREG(status.st_mode) &&
            (status.st_size == 0 || status.st_size >= SMALLEST_DATABASE)) {
            return TRUNK_OK;
        }
        if (S_ISREG(status.st_mode)) {
            return refuse_foreign(path, error);
        }
        return trunk_fail(error, TRUNK_INVALID, "path", "%s is %s; name a file", path,
                          S_ISDIR(status.st_mode) ? "a directory" : "no regular file");
    case ENAMETOOLONG:
    case ELOOP:
        return trunk_fail(error, TRUNK_INVALID, "path", "%.80s... cannot be made: %s", path,
                          strerrordesc_np(reason));
    case ENOENT:
    case ENOTDIR:
        return trunk_fail(error, TRUNK_INVALID, "path",
                          "%s: its directory does not exist; make it, or name another", path);
    case EACCES:
    case EPERM:
    case EROFS:
        return trunk_fail(error, TRUNK_DENIED, "path",
                          "%s cannot be made: its directory may not be written by user %u; change "
                          "that, or name another",
                          path, (unsigned)geteuid());
    default:
        return trunk_fail(error, TRUNK_UNAVAILABLE, "path", "%s cannot be made: %s", path,
                          strerrordesc_np(reason));
    }
}

/* sqlite falls back to reading only. */
static int32_t check_writable(sqlite3 *db, const char *path, struct trunk_error *error) {
    if (sqlite3_db_readonly(db, "main") == 0) {
        return TRUNK_OK;
    }
    return trunk_fail(error, TRUNK_DENIED, "path",
                      "%s may not be written by user %u; change its owner or mode", path,
                      (unsigned)geteuid());
}

static int is_wal(void *is_wal_too, int columns, char **values, char **names) {
    (void)names;
    *(int *)is_wal_too = columns == 1 && values[0] != NULL && strcmp(values[0], "wal") == 0;
    return 0;
}

static int32_t use_wal(sqlite3 *db, const char *path, struct trunk_error *error) {
    int is_in_use = 0;
    int code = sqlite3_exec(db, "PRAGMA journal_mode = WAL", is_wal, &is_in_use, NULL);
    if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY) {
        return trunk_fail(error, TRUNK_DENIED, "path",
                          "%s-wal cannot be made: user %u must be able to write its directory and "
                          "what is there of %s-wal and -shm",
                          path, (unsigned)geteuid(), path);
    }
    if (code != SQLITE_OK) {
        return connection_fail(db, path, code, error);
    }
    return is_in_use ? TRUNK_OK
                     : trunk_fail(error, TRUNK_INVALID, "path",
                                  "%s: its file system cannot share memory between programs, as "
                                  "sqlite's WAL needs; name a file on a local disk",
                                  path);
}

static int32_t set_up(sqlite3 *db, const char *path, int is_full, struct trunk_error *error) {
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_busy_handler(db, wait_for_lock, NULL);
    int32_t status = check_writable(db, path, error);
    if (status == TRUNK_OK) {
        status = use_wal(db, path, error);
    }
    if (status != TRUNK_OK) {
        return status;
    }
    /* The checkpointer does what sqlite would do in the middle of a commit. */
    int code = sqlite3_exec(db,
                            is_full ? "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0"
                                    : "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0",
                            NULL, NULL, NULL);
    return code == SQLITE_OK ? TRUNK_OK : connection_fail(db, path, code, error);
}

int32_t connection_open(const char *path, int is_full, sqlite3 **out, struct trunk_error *error) {
    char literal[4096 + 2];
    sqlite3 *db = NULL;
    int32_t status = prepare_file(path, error);
    if (status != TRUNK_OK) {
        return status;
    }
    /* "./" keeps sqlite from seeing a URI, or ":memory:". */
    (void)snprintf(literal, sizeof literal, "%s%s", path[0] == '/' ? "" : "./", path);
    int code = sqlite3_open_v2(
        literal, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if ((code & 0xff) == SQLITE_CANTOPEN) {
        status = trunk_fail(error, TRUNK_DENIED, "path",
                            "%s may not be opened by user %u; change its owner or mode", path,
                            (unsigned)geteuid());
    } else if (code != SQLITE_OK) {
        status = trunk_fail(error, TRUNK_UNAVAILABLE, "path", "%s: %s", path, sqlite3_errstr(code));
    } else {
        status = set_up(db, path, is_full, error);
    }
    if (status != TRUNK_OK) {
        (void)sqlite3_close(db);
        return status;
    }
    *out = db;
    return TRUNK_OK;
}
