/* SPDX-License-Identifier: MIT
 * bad_plugin.c - a minimal storage driver that would be good, but for the one thing that DEFECT_...
 * changes in it. */
#include <trunk/plugin.h>
#include <trunk/plugin_util.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define MAYBE_UNUSED __attribute__((unused))

#if defined(DEFECT_IS_FACTORY) || defined(DEFECT_BLOCKING_FACTORY)
#define IS_FACTORY
#endif

#if defined(DEFECT_WRONG_MAGIC)
#define MAGIC 0x4b4e5254u
#else
#define MAGIC TRUNK_MAGIC
#endif

#if defined(DEFECT_WRONG_MAJOR)
#define MAJOR 7
#elif defined(IS_FACTORY) || defined(DEFECT_EARLY_ABI)
#define MAJOR TRUNK_FACTORY_ABI_MAJOR
#else
#define MAJOR TRUNK_ABI_MAJOR
#endif

#if defined(IS_FACTORY) || defined(DEFECT_EARLY_ABI)
#define MINOR TRUNK_FACTORY_ABI_MINOR
#else
#define MINOR TRUNK_ABI_MINOR
#endif

#if defined(DEFECT_LATER_SYMBOL)
#define SYMBOL trunk_plugin_v3
#elif defined(DEFECT_NO_SYMBOL)
#define SYMBOL trunk_descriptor
#elif defined(IS_FACTORY) || defined(DEFECT_EARLY_ABI)
#define SYMBOL TRUNK_FACTORY_SYMBOL
#else
#define SYMBOL TRUNK_SYMBOL
#endif

#if defined(DEFECT_SMALL_DESCRIPTOR)
#define DESCRIPTOR_SIZE (sizeof(struct trunk_plugin) - 8)
#else
#define DESCRIPTOR_SIZE sizeof(struct trunk_plugin)
#endif

#if defined(DEFECT_SMALL_OPS)
#define OPS_SIZE (offsetof(struct trunk_storage_ops, begin) - 8)
#else
#define OPS_SIZE sizeof(struct trunk_storage_ops)
#endif

#if defined(DEFECT_NO_OPS)
#define OPS NULL
#elif defined(IS_FACTORY)
#define OPS &ops
#else
#define OPS &ops
#endif

#if defined(DEFECT_UNKNOWN_KIND)
#define KIND 7
#elif defined(IS_FACTORY)
#define KIND TRUNK_KIND_FACTORY
#else
#define KIND TRUNK_KIND_STORAGE
#endif

#if defined(DEFECT_UNKNOWN_CAP)
#define CAPS (1u << 20)
#elif defined(DEFECT_NO_LOG_FUNCTIONS)
#define CAPS TRUNK_CAP_LOG
#elif defined(DEFECT_PARALLEL_ALONE)
#define CAPS TRUNK_CAP_PARALLEL
#elif defined(DEFECT_BLOCKING_FACTORY) || defined(DEFECT_BEGIN_ALONE)
#define CAPS TRUNK_CAP_BLOCKING
#else
#define CAPS 0
#endif

#if defined(DEFECT_NEWER_HOST)
#define HOST_MINOR (MINOR + 1)
#else
#define HOST_MINOR MINOR
#endif

#if defined(DEFECT_NO_LOAD)
#define LOAD NULL
#else
#define LOAD load
#endif

#if defined(DEFECT_BEGIN_ALONE)
#define BEGIN begin
#else
#define BEGIN NULL
#endif

#if defined(DEFECT_BAD_NAME)
#define NAME "Bad Name"
#else
#define NAME "good"
#endif

#if defined(DEFECT_NO_VERSION)
#define VERSION NULL
#else
#define VERSION "1.2.3"
#endif

#if defined(DEFECT_NO_SUMMARY)
#define SUMMARY NULL
#else
#define SUMMARY "keeps nothing"
#endif

#if defined(DEFECT_UNTYPED_PARAM)
#define PARAM_TYPE 0
#else
#define PARAM_TYPE TRUNK_PARAM_DURATION
#endif

#if defined(DEFECT_CRASH)
__attribute__((constructor)) static void crash(void) {
    (void)raise(SIGSEGV);
}
#elif defined(DEFECT_EXIT)
__attribute__((constructor)) static void leave(void) {
    _exit(0);
}
#elif defined(DEFECT_HANG)
__attribute__((constructor)) static void hang(void) {
    for (;;) {
        (void)pause();
    }
}
#elif defined(DEFECT_UNDEFINED_SYMBOL)
int32_t found_nowhere(void);
#endif

