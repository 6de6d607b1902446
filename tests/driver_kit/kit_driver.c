/* SPDX-License-Identifier: MIT
 * kit_driver.c - dlopen and the checks without which nothing of the driver may be called. */
#include "kit_driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(name) #name
#define TEXT_OF_MACRO(name) TEXT_OF(name)

static const uint32_t KNOWN_STORAGE_CAPS = TRUNK_CAP_BLOCKING | TRUNK_CAP_PARALLEL;

/* NULL: the descriptor is good as far as it can be told. */
static const char *find_flaw(const struct trunk_plugin *plugin) {
    if (plugin->magic != TRUNK_MAGIC) {
        return "the magic is wrong";
    }
    if (plugin->abi_major != TRUNK_ABI_MAJOR) {
        return "it is built for another major version of the ABI";
    }
    if (plugin->struct_size < sizeof *plugin || plugin->ops == NULL) {
        return "the descriptor is too short, or has no ops";
    }
    if (plugin->min_host_minor > TRUNK_ABI_MINOR) {
        return "it wants a newer host";
    }
    if (plugin->kind != TRUNK_KIND_STORAGE) {
        return "it is no storage driver";
    }
    if (plugin->name == NULL || plugin->version == NULL || plugin->summary == NULL ||
        plugin->params == NULL) {
        return "name, version, summary or params is missing";
    }
    return NULL;
}

static const char *find_flaw_in_ops(const struct trunk_storage_ops *ops) {
    if ((ops->caps >> 16 << 16 & ~KNOWN_STORAGE_CAPS) != 0) {
        return "it has a capability bit among 16..31 that this kit does not know";
    }
    if (ops->check == NULL || ops->open == NULL || ops->close == NULL || ops->ping == NULL ||
        ops->load == NULL || ops->put == NULL || ops->touch == NULL || ops->remove == NULL ||
        ops->sweep == NULL || ops->scan == NULL) {
        return "a mandatory function is missing";
    }
    if ((ops->caps & TRUNK_CAP_LOG) != 0 &&
        (ops->log_append == NULL || ops->log_read == NULL || ops->log_trim == NULL)) {
        return "it has CAP_LOG and not all functions of the log";
    }
    if ((ops->begin == NULL) != (ops->commit == NULL)) {
        return "begin and commit come together";
    }
    if (ops->begin != NULL && (ops->caps & TRUNK_CAP_BLOCKING) == 0) {
        return "begin and commit are for BLOCKING drivers";
    }
    return NULL;
}

/* The pairs are cut at their '=' into keys and values of their own. */
static bool read_params(struct kit_driver *driver, char *const *pairs, size_t npairs) {
    driver->params = calloc(npairs + 1, sizeof *driver->params);
    for (size_t i = 0; driver->params != NULL && i < npairs; i++) {
        const char *equals = strchr(pairs[i], '=');
        if (equals == NULL) {
            (void)fprintf(stderr, "%s: expected KEY=VALUE\n", pairs[i]);
            return false;
        }
        driver->params[i].key = strndup(pairs[i], (size_t)(equals - pairs[i]));
        driver->params[i].value = strdup(equals + 1);
        driver->nparams = i + 1;
    }
    return driver->params != NULL;
}

bool kit_driver_load(struct kit_driver *out_driver, const char *path, char *const *pairs,
                     size_t npairs) {
    *out_driver = (struct kit_driver){0};
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL) {
        (void)fprintf(stderr, "%s\n", dlerror());
        return false;
    }
    out_driver->plugin = dlsym(object, TEXT_OF_MACRO(TRUNK_SYMBOL));
    if (out_driver->plugin == NULL) {
        (void)fprintf(stderr, "%s: has no symbol %s\n", path, TEXT_OF_MACRO(TRUNK_SYMBOL));
        return false;
    }
    const char *flaw = find_flaw(out_driver->plugin);
    if (flaw == NULL) {
        const struct trunk_storage_ops *theirs = out_driver->plugin->ops;
        size_t size = theirs->struct_size;
        memcpy(&out_driver->ops, theirs,
               size < sizeof out_driver->ops ? size : sizeof out_driver->ops);
        flaw = find_flaw_in_ops(&out_driver->ops);
    }
    if (flaw != NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, flaw);
        return false;
    }
    return read_params(out_driver, pairs, npairs);
}

void kit_driver_free(struct kit_driver *driver) {
    for (size_t i = 0; i < driver->nparams; i++) {
        free((void *)driver->params[i].key);
        free((void *)driver->params[i].value);
    }
    free(driver->params);
}

bool kit_driver_has(const struct kit_driver *driver, uint32_t caps) {
    return (driver->ops.caps & caps) == caps;
}
