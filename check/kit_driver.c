/* SPDX-License-Identifier: MIT
 * kit_driver.c - the core's own loader and parameters: what they refuse, trunkd refuses. */
#include "kit_driver.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plugin/loader.h"

static const struct trunk_param_spec *find_spec(const struct trunk_param_spec *spec,
                                                const char *key, size_t key_len) {
    for (; spec != NULL && spec->key != NULL; spec++) {
        if (strlen(spec->key) == key_len && memcmp(spec->key, key, key_len) == 0) {
            return spec;
        }
    }
    return NULL;
}

/* The member of this name, made by make() when there is none yet. */
static struct json_object *get_member(struct json_object *object, const char *name,
                                      struct json_object *(*make)(void)) {
    struct json_object *member = json_object_object_get(object, name);
    if (member == NULL) {
        member = make();
        json_object_object_add(object, name, member);
    }
    return member;
}

/* Writes a pair as a configuration would have it. */
static void add_pair(const struct trunk_param_spec *params, struct json_object *own,
                     struct json_object *backend, const char *key, const char *value) {
    size_t stem = strcspn(key, ".");
    const struct trunk_param_spec *spec = find_spec(params, key, stem);
    bool is_of_backend = spec != NULL && (spec->flags & TRUNK_PARAM_BACKEND) != 0;
    struct json_object *object = is_of_backend ? backend : own;
    if (spec != NULL && spec->type == TRUNK_PARAM_MAP && key[stem] == '.') {
        json_object_object_add(get_member(object, spec->key, json_object_new_object),
                               key + stem + 1, json_object_new_string(value));
    } else if (spec != NULL && spec->type == TRUNK_PARAM_LIST) {
        json_object_array_add(get_member(object, spec->key, json_object_new_array),
                              json_object_new_string(value));
    } else if (spec != NULL && (spec->type == TRUNK_PARAM_INT || spec->type == TRUNK_PARAM_BOOL)) {
        json_object_object_add(object, key, json_tokener_parse(value));
    } else {
        json_object_object_add(object, key, json_object_new_string(value));
    }
}

static bool add_pairs(const struct trunk_param_spec *params, struct json_object *own,
                      struct json_object *backend, char *const *pairs, size_t npairs) {
    for (size_t i = 0; i < npairs; i++) {
        const char *equals = strchr(pairs[i], '=');
        if (equals == NULL) {
            (void)fprintf(stderr, "%s: expected KEY=VALUE\n", pairs[i]);
            return false;
        }
        char *key = strndup(pairs[i], (size_t)(equals - pairs[i]));
        add_pair(params, own, backend, key, equals + 1);
        free(key);
    }
    return true;
}

static void tell_problem(void *ctx, const char *path, const char *problem) {
    (void)ctx;
    (void)fprintf(stderr, "%s: %s\n", path, problem);
}

static bool has_backend_key(const struct trunk_param_spec *params, const char *key) {
    const struct trunk_param_spec *spec = find_spec(params, key, strlen(key));
    return spec != NULL && (spec->flags & TRUNK_PARAM_BACKEND) != 0;
}

/* A backend that is a shell which becomes the peer. */
static void add_command(const struct trunk_param_spec *params, struct json_object *backend,
                        const char *command) {
    char *script = xasprintf("exec %s", command);
    add_pair(params, backend, backend, "command", "/bin/sh");
    add_pair(params, backend, backend, "args", "-c");
    add_pair(params, backend, backend, "args", script);
    free(script);
}

/* Unless the pairs say what the backend is. */
static void add_peer(struct kit_driver *driver, struct json_object *backend,
                     const struct kit_peer *peer) {
    const struct trunk_param_spec *params = driver->plugin->params;
    if (peer == NULL || json_object_object_get(backend, "command") != NULL ||
        json_object_object_get(backend, "url") != NULL) {
        return;
    }
    if (has_backend_key(params, "command")) {
        if (peer->command != NULL) {
            add_command(params, backend, peer->command);
        }
    } else if (has_backend_key(params, "url") && peer->url != NULL) {
        add_pair(params, backend, backend, "url", peer->url);
        driver->has_http_peer = true;
    }
}

static bool read_params(struct kit_driver *driver, char *const *pairs, size_t npairs,
                        const struct kit_peer *peer) {
    const struct trunk_param_spec *spec = driver->plugin->params;
    struct json_object *own = json_object_new_object();
    struct json_object *backend = json_object_new_object();
    bool is_good = add_pairs(spec, own, backend, pairs, npairs);
    add_peer(driver, backend, peer);
    is_good =
        is_good &&
        params_parse(spec, false, own, "driver", NULL, &driver->own, tell_problem, NULL) == 0 &&
        (driver->plugin->kind != TRUNK_KIND_FACTORY ||
         params_parse(spec, true, backend, "backend", NULL, &driver->backend, tell_problem, NULL) ==
             0);
    driver->params = driver->own.items;
    driver->nparams = driver->own.count;
    json_object_put(own);
    json_object_put(backend);
    return is_good;
}

bool kit_driver_load(struct kit_driver *out_driver, const char *path, char *const *pairs,
                     size_t npairs) {
    return kit_driver_load_with_peer(out_driver, path, pairs, npairs, NULL);
}

bool kit_driver_load_with_peer(struct kit_driver *out_driver, const char *path, char *const *pairs,
                               size_t npairs, const struct kit_peer *peer) {
    struct trunk_error error = {0};
    const struct plugin *plugin = NULL;
    *out_driver = (struct kit_driver){.loader = loader_new(NULL, NULL, 0, NULL)};
    char *absolute = realpath(path, NULL);
    if (absolute == NULL) {
        perror(path);
        return false;
    }
    int32_t status = loader_load(out_driver->loader, LOADER_ANY_KIND, absolute, &plugin, &error);
    free(absolute);
    if (status != TRUNK_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        return false;
    }
    out_driver->plugin = &plugin->desc;
    if (plugin->desc.kind == TRUNK_KIND_STORAGE) {
        out_driver->ops = plugin->ops.storage;
    } else {
        out_driver->factory = plugin->ops.factory;
    }
    return read_params(out_driver, pairs, npairs, peer);
}

void kit_driver_free(struct kit_driver *driver) {
    params_free(&driver->own);
    params_free(&driver->backend);
    loader_free(driver->loader);
}

bool kit_driver_has(const struct kit_driver *driver, uint32_t caps) {
    uint32_t has =
        driver->plugin->kind == TRUNK_KIND_FACTORY ? driver->factory.caps : driver->ops.caps;
    return (has & caps) == caps;
}
