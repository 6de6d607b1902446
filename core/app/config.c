/* SPDX-License-Identifier: MIT
 * config.c - loads the config: reads the file, expands the environment, and checks every value. */
#include "app/config.h"

#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "app/config_aggregation.h"
#include "app/config_drivers.h"
#include "app/config_file.h"
#include "app/config_schema.h"
#include "app/expand.h"
#include "base/alloc.h"
#include "http/allowed.h"
#include "http/listen_socket.h"

#define NODE_NAME_MAX 200 /* it is part of a storage key, which has at most 256 bytes */

static bool is_visible_ascii(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text <= 0x20 || *text >= 0x7f) {
            return false;
        }
    }
    return true;
}

static void read_node(struct config *config, struct json_object *object,
                      struct problems *problems) {
    schema_read(schema_node, object, "node", false, config, problems);
    if (config->node[0] == '\0') {
        char host[256] = "";
        (void)gethostname(host, sizeof host - 1);
        free(config->node);
        config->node = xstrdup(host[0] == '\0' ? "localhost" : host);
    } else if (!is_visible_ascii(config->node) || strlen(config->node) > NODE_NAME_MAX) {
        problems_add(problems, "node.name",
                     "not a node name; write at most %d visible ASCII characters", NODE_NAME_MAX);
    }
}

static void check_entries(char *const *entries, const char *path,
                          const char *(*find_defect)(const char *entry),
                          struct problems *problems) {
    for (size_t i = 0; entries[i] != NULL; i++) {
        const char *defect = find_defect(entries[i]);
        if (defect != NULL) {
            struct buffer place = {0};
            buffer_append_cstr(&place, path);
            path_append_index(&place, i);
            problems_add(problems, buffer_cstr(&place), "%s", defect);
            buffer_free(&place);
        }
    }
}

static void read_listen(struct config *config, struct json_object *object,
                        struct problems *problems) {
    struct http_options *listen = &config->listen;
    schema_read(schema_listen, object, "listen", false, listen, problems);
    if (!listen_address_is_numeric(listen->address)) {
        problems_add(problems, "listen.address",
                     "not a numeric address; write \"127.0.0.1\" or \"::1\" for this host alone, "
                     "\"0.0.0.0\" or \"::\" for all networks");
    } else if (!listen_address_is_loopback(listen->address) && listen->allowed_hosts[0] == NULL) {
        problems_add(problems, "listen.allowed_hosts",
                     "needed, since listen.address can be reached from other hosts; write the "
                     "hosts in the URLs of clients, as in [\"trunk.example\"]");
    }
    check_entries(listen->allowed_hosts, "listen.allowed_hosts", allowed_host_find_defect,
                  problems);
    check_entries(listen->allowed_origins, "listen.allowed_origins", allowed_origin_find_defect,
                  problems);
    if (listen->path[0] != '/' || !is_visible_ascii(listen->path) ||
        strpbrk(listen->path, "?#") != NULL) {
        problems_add(
            problems, "listen.path",
            "not the path of a URL; begin it with \"/\", as in \"/mcp\", and use no blanks, "
            "\"?\" or \"#\"");
    }
}

bool config_lets_strangers_in(const struct config *config) {
    return config->auth.allows_anonymous && !config->auth.says_anonymous &&
           listen_address_is_numeric(config->listen.address) &&
           !listen_address_is_loopback(config->listen.address);
}

static void read_tokens(struct config *config, struct problems *problems) {
    struct problems of_file;
    problems_init(&of_file, config->auth.tokens_file, problems->report, problems->ctx);
    (void)tokens_file_read(&of_file, &config->auth.tokens, &config->auth.stamp);
    problems->count += of_file.count;
    problems_clear(&of_file);
}

/* On other hosts nobody is let in by default. */
static void read_auth(struct config *config, struct json_object *object,
                      struct problems *problems) {
    struct config_auth *auth = &config->auth;
    schema_read(schema_auth, object, "auth", false, config, problems);
    auth->says_anonymous = json_object_object_get_ex(object, "anonymous", NULL);
    if (auth->tokens_file[0] == '/') {
        read_tokens(config, problems);
    } else if (auth->tokens_file[0] != '\0') {
        problems_add(problems, "auth.tokens_file",
                     "a relative path; write the absolute one, which begins with \"/\"");
    } else if (!auth->allows_anonymous) {
        problems_add(problems, "auth.tokens_file",
                     "missing, and auth.anonymous is false: nobody could come in; give a file of "
                     "tokens, or write \"anonymous\": true");
    } else if (config_lets_strangers_in(config)) {
        problems_add(problems, "auth",
                     "says nothing, and listen.address can be reached from other hosts; give "
                     "tokens_file, or write \"anonymous\": true if anybody there may come in");
    }
}