/* Every call is completed at once: the store has nothing. */
struct store {
    const struct trunk_host *host;
};

static void complete(void *self, trunk_op op, int32_t status) {
    const struct store *store = self;
    trunk_complete(store->host, op, status, NULL);
}

static int32_t check(const struct trunk_param *params, size_t nparams, struct trunk_error *error) {
    (void)params;
    (void)nparams;
    (void)error;
#if defined(DEFECT_UNDEFINED_SYMBOL)
    return found_nowhere();
#else
    return TRUNK_OK;
#endif
}

static int32_t open_store(const struct trunk_host *host, const struct trunk_param *params,
                          size_t nparams, void **self, struct trunk_error *error) {
    struct store *store = calloc(1, sizeof *store);
    (void)params;
    (void)nparams;
    if (store == NULL) {
        return trunk_fail(error, TRUNK_INTERNAL, "", "out of memory");
    }
    store->host = host;
    *self = store;
    return TRUNK_OK;
}

static void close_store(void *self) {
    free(self);
}

#if defined(IS_FACTORY)

static void make(void *self, const struct trunk_make *how, trunk_op op) {
    (void)how;
    complete(self, op, TRUNK_UNAVAILABLE);
}

/* No leg is ever made, so none of these is ever called. */
static void request(void *leg, const struct trunk_request *message, trunk_op op) {
    (void)message;
    complete(leg, op, TRUNK_UNAVAILABLE);
}

static void cancel_request(void *leg, uint64_t number) {
    (void)leg;
    (void)number;
}

static void snapshot(void *leg, trunk_op op) {
    complete(leg, op, TRUNK_UNSUPPORTED);
}

static void finish(void *leg, const struct trunk_finish *how, trunk_op op) {
    (void)how;
    complete(leg, op, TRUNK_OK);
}

static const struct trunk_factory_ops ops = {
    .struct_size = sizeof ops,
    .caps = CAPS,
    .check = check,
    .open = open_store,
    .close = close_store,
    .make = make,
    .request = request,
    .send = request,
    .listen = request,
    .cancel_request = cancel_request,
    .snapshot = snapshot,
    .finish = finish,
};

#else

static void ping(void *self, trunk_op op) {
    complete(self, op, TRUNK_OK);
}

MAYBE_UNUSED static void load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms,
                              trunk_op op) {
    (void)key;
    (void)touch_ttl_ms;
    complete(self, op, TRUNK_NOT_FOUND);
}

static void put(void *self, const struct trunk_put *what, trunk_op op) {
    (void)what;
    complete(self, op, TRUNK_TOO_LARGE);
}

static void touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    (void)key;
    (void)ttl_ms;
    complete(self, op, TRUNK_NOT_FOUND);
}

static void remove_record(void *self, struct trunk_slice key, trunk_op op) {
    (void)key;
    complete(self, op, TRUNK_OK);
}

static void sweep(void *self, uint32_t limit, trunk_op op) {
    (void)limit;
    complete(self, op, TRUNK_OK);
}

static void scan(void *self, const struct trunk_scan *how, trunk_op op) {
    (void)how;
    complete(self, op, TRUNK_OK);
}

MAYBE_UNUSED static int32_t begin(void *self, uint32_t writes, struct trunk_error *error) {
    (void)self;
    (void)writes;
    (void)error;
    return TRUNK_OK;
}

MAYBE_UNUSED static const struct trunk_storage_ops ops = {
    .struct_size = OPS_SIZE,
    .caps = CAPS,
    .check = check,
    .open = open_store,
    .close = close_store,
    .ping = ping,
    .load = LOAD,
    .put = put,
    .touch = touch,
    .remove = remove_record,
    .sweep = sweep,
    .scan = scan,
    .begin = BEGIN,
};

#endif

static const struct trunk_param_spec params[] = {
    {.key = "wait", .fallback = "5s", .help = "nothing uses it", .type = PARAM_TYPE},
    {.key = NULL},
};

extern TRUNK_EXPORT const struct trunk_plugin SYMBOL;
const struct trunk_plugin SYMBOL = {
    .magic = MAGIC,
    .abi_major = MAJOR,
    .abi_minor = MINOR,
    .struct_size = DESCRIPTOR_SIZE,
    .kind = KIND,
    .min_host_minor = HOST_MINOR,
    .name = NAME,
    .version = VERSION,
    .summary = SUMMARY,
    .params = params,
    .ops = OPS,
};
