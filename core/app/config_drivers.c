/* SPDX-License-Identifier: MIT
 * config_drivers.c - storage, factories and backends of the config, by the specs of their drivers.
 */
#include "app/config_drivers.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "base/alloc.h"
#include "base/status.h"
#include "plugin/describe.h"

/* The factories that exist unless the config defines them, and what asks for them. */
static const struct standard_factory {
    const char *name;    /* also of its driver */
    const char *chooser; /* the key that only such a backend has */
} standard_factories[] = {{"stdio", "command"}, {"http", "url"}};
#define STANDARD_COUNT (sizeof standard_factories / sizeof standard_factories[0])

/* What the files of MCP clients say in `type`. */
static const struct backend_type {
    const char *name;
    const char *factory;
} backend_types[] = {{"stdio", "stdio"}, {"http", "http"}, {"sse", "http"}};
#define TYPE_COUNT (sizeof backend_types / sizeof backend_types[0])

typedef int32_t (*check_fn)(const struct trunk_param *params, size_t nparams,
                            struct trunk_error *error);

struct reading {
    struct config *config;
    struct problems *problems;
    bool may_check;
};

static char *join_path(const char *block, const char *member) {
    struct buffer path = {0};
    buffer_append_cstr(&path, block);
    path_append_member(&path, member);
    char *text = xstrdup(buffer_cstr(&path));
    buffer_free(&path);
    return text;
}

static void tell_error(const struct reading *reading, const char *path, int32_t status,
                       struct trunk_error *error) {
    char *at_key = NULL;
    /* A driver fills them: nothing says that it ends them. */
    error->key[sizeof error->key - 1] = '\0';
    error->text[sizeof error->text - 1] = '\0';
    at_key = error->key[0] == '\0' ? xstrdup(path) : join_path(path, error->key);
    problems_add(reading->problems, at_key, "%s",
                 error->text[0] == '\0' ? status_name(status) : error->text);
    free(at_key);
}

static void run_check(const struct reading *reading, check_fn check,
                      const struct param_list *params, const char *path) {
    struct trunk_error error = {0};
    if (check == NULL || !reading->may_check) {
        return;
    }
    int32_t status = check(params->items, params->count, &error);
    if (status != TRUNK_OK) {
        tell_error(reading, path, status, &error);
    }
}

/* First in a child: what its constructors do is not yet known to be harmless. */
static int32_t load_plugin(struct loader *loader, uint32_t kind, const char *driver,
                           const struct plugin **out, struct trunk_error *error) {
    char *path = NULL;
    int32_t status = loader_find(loader, kind, driver, &path, error);
    if (status == TRUNK_OK) {
        status = describe_try(path, error);
    }
    free(path);
    return status == TRUNK_OK ? loader_load(loader, kind, driver, out, error) : status;
}

/* Loads the plugin and reads the driver's own keys. path is that of the block that holds driver and
 * params. */
static void read_driver(const struct reading *reading, uint32_t kind, const char *driver,
                        struct json_object *params, const char *path, struct config_driver *out) {
    struct trunk_error error = {0};
    char *params_path = join_path(path, "params");
    int32_t status = load_plugin(reading->config->loader, kind, driver, &out->plugin, &error);
    if (status != TRUNK_OK) {
        out->plugin = NULL;
        tell_error(reading, path, status, &error);
    } else if (params_parse(out->plugin->desc.params, false, params, params_path, NULL,
                            &out->params, problems_add_param, reading->problems) == 0) {
        run_check(reading,
                  kind == TRUNK_KIND_STORAGE ? out->plugin->ops.storage.check
                                             : out->plugin->ops.factory.check,
                  &out->params, params_path);
    }
    free(params_path);
}

static void read_storage(const struct reading *reading, struct json_object *object) {
    struct storage_block block;
    struct config *config = reading->config;
    schema_read(schema_storage, object, "storage", false, &block, reading->problems);
    config->storage.name = xstrdup("storage");
    config->start_wait_ms = block.start_wait_ms;
    read_driver(reading, TRUNK_KIND_STORAGE, block.driver, block.params, "storage",
                &config->storage);
    schema_clear(schema_storage, &block);
}

static struct config_driver *add_factory(struct config *config, const char *name) {
    config->factories =
        xrealloc(config->factories, (config->nfactories + 1) * sizeof *config->factories);
    struct config_driver *factory = &config->factories[config->nfactories++];
    *factory = (struct config_driver){.name = xstrdup(name)};
    return factory;
}

/* A factory that is wrong is added all the same, so that the backends that name it are not said to
 * be wrong too. */