/* The build's plugins/ beside the directory of the program, where the program was not installed;
 * else where the install rules put them, as seen from the program: a prefix may be moved. */
static char *default_plugin_dir(void) {
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    program[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL) {
        return xstrdup(TRUNKD_PLUGIN_DIR);
    }
    *slash = '\0';
    char *mark = xasprintf("%s/../CMakeCache.txt", program);
    char *path = xasprintf("%s/%s", program,
                           access(mark, F_OK) == 0 ? "../plugins" : TRUNKD_PLUGIN_DIR_FROM_PROGRAM);
    char *dir = realpath(path, NULL);
    free(mark);
    free(path);
    return dir == NULL ? xstrdup(TRUNKD_PLUGIN_DIR) : dir;
}

/* A relative directory is told and left out, so that it is not told again for each driver that is
 * looked for in it. */
static struct loader *make_loader(char **dirs, struct log *log, struct problems *problems) {
    char *default_dir = default_plugin_dir();
    const char **absolute = NULL;
    size_t count = 0;
    for (size_t i = 0; dirs[i] != NULL; i++) {
        if (dirs[i][0] == '/') {
            absolute = xrealloc(absolute, (count + 1) * sizeof *absolute);
            absolute[count++] = dirs[i];
            continue;
        }
        struct buffer path = {0};
        path_append_member(&path, "plugin_dirs");
        path_append_index(&path, i);
        problems_add(problems, buffer_cstr(&path),
                     "a relative path; write the absolute one, which begins with \"/\"");
        buffer_free(&path);
    }
    struct loader *loader = loader_new(log, absolute, count, default_dir);
    free(absolute);
    free(default_dir);
    return loader;
}

static void read_tree(struct config *config, struct json_object *tree, struct log *log,
                      struct problems *problems) {
    struct root_block root;
    expand_tree(tree, "", problems);
    /* With strings that are not what they will be, a driver's check would only tell what is told
     * already. */
    bool may_check = problems->count == 0;
    schema_read(schema_root, tree, "", false, &root, problems);
    read_node(config, root.node, problems);
    read_listen(config, root.listen, problems);
    read_auth(config, root.auth, problems);
    schema_read(schema_session, root.session, "session", false, &config->session, problems);
    schema_read(schema_log, root.log, "log", false, config, problems);
    config->plugin_dirs = root.plugin_dirs;
    config->loader = make_loader(config->plugin_dirs, log, problems);
    config_drivers_read(config, &root, may_check, problems);
    config_aggregation_read(config, root.aggregation, problems);
}

size_t config_load(const char *file, struct log *log, config_problem_fn report, void *ctx,
                   struct config **out) {
    struct problems problems;
    problems_init(&problems, file, report, ctx);
    struct config *config = NULL;
    struct json_object *tree = config_file_read(&problems);
    if (tree != NULL) {
        config = xcalloc(1, sizeof *config);
        config->file = xstrdup(file);
        read_tree(config, tree, log, &problems);
        json_object_put(tree);
    }
    if (problems.count > 0) {
        config_free(config);
        config = NULL;
    }
    *out = config;
    problems_clear(&problems);
    return problems.count;
}

size_t config_load_dirs(const char *file, struct log *log, config_problem_fn report, void *ctx,
                        struct loader **out) {
    struct problems problems;
    problems_init(&problems, file, report, ctx);
    struct loader *loader = NULL;
    struct json_object *tree = config_file_read(&problems);
    if (tree != NULL) {
        char **dirs = NULL;
        expand_tree(json_object_object_get(tree, "plugin_dirs"), "plugin_dirs", &problems);
        schema_read(schema_dirs, tree, "", true, &dirs, &problems);
        loader = make_loader(dirs, log, &problems);
        schema_clear(schema_dirs, &dirs);
        json_object_put(tree);
    }
    if (problems.count > 0) {
        loader_free(loader);
        loader = NULL;
    }
    *out = loader;
    problems_clear(&problems);
    return problems.count;
}

static void clear_driver(struct config_driver *driver) {
    free(driver->name);
    params_free(&driver->params);
}

void config_free(struct config *config) {
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->nbackends; i++) {
        free(config->backends[i].name);
        params_free(&config->backends[i].params);
    }
    free(config->backends);
    for (size_t i = 0; i < config->nfactories; i++) {
        clear_driver(&config->factories[i]);
    }
    free(config->factories);
    clear_driver(&config->storage);
    loader_free(config->loader);
    schema_clear(schema_dirs, &config->plugin_dirs);
    schema_clear(schema_listen, &config->listen);
    schema_clear(schema_auth, config);
    schema_clear(schema_aggregation, &config->aggregation);
    tokens_clear(&config->auth.tokens);
    schema_clear(schema_node, config);
    free(config->file);
    free(config);
}
