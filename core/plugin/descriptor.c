/* SPDX-License-Identifier: MIT
 * descriptor.c - copies a plugin's descriptor and table to the host's side, and refuses what cannot
 * work (ABI rules 1, 2 and 10). */
#include "plugin/loader.h"

#include <stddef.h>
#include <string.h>

#include "base/status.h"
#include "plugin/params.h"

#define REFUSE(status, ...) error_set(error, (status), "driver", __VA_ARGS__)

/* What the first descriptors and tables have. */
#define DESCRIPTOR_MIN (offsetof(struct trunk_plugin, ops) + sizeof(const void *))
#define STORAGE_OPS_MIN offsetof(struct trunk_storage_ops, begin)
#define FACTORY_OPS_MIN offsetof(struct trunk_factory_ops, pause)

#define CAPS_MANDATORY 0xffff0000u
#define CAPS_KNOWN ((uint32_t)TRUNK_CAP_BLOCKING | (uint32_t)TRUNK_CAP_PARALLEL)

struct function {
    const char *name; /* NULL ends the table */
    size_t offset;
};
#define STORAGE(name)                                                                              \
    { #name, offsetof(struct trunk_storage_ops, name) }
#define FACTORY(name)                                                                              \
    { #name, offsetof(struct trunk_factory_ops, name) }
static const struct function storage_functions[] = {
    STORAGE(check), STORAGE(open),   STORAGE(close), STORAGE(ping), STORAGE(load), STORAGE(put),
    STORAGE(touch), STORAGE(remove), STORAGE(sweep), STORAGE(scan), {NULL, 0}};
static const struct function log_functions[] = {
    STORAGE(log_append), STORAGE(log_read), STORAGE(log_trim), {NULL, 0}};
static const struct function factory_functions[] = {
    FACTORY(check),    FACTORY(open),   FACTORY(close),  FACTORY(make),
    FACTORY(request),  FACTORY(send),   FACTORY(listen), FACTORY(cancel_request),
    FACTORY(snapshot), FACTORY(finish), {NULL, 0}};

uint16_t plugin_abi_major(uint32_t kind) {
    return kind == TRUNK_KIND_FACTORY ? TRUNK_FACTORY_ABI_MAJOR : TRUNK_ABI_MAJOR;
}

uint16_t plugin_abi_minor(uint32_t kind) {
    return kind == TRUNK_KIND_FACTORY ? TRUNK_FACTORY_ABI_MINOR : TRUNK_ABI_MINOR;
}

const char *plugin_kind_name(uint32_t kind) {
    switch (kind) {
    case TRUNK_KIND_STORAGE:
        return "storage";
    case TRUNK_KIND_FACTORY:
        return "factory";
    default:
        return "plugin";
    }
}

/* The first function of the list that the table lacks; NULL: it has all. */
static const char *find_missing(const void *ops, const struct function *functions) {
    void (*const none)(void) = NULL;
    for (; functions->name != NULL; functions++) {
        if (memcmp((const char *)ops + functions->offset, &none, sizeof none) == 0) {
            return functions->name;
        }
    }
    return NULL;
}

static bool is_name(const char *name) {
    return name != NULL && *name != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static int32_t check_head(const struct trunk_plugin *theirs, uint32_t kind,
                          struct trunk_error *error) {
    if (theirs->magic != TRUNK_MAGIC) {
        return REFUSE(TRUNK_INVALID,
                      "its magic is 0x%08x, not 0x%08x: not a trunkd plugin; write its descriptor "
                      "with TRUNK_PLUGIN",
                      theirs->magic, TRUNK_MAGIC);
    }
    if (theirs->struct_size < DESCRIPTOR_MIN) {
        return REFUSE(TRUNK_INVALID,
                      "its descriptor has %zu bytes, at least %zu are needed; rebuild it with this "
                      "trunkd's headers",
                      theirs->struct_size, (size_t)DESCRIPTOR_MIN);
    }
    if (theirs->kind != TRUNK_KIND_STORAGE && theirs->kind != TRUNK_KIND_FACTORY) {
        return REFUSE(TRUNK_INVALID,
                      "its kind is %u, neither storage (1) nor factory (2); correct its descriptor",
                      theirs->kind);
    }
    uint16_t major = plugin_abi_major(theirs->kind);
    uint16_t minor = plugin_abi_minor(theirs->kind);
    if (theirs->abi_major != major) {
        return REFUSE(TRUNK_UNSUPPORTED,
                      "was built for ABI %u.%u, this trunkd has %u.%u for a %s; rebuild it with "
                      "this trunkd's headers",
                      theirs->abi_major, theirs->abi_minor, major, minor,
                      plugin_kind_name(theirs->kind));
    }
    if (kind != LOADER_ANY_KIND && theirs->kind != kind) {
        return REFUSE(TRUNK_INVALID, "is a %s driver, a %s driver is needed here; name one",
                      plugin_kind_name(theirs->kind), plugin_kind_name(kind));
    }
    if (theirs->min_host_minor > minor) {
        return REFUSE(TRUNK_UNSUPPORTED,
                      "needs a host of ABI %u.%u, this trunkd has %u.%u; install a newer trunkd",
                      major, theirs->min_host_minor, major, minor);
    }
    return TRUNK_OK;
}

static int32_t check_texts(const struct trunk_plugin *desc, struct trunk_error *error) {
    struct trunk_error spec_error = {0};
    if (!is_name(desc->name)) {
        return REFUSE(TRUNK_INVALID, "its name \"%.40s\" is not of a-z, 0-9 and '-'; rename it",
                      desc->name == NULL ? "(NULL)" : desc->name);
    }
    if (desc->version == NULL) {
        return REFUSE(TRUNK_INVALID, "its version is NULL; set it in its descriptor");
    }
    if (desc->summary == NULL) {
        return REFUSE(TRUNK_INVALID, "its summary is NULL; set it in its descriptor");
    }
    if (params_check_spec(desc->params, &spec_error) != TRUNK_OK) {
        return REFUSE(TRUNK_INVALID, "%s", spec_error.text);
    }
    return TRUNK_OK;
}

/* Copies the table at source: min(theirs, ours), the rest of ours is zero. */
static int32_t copy_ops(const void *source, void *ours, size_t ours_size, size_t least,
                        struct trunk_error *error) {
    size_t theirs_size;
    if (source == NULL) {
        return REFUSE(TRUNK_INVALID, "its table of functions is NULL; set ops in its descriptor");
    }
    memcpy(&theirs_size, source, sizeof theirs_size);
    if (theirs_size < least) {
        return REFUSE(TRUNK_INVALID,
                      "its table of functions has %zu bytes, at least %zu are needed; set its "
                      "struct_size, or rebuild it with this trunkd's headers",
                      theirs_size, least);
    }
    memset(ours, 0, ours_size);
    memcpy(ours, source, theirs_size < ours_size ? theirs_size : ours_size);
    return TRUNK_OK;
}

static int32_t check_caps(uint32_t caps, uint32_t kind, struct trunk_error *error) {
    uint32_t unknown = caps & CAPS_MANDATORY & ~CAPS_KNOWN;
    if (unknown != 0) {
        return REFUSE(TRUNK_UNSUPPORTED,
                      "has capability bit %d, which this trunkd does not know but must; install a "
                      "newer trunkd",
                      __builtin_ctz(unknown));
    }
    if (kind == TRUNK_KIND_FACTORY && (caps & CAPS_KNOWN) != 0) {
        return REFUSE(TRUNK_INVALID,
                      "is a factory with BLOCKING or PARALLEL, which only storage may have; remove "
                      "that and start threads of its own");
    }
    if ((caps & TRUNK_CAP_PARALLEL) && !(caps & TRUNK_CAP_BLOCKING)) {
        return REFUSE(TRUNK_INVALID,
                      "has PARALLEL without BLOCKING; set both, or neither, in its caps");
    }
    return TRUNK_OK;
}

static int32_t check_functions(const void *ops, const struct function *functions,
                               struct trunk_error *error) {
    const char *missing = find_missing(ops, functions);
    if (missing != NULL) {
        return REFUSE(TRUNK_INVALID, "lacks the mandatory function %s; add it to its ops", missing);
    }
    return TRUNK_OK;
}

static int32_t check_storage(const struct trunk_storage_ops *ops, struct trunk_error *error) {
    int32_t status = check_functions(ops, storage_functions, error);
    if (status != TRUNK_OK) {
        return status;
    }
    const char *missing = find_missing(ops, log_functions);
    if ((ops->caps & TRUNK_CAP_LOG) && missing != NULL) {
        return REFUSE(TRUNK_INVALID, "has LOG without the function %s; add it, or remove LOG",
                      missing);
    }
    if ((ops->begin == NULL) != (ops->commit == NULL)) {
        return REFUSE(TRUNK_INVALID, "has %s without %s; set both, or neither, in its ops",
                      ops->begin == NULL ? "commit" : "begin",
                      ops->begin == NULL ? "begin" : "commit");
    }
    if (ops->begin != NULL && !(ops->caps & TRUNK_CAP_BLOCKING)) {
        return REFUSE(TRUNK_INVALID,
                      "has begin and commit without BLOCKING; remove them, or set BLOCKING");
    }
    return TRUNK_OK;
}

int32_t plugin_check_descriptor(const struct trunk_plugin *theirs, uint32_t kind,
                                struct plugin *out, struct trunk_error *error) {
    int32_t status = check_head(theirs, kind, error);
    if (status != TRUNK_OK) {
        return status;
    }
    memset(&out->desc, 0, sizeof out->desc);
    memcpy(&out->desc, theirs,
           theirs->struct_size < sizeof out->desc ? theirs->struct_size : sizeof out->desc);
    status = check_texts(&out->desc, error);
    if (status != TRUNK_OK) {
        return status;
    }
    bool is_storage = out->desc.kind == TRUNK_KIND_STORAGE;
    memset(&out->ops, 0, sizeof out->ops);
    if (is_storage) {
        status = copy_ops(out->desc.ops, &out->ops.storage, sizeof out->ops.storage,
                          STORAGE_OPS_MIN, error);
    } else {
        status = copy_ops(out->desc.ops, &out->ops.factory, sizeof out->ops.factory,
                          FACTORY_OPS_MIN, error);
    }
    if (status == TRUNK_OK) {
        uint32_t caps = is_storage ? out->ops.storage.caps : out->ops.factory.caps;
        status = check_caps(caps, out->desc.kind, error);
    }
    if (status != TRUNK_OK) {
        return status;
    }
    return is_storage ? check_storage(&out->ops.storage, error)
                      : check_functions(&out->ops.factory, factory_functions, error);
}
