/* SPDX-License-Identifier: MIT
 * plugin.c - storage driver `crash`: a real driver, and SIGKILL to its own process before or after
 * the n-th operation (all but ping count). For tests of what a crash leaves. */
#include "crash.h"

#include <dlfcn.h>
#include <stdlib.h>

#define STRING_OF(x) #x
#define NAME_OF(symbol) STRING_OF(symbol)

#ifdef IS_BLOCKING
#define PLUGIN_NAME "crash"
#define BLOCKING TRUNK_CAP_BLOCKING
#else
#define PLUGIN_NAME "crash-async"
#define BLOCKING 0
#endif
#define CAPS (TRUNK_CAP_PERSISTENT | TRUNK_CAP_SHARED | TRUNK_CAP_LOG | BLOCKING)

static const struct trunk_param_spec spec[] = {
    {.key = "driver",
     .help = "the real driver's file",
     .type = TRUNK_PARAM_PATH,
     .flags = TRUNK_PARAM_REQUIRED},
    {.key = "params",
     .help = "its parameters, each in the form that `open` gets",
     .type = TRUNK_PARAM_MAP},
    {.key = "count",
     .fallback = "0",
     .help = "the operation to die at, from 1; 0: none",
     .type = TRUNK_PARAM_INT},
    {.key = "when", .fallback = "before", .help = "before or after it", .type = TRUNK_PARAM_STRING},
    {0},
};

/* --- the inner driver --- */

static void free_crash(struct crash *crash) {
    for (size_t i = 0; i < crash->nparams; i++) {
        free((void *)(uintptr_t)crash->params[i].key);
        free((void *)(uintptr_t)crash->params[i].value);
    }
    free(crash->params);
    free(crash);
}

static void add_param(struct crash *crash, const char *key, const char *value) {
    struct trunk_param param = {strdup(key), strdup(value)};
    if (param.key == NULL || param.value == NULL) {
        abort();
    }
    crash->params[crash->nparams++] = param;
}

static bool has_param(const struct crash *crash, const char *key) {
    return trunk_param_get(crash->params, crash->nparams, key, NULL) != NULL;
}

/* Those given in `params`, and the fallbacks of the inner driver's own table. */
static void fill_params(struct crash *crash, const struct trunk_param_spec *inner,
                        const struct trunk_param *params, size_t nparams) {
    static const char prefix[] = "params.";
    size_t most = nparams;
    for (const struct trunk_param_spec *one = inner; one != NULL && one->key != NULL; one++) {
        most++;
    }
    crash->params = calloc(most + 1, sizeof *crash->params);
    if (crash->params == NULL) {
        abort();
    }
    for (size_t i = 0; i < nparams; i++) {
        if (strncmp(params[i].key, prefix, sizeof prefix - 1) == 0) {
            add_param(crash, params[i].key + sizeof prefix - 1, params[i].value);
        }
    }
    for (const struct trunk_param_spec *one = inner; one != NULL && one->key != NULL; one++) {
        if (one->fallback != NULL && !has_param(crash, one->key)) {
            add_param(crash, one->key, one->fallback);
        }
    }
}

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    const char *when = trunk_param_get(params, nparams, "when", "");
    if (strcmp(when, "before") != 0 && strcmp(when, "after") != 0) {
        return trunk_fail(error, TRUNK_INVALID, "when", "is neither before nor after");
    }
    return TRUNK_OK;
}

static int32_t open_crash(const struct trunk_host *host, const struct trunk_param *params,
                          size_t nparams, void **self, struct trunk_error *error) {
    const char *file = trunk_param_get(params, nparams, "driver", "");
    void *inner = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    const struct trunk_plugin *plugin = inner != NULL ? dlsym(inner, NAME_OF(TRUNK_SYMBOL)) : NULL;
    if (plugin == NULL || plugin->kind != TRUNK_KIND_STORAGE) {
        return trunk_fail(error, TRUNK_INVALID, "driver", "is no storage driver");
    }
    struct crash *crash = calloc(1, sizeof *crash);
    if (crash == NULL) {
        abort();
    }
    crash->outer = host;
    crash->ops = plugin->ops;
    if (crash->ops->caps != CAPS) {
        free_crash(crash);
        return trunk_fail(error, TRUNK_INVALID, "driver",
                          "has other capabilities than " PLUGIN_NAME " shows");
    }
    atomic_init(&crash->left, strtoull(trunk_param_get(params, nparams, "count", "0"), NULL, 10));
    atomic_init(&crash->fatal, 0);
    crash->is_after = strcmp(trunk_param_get(params, nparams, "when", ""), "after") == 0;
    fill_params(crash, plugin->params, params, nparams);
    crash_fill_host(crash);
    int32_t status = crash->ops->check(crash->params, crash->nparams, error);
    if (status == TRUNK_OK) {
        status = crash->ops->open(&crash->host, crash->params, crash->nparams, &crash->self, error);
    }
    if (status != TRUNK_OK) {
        free_crash(crash);
        return status;
    }
    *self = crash;
    return TRUNK_OK;
}

