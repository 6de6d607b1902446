/* SPDX-License-Identifier: MIT
 * storage_files.c - a storage driver that keeps each record in a file. It blocks, so trunkd calls
 * it on a worker thread, one call after the other. */
#include <trunk/plugin.h>
#include <trunk/plugin_util.h>

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KEY_BYTES = 256, FOLDER_BYTES = 2048, PATH_BYTES = FOLDER_BYTES + KEY_BYTES + 8 };

struct store {
    const struct trunk_host *host;
    char folder[FOLDER_BYTES];
};

/* What a file holds. */
struct record {
    uint64_t version;
    uint64_t expires_ms; /* 0: never */
    char value[];
};

/* The key "KEY" is the file FOLDER/K/EY: a name takes 255 bytes, one fewer than a key. Three bytes
 * that no key has stand for what no name may have: '/', '.' (of "." and ".."), and nothing. */
static void name_file(const struct store *store, struct trunk_slice key, char path[PATH_BYTES]) {
    const char *from = key.data;
    size_t len = (size_t)snprintf(path, PATH_BYTES, "%s/", store->folder);
    for (size_t i = 0; i < key.len; i++) {
        path[len++] = (char)(from[i] == '/' ? '\1' : from[i] == '.' ? '\2' : from[i]);
        if (i == 0) {
            path[len++] = '/';
        }
    }
    (void)snprintf(path + len, PATH_BYTES - len, "%s", key.len == 1 ? "\3" : "");
}

static struct trunk_slice read_name(const char *name, char key[KEY_BYTES]) {
    size_t len = 0;
    for (; *name != '\0' && len < KEY_BYTES; name++) {
        if (*name != '/' && *name != '\3') {
            key[len++] = (char)(*name == '\1' ? '/' : *name == '\2' ? '.' : *name);
        }
    }
    return (struct trunk_slice){key, len};
}

/* Living or expired. Returns what the caller frees, or NULL and errno. */
static struct record *read_file(const char *path, size_t *value_len) {
    struct stat info = {0};
    struct record *record = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return NULL;
    }
    if (fstat(file, &info) == 0 && info.st_size >= (off_t)sizeof *record) {
        record = malloc((size_t)info.st_size);
    }
    if (record != NULL && read(file, record, (size_t)info.st_size) != info.st_size) {
        free(record);
        record = NULL;
    }
    (void)close(file);
    *value_len = (size_t)info.st_size - sizeof *record;
    errno = EIO; /* cut short, if there is none */
    return record;
}

static int is_over(const struct store *store, const struct record *record) {
    return record->expires_ms != 0 && record->expires_ms <= store->host->wall_ms(store->host->ctx);
}

/* An expired record is ENOENT. */
static struct record *read_living(const struct store *store, struct trunk_slice key,
                                  size_t *value_len) {
    char path[PATH_BYTES];
    name_file(store, key, path);
    struct record *record = read_file(path, value_len);
    if (record != NULL && is_over(store, record)) {
        free(record);
        errno = ENOENT;
        return NULL;
    }
    return record;
}

/* Written beside and renamed, so that no record is ever half. Returns 0, or -1 and errno. */
static int write_file(const struct store *store, struct trunk_slice key, uint64_t version,
                      uint64_t ttl_ms, struct trunk_slice value) {
    uint64_t expires_ms = ttl_ms == 0 ? 0 : store->host->wall_ms(store->host->ctx) + ttl_ms;
    struct record head = {.version = version, .expires_ms = expires_ms};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)value.data, value.len}};
    char path[PATH_BYTES];
    char beside[PATH_BYTES];
    name_file(store, key, path);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    (void)mkdir(path, 0700);
    *slash = '/';
    (void)snprintf(beside, sizeof beside, "%s/new", store->folder);
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return -1;
    }
    ssize_t written = writev(file, parts, 2);
    (void)close(file);
    errno = ENOSPC; /* if it is not all written */
    return written == (ssize_t)(sizeof head + value.len) ? rename(beside, path) : -1;
}

/* Completes with what errno says. Nothing has been changed. */
static void fail(const struct store *store, trunk_op op) {
    int32_t status = errno == ENOENT || errno == ENOTDIR ? TRUNK_NOT_FOUND
                     : errno == EACCES || errno == EPERM ? TRUNK_DENIED
                                                         : TRUNK_UNAVAILABLE;
    trunk_complete(store->host, op, status, strerror(errno));
}

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    const char *path = trunk_param_get(params, nparams, "path", "");
    return strlen(path) < FOLDER_BYTES
               ? TRUNK_OK
               : trunk_fail(error, TRUNK_INVALID, "path", "longer than %d bytes", FOLDER_BYTES - 1);
}

static int32_t open_store(const struct trunk_host *host, const struct trunk_param *params,
                          size_t nparams, void **self, struct trunk_error *error) {
    struct store *store = malloc(sizeof *store);
    if (store == NULL) {
        return trunk_fail(error, TRUNK_INTERNAL, "", "out of memory");
    }
    store->host = host;
    (void)snprintf(store->folder, sizeof store->folder, "%s",
                   trunk_param_get(params, nparams, "path", ""));
    (void)mkdir(store->folder, 0700);
    if (access(store->folder, R_OK | W_OK | X_OK) != 0) {
        trunk_fail(error, TRUNK_INVALID, "path", "%s: %s; name a folder that can be used",
                   store->folder, strerror(errno));
        free(store);
        return TRUNK_INVALID;
    }
    *self = store;
    return TRUNK_OK;
}

static void close_store(void *self) {
    free(self);
}