static void read_factory(const struct reading *reading, const char *name,
                         struct json_object *object, const char *path) {
    struct config_driver *factory = add_factory(reading->config, name);
    struct factory_block block;
    if (!schema_expect_block(object, path, reading->problems)) {
        return;
    }
    schema_read(schema_factory, object, path, false, &block, reading->problems);
    if (block.driver[0] == '\0') {
        char *driver_path = join_path(path, "driver");
        problems_add(reading->problems, driver_path,
                     "missing; write the name of a factory driver, such as \"stdio\"");
        free(driver_path);
    } else {
        read_driver(reading, TRUNK_KIND_FACTORY, block.driver, block.params, path, factory);
    }
    schema_clear(schema_factory, &block);
}

static void read_factories(const struct reading *reading, struct json_object *object) {
    struct json_object_iter it;
    json_object_object_foreachC(object, it) {
        char *path = join_path("factories", it.key);
        read_factory(reading, it.key, it.val, path);
        free(path);
    }
}

static bool find_factory(const struct config *config, const char *name, size_t *out_index) {
    for (size_t i = 0; i < config->nfactories; i++) {
        if (strcmp(config->factories[i].name, name) == 0) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

/* Without a factory nobody knows the other keys; but a slip in the one that would have chosen it is
 * worth telling. */
static void tell_no_factory(const struct reading *reading, struct json_object *object,
                            const char *path) {
    const char *const choosers[] = {"command", "url", "type", "factory"};
    bool is_slip = false;
    struct json_object_iter it;
    json_object_object_foreachC(object, it) {
        const char *nearest = nearest_word(it.key, choosers, 4);
        if (nearest != NULL && strcmp(nearest, it.key) != 0) {
            char *key_path = join_path(path, it.key);
            problems_add(reading->problems, key_path, "unknown key; did you mean \"%s\"?", nearest);
            free(key_path);
            is_slip = true;
        }
    }
    if (!is_slip) {
        problems_add(
            reading->problems, path,
            "has neither \"command\" nor \"url\"; add \"command\" with the program to run, "
            "\"url\" with the server's address, or \"factory\" with the name of one of "
            "factories");
    }
}

static bool is_standard(const char *name) {
    for (size_t i = 0; i < STANDARD_COUNT; i++) {
        if (strcmp(standard_factories[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_unknown_factory(const struct reading *reading, const char *path) {
    struct buffer known = {0};
    for (size_t i = 0; i < reading->config->nfactories; i++) {
        const char *name = reading->config->factories[i].name;
        if (!is_standard(name)) {
            buffer_printf(&known, "\"%s\", ", name);
        }
    }
    for (size_t i = 0; i < STANDARD_COUNT; i++) {
        buffer_printf(&known, "%s\"%s\"", i == 0 ? "" : ", ", standard_factories[i].name);
    }
    char *key_path = join_path(path, "factory");
    problems_add(reading->problems, key_path,
                 "no such factory; define it in factories, or name one of %s", buffer_cstr(&known));
    free(key_path);
    buffer_free(&known);
}

/* The factory of a `type`; NULL after a problem. */
static const char *factory_of_type(const struct reading *reading, const char *type,
                                   const char *path) {
    const char *const names[TYPE_COUNT] = {"stdio", "http", "sse"};
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (strcmp(backend_types[i].name, type) == 0) {
            return backend_types[i].factory;
        }
    }
    char *key_path = join_path(path, "type");
    const char *nearest = nearest_word(type, names, TYPE_COUNT);
    problems_add(reading->problems, key_path,
                 "no such type%s%s%s; write \"stdio\", \"http\" or \"sse\"",
                 nearest != NULL ? ", did you mean \"" : "", nearest != NULL ? nearest : "",
                 nearest != NULL ? "\"?" : "");
    free(key_path);
    return NULL;
}

/* `factory`, else `type`, else the key that only one of the standard ones has. */
static const char *name_factory(const struct reading *reading, const struct backend_block *block,
                                struct json_object *object, const char *path) {
    if (block->factory[0] != '\0') {
        return block->factory;
    }
    if (block->type[0] != '\0') {
        return factory_of_type(reading, block->type, path);
    }
    for (size_t i = 0; i < STANDARD_COUNT; i++) {
        if (json_object_object_get_ex(object, standard_factories[i].chooser, NULL)) {
            return standard_factories[i].name;
        }
    }
    tell_no_factory(reading, object, path);
    return NULL;
}

static bool choose_factory(const struct reading *reading, const struct backend_block *block,
                           struct json_object *object, const char *path, size_t *out_index) {
    const char *name = name_factory(reading, block, object, path);
    if (name == NULL) {
        return false;
    }
    if (find_factory(reading->config, name, out_index)) {
        return true;
    }
    if (!is_standard(name)) {
        tell_unknown_factory(reading, path);
        return false;
    }
    char *factory_path = join_path("factories", name);
    *out_index = reading->config->nfactories;
    read_driver(reading, TRUNK_KIND_FACTORY, name, NULL, factory_path,
                add_factory(reading->config, name));
    free(factory_path);
    return true;
}

static void read_backend_params(const struct reading *reading, struct json_object *object,
                                const char *path, struct config_backend *backend) {
    const struct plugin *plugin = reading->config->factories[backend->factory].plugin;
    if (plugin == NULL) {
        return; /* Told where it was to be loaded. */
    }
    const char **own_keys = schema_names(schema_backend);
    if (params_parse(plugin->desc.params, true, object, path, own_keys, &backend->params,
                     problems_add_param, reading->problems) == 0) {
        run_check(reading, plugin->ops.factory.check_backend, &backend->params, path);
    }
    free(own_keys);
}

/* Each character that a backend's name must not have becomes one '-'. */
static char *normal_name(const char *name) {
    struct buffer normal = {0};
    for (; *name != '\0'; name++) {
        unsigned char byte = (unsigned char)*name;
        if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
            (byte >= 'a' && byte <= 'z') || strchr("_.-", byte) != NULL) {
            buffer_append(&normal, name, 1);
        } else if ((byte & 0xc0) != 0x80) { /* not a continuation byte */
            buffer_append_cstr(&normal, "-");
        }
    }
    char *text = xstrdup(buffer_cstr(&normal));
    buffer_free(&normal);
    return text;
}

static void read_backend(const struct reading *reading, const char *written_name,
                         struct json_object *object, const char *path) {
    struct config *config = reading->config;
    struct backend_block block;
    schema_read(schema_backend, object, path, true, &block, reading->problems);
    struct config_backend *backend = &config->backends[config->nbackends++];
    *backend = (struct config_backend){.name = normal_name(written_name),
                                       .is_disabled = block.is_disabled,
                                       .is_required = block.is_required,
                                       .timeout_ms = block.timeout_ms,
                                       .max_timeout_ms = block.max_timeout_ms};
    if (block.max_timeout_ms != 0 && block.timeout_ms > block.max_timeout_ms) {
        char *key_path = join_path(path, "timeout");
        problems_add(reading->problems, key_path,
                     "is longer than max_timeout; make it shorter, or max_timeout longer");
        free(key_path);
    }
    if (written_name[0] == '\0') {
        problems_add(reading->problems, path, "a backend without a name; give it one");
    }
    if (choose_factory(reading, &block, object, path, &backend->factory)) {
        read_backend_params(reading, object, path, backend);
    }
    schema_clear(schema_backend, &block);
}

static void tell_equal_names(const struct reading *reading, struct json_object *object,
                             const char *name) {
    const char *first = NULL;
    struct json_object_iter it;
    json_object_object_foreachC(object, it) {
        char *normal = normal_name(it.key);
        if (strcmp(normal, name) == 0 && first == NULL) {
            first = it.key;
        } else if (strcmp(normal, name) == 0) {
            char *path = join_path("mcpServers", it.key);
            problems_add(reading->problems, path,
                         "\"%s\" and \"%s\" both become the name \"%s\"; rename one of them", first,
                         it.key, name);
            free(path);
        }
        free(normal);
    }
}

static int compare_backends(const void *a, const void *b) {
    return strcmp(((const struct config_backend *)a)->name,
                  ((const struct config_backend *)b)->name);
}

static void read_backends(const struct reading *reading, struct json_object *object) {
    struct config *config = reading->config;
    config->backends = xcalloc((size_t)json_object_object_length(object), sizeof *config->backends);
    struct json_object_iter it;
    json_object_object_foreachC(object, it) {
        char *path = join_path("mcpServers", it.key);
        if (schema_expect_block(it.val, path, reading->problems)) {
            read_backend(reading, it.key, it.val, path);
        }
        free(path);
    }
    if (config->nbackends > 1) {
        qsort(config->backends, config->nbackends, sizeof *config->backends, compare_backends);
    }
    for (size_t i = 1; i < config->nbackends; i++) {
        if (strcmp(config->backends[i - 1].name, config->backends[i].name) == 0) {
            tell_equal_names(reading, object, config->backends[i].name);
        }
    }
}

void config_drivers_read(struct config *config, const struct root_block *root, bool may_check,
                         struct problems *problems) {
    const struct reading reading = {config, problems, may_check};
    read_storage(&reading, root->storage);
    if (root->factories != NULL) {
        read_factories(&reading, root->factories);
    }
    if (root->backends != NULL) {
        read_backends(&reading, root->backends);
    }
}