static void close_crash(void *self) {
    struct crash *crash = self;
    crash->ops->close(crash->self);
    free_crash(crash);
}

/* --- the operations --- */

static struct crash *count(void *self, trunk_op op) {
    struct crash *crash = self;
    if (atomic_load(&crash->left) > 0 && atomic_fetch_sub(&crash->left, 1) == 1) {
        if (!crash->is_after) {
            crash_now();
        }
        atomic_store(&crash->fatal, op);
    }
    return crash;
}

static void ping(void *self, trunk_op op) {
    const struct crash *crash = self;
    crash->ops->ping(crash->self, op);
}

static void load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    const struct crash *crash = count(self, op);
    crash->ops->load(crash->self, key, touch_ttl_ms, op);
}

static void put(void *self, const struct trunk_put *what, trunk_op op) {
    const struct crash *crash = count(self, op);
    crash->ops->put(crash->self, what, op);
}

static void touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    const struct crash *crash = count(self, op);
    crash->ops->touch(crash->self, key, ttl_ms, op);
}

static void remove_record(void *self, struct trunk_slice key, trunk_op op) {
    const struct crash *crash = count(self, op);
    crash->ops->remove(crash->self, key, op);
}

static void sweep(void *self, uint32_t limit, trunk_op op) {
    const struct crash *crash = count(self, op);
    crash->ops->sweep(crash->self, limit, op);
}

static void scan(void *self, const struct trunk_scan *how, trunk_op op) {
    const struct crash *crash = count(self, op);
    crash->ops->scan(crash->self, how, op);
}

static void log_append(void *self, const struct trunk_entry *entry, trunk_op op) {
    const struct crash *crash = count(self, op);
    crash->ops->log_append(crash->self, entry, op);
}

static void log_read(void *self, struct trunk_slice key, uint64_t after_seq, uint32_t limit,
                     trunk_op op) {
    const struct crash *crash = count(self, op);
    crash->ops->log_read(crash->self, key, after_seq, limit, op);
}

static void log_trim(void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op) {
    const struct crash *crash = count(self, op);
    crash->ops->log_trim(crash->self, key, upto_seq, op);
}

#ifdef IS_BLOCKING
static int32_t begin(void *self, uint32_t writes, struct trunk_error *error) {
    struct crash *crash = self;
    int32_t status =
        crash->ops->begin != NULL ? crash->ops->begin(crash->self, writes, error) : TRUNK_OK;
    crash->is_in_bracket = status == TRUNK_OK && crash->ops->begin != NULL;
    return status;
}

static int32_t commit(void *self, struct trunk_error *error) {
    struct crash *crash = self;
    int32_t status = crash->ops->commit != NULL ? crash->ops->commit(crash->self, error) : TRUNK_OK;
    crash->is_in_bracket = false;
    if (crash->dies_at_commit) {
        crash_now();
    }
    return status;
}
#endif

static const struct trunk_storage_ops ops = {
    .struct_size = sizeof ops,
    .caps = CAPS,
    .check = check,
    .open = open_crash,
    .close = close_crash,
    .ping = ping,
    .load = load,
    .put = put,
    .touch = touch,
    .remove = remove_record,
    .sweep = sweep,
    .scan = scan,
    .log_append = log_append,
    .log_read = log_read,
    .log_trim = log_trim,
#ifdef IS_BLOCKING
    .begin = begin,
    .commit = commit,
#endif
};

TRUNK_STORAGE_PLUGIN(0, PLUGIN_NAME, "1", "a real driver that kills its process on cue", spec,
                     &ops);