static void ping(void *self, trunk_op op) {
    const struct store *store = self;
    trunk_complete(store->host, op, TRUNK_OK, NULL);
}

/* A load that may set a new life, and a touch without the value, are the same. */
static void read_record(const struct store *store, struct trunk_slice key, int sets_life,
                        uint64_t ttl_ms, int wants_value, trunk_op op) {
    struct trunk_reply reply = {.struct_size = sizeof reply};
    struct trunk_slice value = {0};
    struct record *record = read_living(store, key, &value.len);
    if (record != NULL) {
        value.data = record->value;
    }
    if (record == NULL ||
        (sets_life && write_file(store, key, record->version, ttl_ms, value) != 0)) {
        fail(store, op);
    } else {
        reply.version = record->version;
        reply.value = wants_value ? value : reply.value;
        store->host->complete(store->host->ctx, op, &reply);
    }
    free(record);
}

static void load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    read_record(self, key, touch_ttl_ms != 0, touch_ttl_ms, 1, op);
}

static void touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    read_record(self, key, 1, ttl_ms, 0, op);
}

static void put_record(void *self, const struct trunk_put *put, trunk_op op) {
    const struct store *store = self;
    struct trunk_reply reply = {.struct_size = sizeof reply};
    size_t value_len = 0;
    struct record *old = read_living(store, put->key, &value_len);
    int needs_old = put->mode == TRUNK_PUT_UPDATE || put->mode == TRUNK_PUT_CAS;
    int32_t status = put->mode < TRUNK_PUT_CREATE || put->mode > TRUNK_PUT_CAS ? TRUNK_INVALID
                     : put->mode == TRUNK_PUT_CREATE && old != NULL            ? TRUNK_EXISTS
                     : needs_old && old == NULL                                ? TRUNK_NOT_FOUND
                     : put->mode == TRUNK_PUT_CAS && old->version != put->expect_version
                         ? TRUNK_CONFLICT
                         : TRUNK_OK;
    if (status != TRUNK_OK) {
        trunk_complete(store->host, op, status, "the record is not as the mode wants it");
    } else if (getrandom(&reply.version, sizeof reply.version, 0) != sizeof reply.version ||
               write_file(store, put->key, reply.version += reply.version == 0, put->ttl_ms,
                          put->value) != 0) {
        fail(store, op);
    } else {
        store->host->complete(store->host->ctx, op, &reply);
    }
    free(old);
}

static void remove_record(void *self, struct trunk_slice key, trunk_op op) {
    const struct store *store = self;
    size_t value_len;
    char path[PATH_BYTES];
    struct record *record = read_living(store, key, &value_len); /* an expired one is sweep's */
    name_file(store, key, path);
    if ((record == NULL || unlink(path) != 0) && errno != ENOENT && errno != ENOTDIR) {
        fail(store, op);
    } else {
        trunk_complete(store->host, op, TRUNK_OK, NULL);
    }
    free(record);
}

/* Emits the living records that begin with scan's prefix, in one page; or, without scan, up to
 * limit expired ones, which it removes. */
static void walk(struct store *store, const struct trunk_scan *scan, uint32_t limit, trunk_op op) {
    char *roots[] = {store->folder, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
    const FTSENT *entry = NULL;
    while (tree != NULL && limit > 0 && (entry = fts_read(tree)) != NULL) {
        char key[KEY_BYTES];
        struct trunk_item item = {.struct_size = sizeof item};
        struct record *record =
            entry->fts_level == 2 ? read_file(entry->fts_accpath, &item.value.len) : NULL;
        if (record == NULL) {
            continue; /* a folder, or what is no record */
        }
        item.key = read_name(entry->fts_path + entry->fts_pathlen - entry->fts_namelen - 2, key);
        item.value.data = record->value;
        item.version = record->version;
        item.expires_ms = record->expires_ms;
        int is_asked = scan == NULL ? is_over(store, record) && unlink(entry->fts_accpath) == 0
                                    : !is_over(store, record) && item.key.len >= scan->prefix.len &&
                                          memcmp(key, scan->prefix.data, scan->prefix.len) == 0;
        if (is_asked) {
            limit -= scan == NULL;
            item.value = scan == NULL || scan->want_values ? item.value : (struct trunk_slice){0};
            store->host->emit(store->host->ctx, op, &item);
        }
        free(record);
    }
    if (tree != NULL) {
        (void)fts_close(tree);
    }
    trunk_complete(store->host, op, tree != NULL ? TRUNK_OK : TRUNK_UNAVAILABLE, NULL);
}

static void sweep(void *self, uint32_t limit, trunk_op op) {
    walk(self, NULL, limit, op);
}

static void scan(void *self, const struct trunk_scan *how, trunk_op op) {
    walk(self, how, 1, op);
}

static const struct trunk_param_spec params[] = {
    {.key = "path",
     .help = "folder of the records, made when it is absent",
     .type = TRUNK_PARAM_PATH,
     .flags = TRUNK_PARAM_REQUIRED},
    {.key = NULL},
};

static const struct trunk_storage_ops ops = {
    .struct_size = sizeof ops,
    .caps = TRUNK_CAP_PERSISTENT | TRUNK_CAP_BLOCKING,
    .check = check,
    .open = open_store,
    .close = close_store,
    .ping = ping,
    .load = load,
    .put = put_record,
    .touch = touch,
    .remove = remove_record,
    .sweep = sweep,
    .scan = scan,
};

TRUNK_STORAGE_PLUGIN(0, "files", "1.0.0", "keeps each record in a file", params, &ops);
