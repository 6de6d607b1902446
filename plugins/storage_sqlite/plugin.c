/* SPDX-License-Identifier: MIT
 * plugin.c - storage driver `sqlite`: the descriptor, its parameters, open, ping and close. */
#include <trunk/plugin.h>
#include <trunk/plugin_util.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "connection.h"
#include "log.h"
#include "records.h"
#include "store.h"

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    const char *synchronous = trunk_param_get(params, nparams, "synchronous", "normal");
    if (strcmp(synchronous, "normal") != 0 && strcmp(synchronous, "full") != 0) {
        return trunk_fail(error, TRUNK_INVALID, "synchronous",
                          "\"%.40s\" is neither \"normal\" nor \"full\"", synchronous);
    }
    if (strlen(trunk_param_get(params, nparams, "path", "")) >= PATH_MAX) {
        return trunk_fail(error, TRUNK_INVALID, "path", "longer than the %d bytes of a path",
                          PATH_MAX - 1);
    }
    return TRUNK_OK;
}

/* Ids of sessions are credentials. */
static void warn_if_readable(const struct store *store) {
    struct stat status;
    if (stat(store->path, &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        trunk_logf(store->host, TRUNK_LOG_WARN,
                   "others may read or write the database, which holds session ids; set its mode "
                   "to 0600 path=\"%s\" mode=%04o",
                   store->path, (unsigned)(status.st_mode & 07777));
    }
}

static void free_store(struct store *store) {
    free(store->path);
    free(store);
}

/* A store that may be had later (it is locked, say) is no failure: ping tells. */
static int32_t open_store(const struct trunk_host *host, const struct trunk_param *params,
                          size_t nparams, void **self, struct trunk_error *error) {
    struct store *store = calloc(1, sizeof *store);
    char *path = strdup(trunk_param_get(params, nparams, "path", ""));
    if (store == NULL || path == NULL) {
        free(store);
        free(path);
        return trunk_fail(error, TRUNK_UNAVAILABLE, "", "out of memory");
    }
    store->host = host;
    store->path = path;
    store->is_full = strcmp(trunk_param_get(params, nparams, "synchronous", "normal"), "full") == 0;
    int32_t status = store_connect(store, error);
    if (status != TRUNK_OK && status != TRUNK_UNAVAILABLE) {
        free_store(store);
        return status;
    }
    warn_if_readable(store);
    *self = store;
    return TRUNK_OK;
}

static void close_store(void *self) {
    store_disconnect(self);
    free_store(self);
}

/* A store can be used when it can be written: that is tried, and nothing is written. */
static void ping(void *self, trunk_op op) {
    struct store *store = self;
    struct trunk_error error = {.status = TRUNK_OK};
    int32_t status = store_connect(store, &error);
    if (status == TRUNK_OK && !store->is_in_bracket) {
        int code = store_begin_step(store);
        if (code == SQLITE_OK) {
            code = store_end_step(store, SQLITE_OK);
        }
        status =
            code == SQLITE_OK ? TRUNK_OK : connection_fail(store->db, store->path, code, &error);
    }
    if (status != TRUNK_OK && status != TRUNK_DENIED) {
        status = TRUNK_UNAVAILABLE;
    }
    trunk_complete(store->host, op, status, status == TRUNK_OK ? NULL : error.text);
}

static int32_t begin(void *self, uint32_t writes, struct trunk_error *error) {
    return store_begin(self, writes != 0, error);
}

static int32_t commit(void *self, struct trunk_error *error) {
    return store_commit(self, error);
}

static const struct trunk_param_spec params[] = {
    {.key = "path",
     .fallback = "/var/lib/trunkd/sessions.db",
     .help = "the database file, made with mode 0600; beside it are -wal and -shm",
     .type = TRUNK_PARAM_PATH},
    {.key = "synchronous",
     .fallback = "normal",
     .help = "normal: what is stored survives any end of trunkd; full: a loss of power too, slower",
     .type = TRUNK_PARAM_STRING},
    {.key = NULL},
};

static const struct trunk_storage_ops ops = {
    .struct_size = sizeof ops,
    .caps = TRUNK_CAP_BLOCKING | TRUNK_CAP_PERSISTENT | TRUNK_CAP_SHARED | TRUNK_CAP_LOG,
    .check = check,
    .open = open_store,
    .close = close_store,
    .ping = ping,
    .load = records_load,
    .put = records_put,
    .touch = records_touch,
    .remove = records_remove,
    .sweep = records_sweep,
    .scan = records_scan,
    .log_append = log_append,
    .log_read = log_read,
    .log_trim = log_trim,
    .begin = begin,
    .commit = commit,
};

TRUNK_STORAGE_PLUGIN(0, "sqlite", DRIVER_VERSION, "keeps records in an sqlite database file",
                     params, &ops);
