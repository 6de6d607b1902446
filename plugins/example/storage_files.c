/* SPDX-License-Identifier: MIT
 * storage_files.c - a storage driver that keeps each record in a file, FOLDER/K/EY for the key
 * "KEY", which begins with a line of version and end of life. It blocks, so trunkd calls it on a
 * worker thread, one call after the other. */
#include <trunk/plugin.h>
#include <trunk/plugin_util.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_FORMAT "%016" PRIx64 " %020" PRIu64 "\n"
enum { HEAD_BYTES = 16 + 1 + 20 + 1, KEY_BYTES = 256, PATH_BYTES = KEY_BYTES + 3 };

struct store {
    const struct trunk_host *host;
    int folder;
};

/* One record as read from its file. */
struct record {
    uint64_t version;
    uint64_t expires_ms; /* 0: never */
    char *value;         /* from malloc; NULL unless asked for */
    size_t value_len;
};

/* A file's name has no '/', at most 255 bytes, and is not "", "." or "..": the first byte of a key
 * names a folder, and three bytes that no key has stand in for what is not allowed. */
static void name_file(char path[PATH_BYTES], struct trunk_slice key) {
    const char *from = key.data;
    size_t len = 0;
    for (size_t i = 0; i < key.len; i++) {
        path[len++] = (char)(from[i] == '/' ? '\1' : from[i] == '.' ? '\2' : from[i]);
        if (i == 0) {
            path[len++] = '/';
        }
    }
    if (key.len == 1) {
        path[len++] = '\3';
    }
    path[len] = '\0';
}

static struct trunk_slice read_name(char key[KEY_BYTES + 1], const char *path) {
    size_t len = 0;
    for (; *path != '\0'; path++) {
        if (*path != '/' && *path != '\3' && len < KEY_BYTES) {
            key[len++] = (char)(*path == '\1' ? '/' : *path == '\2' ? '.' : *path);
        }
    }
    return (struct trunk_slice){key, len};
}

/* Completes with what errno says. Nothing has been changed. */
static void fail(const struct store *store, trunk_op op) {
    int32_t status = errno == ENOENT || errno == ENOTDIR ? TRUNK_NOT_FOUND
                     : errno == EACCES || errno == EPERM ? TRUNK_DENIED
                                                         : TRUNK_UNAVAILABLE;
    trunk_complete(store->host, op, status,
                   status == TRUNK_NOT_FOUND ? "no such record" : strerror(errno));
}

/* Reads a file, living or expired. Returns its descriptor, or -1 and errno. */
static int open_record(const struct store *store, const char *path, int with_value,
                       struct record *out) {
    char head[HEAD_BYTES + 1] = {0};
    struct stat info;
    int file = openat(store->folder, path, O_RDWR | O_CLOEXEC);
    *out = (struct record){0};
    if (file < 0) {
        return -1;
    }
    if (fstat(file, &info) != 0 || pread(file, head, HEAD_BYTES, 0) != HEAD_BYTES) {
        goto fail;
    }
    out->version = strtoull(head, NULL, 16);
    out->expires_ms = strtoull(head + 16, NULL, 10);
    if (out->version == 0) {
        goto fail;
    }
    if (with_value) {
        out->value_len = (size_t)info.st_size - HEAD_BYTES;
        out->value = malloc(out->value_len + 1);
        if (out->value == NULL ||
            pread(file, out->value, out->value_len, HEAD_BYTES) != (ssize_t)out->value_len) {
            goto fail;
        }
    }
    return file;
fail:
    free(out->value);
    (void)close(file);
    errno = EIO; /* a damaged file */
    return -1;
}

static int is_over(const struct store *store, const struct record *record) {
    return record->expires_ms != 0 && record->expires_ms <= store->host->wall_ms(store->host->ctx);
}

/* The same for a living record only; an expired one is ENOENT. */
static int open_living(const struct store *store, struct trunk_slice key, int with_value,
                       struct record *out) {
    char path[PATH_BYTES];
    name_file(path, key);
    int file = open_record(store, path, with_value, out);
    if (file >= 0 && is_over(store, out)) {
        free(out->value);
        (void)close(file);
        errno = ENOENT;
        return -1;
    }
    return file;
}

static int write_head(const struct store *store, int file, uint64_t version, uint64_t ttl_ms) {
    char head[HEAD_BYTES + 1];
    uint64_t expires_ms = ttl_ms == 0 ? 0 : store->host->wall_ms(store->host->ctx) + ttl_ms;
    (void)snprintf(head, sizeof head, HEAD_FORMAT, version, expires_ms);
    return pwrite(file, head, HEAD_BYTES, 0) == HEAD_BYTES ? 0 : -1;
}

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    (void)params;
    (void)nparams;
    (void)error;
    return TRUNK_OK; /* that there is a path, trunkd has seen to */
}

static int32_t open_store(const struct trunk_host *host, const struct trunk_param *params,
                          size_t nparams, void **self, struct trunk_error *error) {
    const char *path = trunk_param_get(params, nparams, "path", "");
    struct store *store = malloc(sizeof *store);
    if (store == NULL) {
        return trunk_fail(error, TRUNK_INTERNAL, "", "out of memory");
    }
    (void)mkdir(path, 0700);
    store->host = host;
    store->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->folder < 0) {
        free(store);
        return trunk_fail(error, TRUNK_INVALID, "path", "%s: %s; name a folder that can be used",
                          path, strerror(errno));
    }
    *self = store;
    return TRUNK_OK;
}

static void close_store(void *self) {
    struct store *store = self;
    (void)close(store->folder);
    free(store);
}

static void ping(void *self, trunk_op op) {
    const struct store *store = self;
    trunk_complete(store->host, op, TRUNK_OK, NULL);
}

static void load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    const struct store *store = self;
    struct record record;
    int file = open_living(store, key, 1, &record);
    if (file < 0) {
        fail(store, op);
        return;
    }
    if (touch_ttl_ms != 0 && write_head(store, file, record.version, touch_ttl_ms) != 0) {
        fail(store, op);
    } else {
        struct trunk_reply reply = {.struct_size = sizeof reply,
                                    .value = {record.value, record.value_len},
                                    .version = record.version};
        store->host->complete(store->host->ctx, op, &reply);
    }
    free(record.value);
    (void)close(file);
}

/* TRUNK_OK: the mode lets the put be done. */
static int32_t check_mode(const struct store *store, const struct trunk_put *put) {
    struct record record = {0};
    int file = open_living(store, put->key, 0, &record);
    int is_there = file >= 0;
    if (is_there) {
        (void)close(file);
    }
    switch (put->mode) {
    case TRUNK_PUT_CREATE:
        return is_there ? TRUNK_EXISTS : TRUNK_OK;
    case TRUNK_PUT_UPDATE:
        return is_there ? TRUNK_OK : TRUNK_NOT_FOUND;
    case TRUNK_PUT_UPSERT:
        return TRUNK_OK;
    case TRUNK_PUT_CAS:
        return !is_there                               ? TRUNK_NOT_FOUND
               : record.version == put->expect_version ? TRUNK_OK
                                                       : TRUNK_CONFLICT;
    default:
        return TRUNK_INVALID;
    }
}

/* Written beside and renamed, so that a record is never half. */
static int write_record(const struct store *store, const struct trunk_put *put, uint64_t version) {
    char path[PATH_BYTES];
    char folder[] = {'\0', '\0'};
    name_file(path, put->key);
    folder[0] = path[0];
    (void)mkdirat(store->folder, folder, 0700);
    int file = openat(store->folder, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return -1;
    }
    int is_written =
        write_head(store, file, version, put->ttl_ms) == 0 &&
        pwrite(file, put->value.data, put->value.len, HEAD_BYTES) == (ssize_t)put->value.len;
    (void)close(file);
    return is_written ? renameat(store->folder, "new", store->folder, path) : -1;
}

static void put_record(void *self, const struct trunk_put *put, trunk_op op) {
    const struct store *store = self;
    struct trunk_reply reply = {.struct_size = sizeof reply};
    int32_t status = check_mode(store, put);
    if (status != TRUNK_OK) {
        trunk_complete(store->host, op, status, "the record is not as the mode wants it");
    } else if (getrandom(&reply.version, sizeof reply.version, 0) != sizeof reply.version ||
               write_record(store, put, reply.version |= reply.version == 0) != 0) {
        fail(store, op);
    } else {
        store->host->complete(store->host->ctx, op, &reply);
    }
}

static void touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    const struct store *store = self;
    struct record record;
    int file = open_living(store, key, 0, &record);
    if (file < 0 || write_head(store, file, record.version, ttl_ms) != 0) {
        fail(store, op);
    } else {
        trunk_complete(store->host, op, TRUNK_OK, NULL);
    }
    if (file >= 0) {
        (void)close(file);
    }
}

static void remove_record(void *self, struct trunk_slice key, trunk_op op) {
    const struct store *store = self;
    struct record record;
    char path[PATH_BYTES];
    int file = open_living(store, key, 0, &record);
    name_file(path, key);
    if (file >= 0) {
        (void)close(file);
        if (unlinkat(store->folder, path, 0) != 0) {
            fail(store, op);
            return;
        }
    } /* an expired one stays for sweep */
    trunk_complete(store->host, op, TRUNK_OK, NULL);
}

/* What a walk over the records is for: scan of the living ones, or sweep of the expired ones. */
struct walk {
    const struct store *store;
    trunk_op op;
    const struct trunk_scan *scan; /* NULL: sweep */
    uint32_t left;                 /* of sweep */
};

static void visit(struct walk *walk, const char *path) {
    const struct store *store = walk->store;
    const struct trunk_scan *scan = walk->scan;
    char text[KEY_BYTES + 1];
    struct record record;
    struct trunk_item item = {.struct_size = sizeof item, .key = read_name(text, path)};
    if (scan != NULL && (item.key.len < scan->prefix.len ||
                         memcmp(text, scan->prefix.data, scan->prefix.len) != 0)) {
        return;
    }
    int file = open_record(store, path, scan == NULL || scan->want_values, &record);
    if (file < 0) {
        return;
    }
    (void)close(file);
    item.value = (struct trunk_slice){record.value, record.value_len};
    item.version = record.version;
    item.expires_ms = record.expires_ms;
    if (scan != NULL && !is_over(store, &record)) {
        store->host->emit(store->host->ctx, walk->op, &item);
    } else if (scan == NULL && is_over(store, &record) && unlinkat(store->folder, path, 0) == 0) {
        store->host->emit(store->host->ctx, walk->op, &item);
        walk->left--;
    }
    free(record.value);
}

static DIR *open_folder(const struct store *store, const char *name) {
    int folder = openat(store->folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = folder < 0 ? NULL : fdopendir(folder);
    if (stream == NULL && folder >= 0) {
        (void)close(folder);
    }
    return stream;
}

/* All records in one page: a scan's limit is a hint. */
static void walk_all(struct walk *walk) {
    for (int first = 1; first < 0x7f && walk->left > 0; first++) {
        char path[PATH_BYTES] = {(char)first, '\0'};
        const struct dirent *entry = NULL;
        DIR *stream = first == '.' || first == '/' ? NULL : open_folder(walk->store, path);
        while (stream != NULL && walk->left > 0 && (entry = readdir(stream)) != NULL) {
            if (entry->d_name[0] != '.') {
                (void)snprintf(path + 1, sizeof path - 1, "/%s", entry->d_name);
                visit(walk, path);
            }
        }
        if (stream != NULL) {
            (void)closedir(stream);
        }
    }
    trunk_complete(walk->store->host, walk->op, TRUNK_OK, NULL);
}

static void sweep(void *self, uint32_t limit, trunk_op op) {
    walk_all(&(struct walk){.store = self, .op = op, .left = limit});
}

static void scan(void *self, const struct trunk_scan *how, trunk_op op) {
    walk_all(&(struct walk){.store = self, .op = op, .scan = how, .left = 1});
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
