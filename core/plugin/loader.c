/* SPDX-License-Identifier: MIT
 * loader.c - finds shared objects by the rules of paths and trust, and opens them. */
#include "plugin/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "base/status.h"

#define STR_(x) #x
#define STR(x) STR_(x)
#define SYMBOL STR(TRUNK_SYMBOL)
#define FACTORY_SYMBOL STR(TRUNK_FACTORY_SYMBOL)
#define SYMBOL_STEM "trunk_plugin_v"
#define NEWEST_MAJOR 9

#define SHOWN_NAME_LEN 40
#define SHOWN_PATH_LEN 76
#define SHOWN_REASON_LEN 60

struct loaded {
    struct plugin plugin;
    struct loaded *next;
};

struct loader {
    struct log *log;
    char **dirs;
    size_t ndirs;
    struct loaded *loaded;
};

#define REFUSE(status, ...) error_set(error, (status), "driver", __VA_ARGS__)

struct loader *loader_new(struct log *log, const char *const *dirs, size_t ndirs,
                          const char *default_dir) {
    struct loader *loader = xcalloc(1, sizeof *loader);
    loader->log = log;
    loader->dirs = xcalloc(ndirs + 1, sizeof *loader->dirs);
    for (size_t i = 0; i < ndirs; i++) {
        loader->dirs[loader->ndirs++] = xstrdup(dirs[i]);
    }
    if (default_dir != NULL) {
        loader->dirs[loader->ndirs++] = xstrdup(default_dir);
    }
    return loader;
}

void loader_free(struct loader *loader) {
    if (loader == NULL) {
        return;
    }
    while (loader->loaded != NULL) {
        struct loaded *loaded = loader->loaded;
        loader->loaded = loaded->next;
        free(loaded->plugin.path);
        free(loaded);
    }
    for (size_t i = 0; i < loader->ndirs; i++) {
        free(loader->dirs[i]);
    }
    free(loader->dirs);
    free(loader);
}

/* A path as a refusal shows it: cut at the left, where it says least. */
struct shown_path {
    char text[SHOWN_PATH_LEN + 1];
};

static struct shown_path show_path_within(const char *path, size_t limit) {
    struct shown_path shown;
    size_t len = strlen(path);
    if (limit > SHOWN_PATH_LEN) {
        limit = SHOWN_PATH_LEN;
    }
    if (len <= limit) {
        memcpy(shown.text, path, len + 1);
    } else {
        const char *tail = path + len - (limit - strlen("..."));
        while (((unsigned char)*tail & 0xc0) == 0x80) { /* inside a character */
            tail++;
        }
        (void)snprintf(shown.text, sizeof shown.text, "...%s", tail);
    }
    return shown;
}

static struct shown_path show_path(const char *path) {
    return show_path_within(path, SHOWN_PATH_LEN);
}

static int32_t check_owner(const char *what, const char *path, const struct stat *info,
                           struct trunk_error *error) {
    if (info->st_mode & S_IWOTH) {
        return REFUSE(TRUNK_DENIED,
                      "%s may be written by others, who could put code into it; run: chmod o-w %s",
                      what, show_path(path).text);
    }
    if (info->st_uid != 0 && info->st_uid != geteuid()) {
        return REFUSE(TRUNK_DENIED,
                      "%s belongs to user %lu, not to root or user %lu; run: chown root %s", what,
                      (unsigned long)info->st_uid, (unsigned long)geteuid(), show_path(path).text);
    }
    return TRUNK_OK;
}

static int32_t refuse_unseen(const char *path, int reason, struct trunk_error *error) {
    if (reason == ENOENT || reason == ENOTDIR) {
        return REFUSE(TRUNK_NOT_FOUND,
                      "there is no file %s; correct the path, or install the driver",
                      show_path(path).text);
    }
    return REFUSE(reason == EACCES ? TRUNK_DENIED : TRUNK_INVALID,
                  "%s cannot be looked at: %s; correct the path, or its rights",
                  show_path(path).text, strerrordesc_np(reason));
}

static int32_t check_directory(const char *path, struct trunk_error *error) {
    struct stat info;
    char *directory = xstrdup(path);
    char *slash = strrchr(directory, '/');
    slash[slash == directory ? 1 : 0] = '\0';
    int32_t status = stat(directory, &info) != 0
                         ? refuse_unseen(directory, errno, error)
                         : check_owner("the plugin's directory", directory, &info, error);
    free(directory);
    return status;
}

static int32_t check_file(const char *path, struct trunk_error *error) {
    struct stat info;
    if (stat(path, &info) != 0) {
        return refuse_unseen(path, errno, error);
    }
    if (!S_ISREG(info.st_mode)) {
        return REFUSE(TRUNK_INVALID, "%s is not a file; name the shared object itself",
                      show_path(path).text);
    }
    return check_owner("the plugin", path, &info, error);
}

static int32_t refuse_unloadable(const char *path, const char *reason, struct trunk_error *error) {
    size_t path_len = strlen(path);
    if (reason == NULL) {
        reason = "no reason given";
    } else if (strncmp(reason, path, path_len) == 0 && reason[path_len] == ':') {
        reason += path_len + 1;
        reason += strspn(reason, " ");
    }
    const char *remedy = "install what it needs";
    bool is_elf = true;
    if (strstr(reason, "ELF") != NULL || strstr(reason, "file too short") != NULL) {
        is_elf = false;
        remedy = "name one";
    } else if (strstr(reason, "undefined symbol") != NULL) {
        remedy = "link it with what it uses";
    }
    return REFUSE(TRUNK_INVALID, "%s %s: %.*s; %s", show_path(path).text,
                  is_elf ? "does not load" : "is no shared object for this machine",
                  SHOWN_REASON_LEN, reason, remedy);
}

static int32_t refuse_symbol(const char *path, void *object, struct trunk_error *error) {
    for (int major = 0; major <= NEWEST_MAJOR; major++) {
        char symbol[sizeof SYMBOL_STEM + 1];
        (void)snprintf(symbol, sizeof symbol, "%s%d", SYMBOL_STEM, major % 10);
        if (dlsym(object, symbol) != NULL) {
            return REFUSE(TRUNK_UNSUPPORTED,
                          "%s was built for ABI %d, which this trunkd does not have; rebuild it "
                          "with this trunkd's headers",
                          show_path(path).text, major);
        }
    }
    return REFUSE(TRUNK_INVALID,
                  "%s exports neither %s nor %s: not a trunkd plugin; name one, or build it with "
                  "the macros of plugin.h",
                  show_path(path).text, SYMBOL, FACTORY_SYMBOL);
}

/* Opens the file at path, which is real and trusted. */
static int32_t open_plugin(const char *path, uint32_t kind, struct plugin *out,
                           struct trunk_error *error) {
    struct trunk_error reason = {0};
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL) {
        return refuse_unloadable(path, dlerror(), error);
    }
    const struct trunk_plugin *theirs = dlsym(object, SYMBOL);
    if (theirs == NULL) {
        theirs = dlsym(object, FACTORY_SYMBOL);
    }
    if (theirs == NULL) {
        return refuse_symbol(path, object, error);
    }
    int32_t status = plugin_check_descriptor(theirs, kind, out, &reason);
    if (status != TRUNK_OK) {
        size_t room = sizeof error->text - sizeof ": " - strlen(reason.text);
        return REFUSE(status, "%s: %s", show_path_within(path, room).text, reason.text);
    }
    return TRUNK_OK;
}

static bool is_short_name(const char *driver) {
    return *driver != '\0' &&
           driver[strspn(driver, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static int32_t refuse_unfound(const struct loader *loader, uint32_t kind, const char *name,
                              struct trunk_error *error) {
    struct buffer dirs = {0};
    for (size_t i = 0; i < loader->ndirs; i++) {
        buffer_printf(&dirs, "%s%s", i == 0 ? "" : ", ", loader->dirs[i]);
    }
    int32_t status =
        REFUSE(TRUNK_NOT_FOUND,
               "there is no %s-%.*s.so in %s; install it, or add its directory to plugin_dirs",
               plugin_kind_name(kind), SHOWN_NAME_LEN, name,
               loader->ndirs == 0 ? "any directory" : show_path(buffer_cstr(&dirs)).text);
    buffer_free(&dirs);
    return status;
}

/* The path of a driver with a short name, freed by the caller. */
static int32_t find_short(const struct loader *loader, uint32_t kind, const char *name,
                          char **out_path, struct trunk_error *error) {
    for (size_t i = 0; i < loader->ndirs; i++) {
        const char *dir = loader->dirs[i];
        if (*dir != '/') {
            return REFUSE(
                TRUNK_INVALID,
                "the plugin directory \"%s\" is a relative path; write it from / on in plugin_dirs",
                show_path(dir).text);
        }
        char *path = xasprintf("%s/%s-%s.so", dir, plugin_kind_name(kind), name);
        if (access(path, F_OK) == 0) {
            *out_path = path;
            return TRUNK_OK;
        }
        int reason = errno;
        int32_t status = TRUNK_OK;
        if (reason != ENOENT && reason != ENOTDIR) {
            status = refuse_unseen(path, reason, error);
        }
        free(path);
        if (status != TRUNK_OK) {
            return status;
        }
    }
    return refuse_unfound(loader, kind, name, error);
}

static int32_t find_path(const struct loader *loader, uint32_t kind, const char *driver,
                         char **out_path, struct trunk_error *error) {
    if (*driver == '/') {
        *out_path = xstrdup(driver);
        return TRUNK_OK;
    }
    if (strchr(driver, '/') != NULL || kind == LOADER_ANY_KIND) {
        return REFUSE(TRUNK_INVALID, "\"%s\" is a relative path; write it from / on%s",
                      show_path(driver).text,
                      kind == LOADER_ANY_KIND ? "" : ", or only the driver's short name");
    }
    if (!is_short_name(driver)) {
        return REFUSE(TRUNK_INVALID,
                      "\"%.*s\" is no driver name; write a short name of a-z, 0-9 and '-', or the "
                      "path of a file from / on",
                      SHOWN_NAME_LEN, driver);
    }
    return find_short(loader, kind, driver, out_path, error);
}

/* A link is trusted as far as the directory that it stands in. */
static int32_t check_trust(const char *path, const char *real, struct trunk_error *error) {
    int32_t status = check_directory(path, error);
    if (status == TRUNK_OK) {
        status = check_directory(real, error);
    }
    return status == TRUNK_OK ? check_file(real, error) : status;
}

static struct plugin *find_loaded(const struct loader *loader, uint32_t kind, const char *real) {
    for (struct loaded *loaded = loader->loaded; loaded != NULL; loaded = loaded->next) {
        if (strcmp(loaded->plugin.path, real) == 0 &&
            (kind == LOADER_ANY_KIND || kind == loaded->plugin.desc.kind)) {
            return &loaded->plugin;
        }
    }
    return NULL;
}

/* Opens the file at real, and keeps it. */
static int32_t load_file(struct loader *loader, uint32_t kind, const char *real,
                         const struct plugin **out, struct trunk_error *error) {
    struct loaded *loaded = xcalloc(1, sizeof *loaded);
    int32_t status = open_plugin(real, kind, &loaded->plugin, error);
    if (status != TRUNK_OK) {
        free(loaded);
        return status;
    }
    loaded->plugin.path = xstrdup(real);
    loaded->next = loader->loaded;
    loader->loaded = loaded;
    log_debug(loader->log, "loader", "plugin loaded name=%s version=%s path=%s",
              loaded->plugin.desc.name, loaded->plugin.desc.version, real);
    *out = &loaded->plugin;
    return TRUNK_OK;
}

int32_t loader_find(const struct loader *loader, uint32_t kind, const char *driver, char **out_path,
                    struct trunk_error *error) {
    char *path = NULL;
    *out_path = NULL;
    int32_t status = find_path(loader, kind, driver, &path, error);
    if (path == NULL) {
        return status;
    }
    char *real = realpath(path, NULL);
    status = real == NULL ? refuse_unseen(path, errno, error) : check_trust(path, real, error);
    if (status == TRUNK_OK) {
        *out_path = path;
    } else {
        free(path);
    }
    free(real);
    return status;
}

int32_t loader_load(struct loader *loader, uint32_t kind, const char *driver,
                    const struct plugin **out, struct trunk_error *error) {
    char *path = NULL;
    char *real = NULL;
    int32_t status = find_path(loader, kind, driver, &path, error);
    if (path == NULL) {
        return status;
    }
    real = realpath(path, NULL);
    if (real == NULL) {
        status = refuse_unseen(path, errno, error);
        goto out;
    }
    status = check_trust(path, real, error);
    if (status != TRUNK_OK) {
        goto out;
    }
    *out = find_loaded(loader, kind, real);
    if (*out == NULL) {
        status = load_file(loader, kind, real, out, error);
    }
out:
    free(real);
    free(path);
    return status;
}

/* One file that loader_list has found. */
struct found {
    char *name;
    size_t dir; /* its number */
};
struct found_list {
    struct found *items;
    size_t count;
};

static bool is_plugin_name(const char *name) {
    return fnmatch("storage-*.so", name, 0) == 0 || fnmatch("factory-*.so", name, 0) == 0;
}

static void find_in_dir(const struct loader *loader, size_t number, struct found_list *list) {
    const char *dir = loader->dirs[number];
    DIR *stream = *dir == '/' ? opendir(dir) : NULL;
    if (stream == NULL) {
        log_warn(loader->log, "loader", "plugin directory cannot be read path=%s reason=\"%s\"",
                 dir, *dir == '/' ? strerrordesc_np(errno) : "a relative path");
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (is_plugin_name(entry->d_name)) {
            list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
            list->items[list->count++] = (struct found){xstrdup(entry->d_name), number};
        }
    }
    (void)closedir(stream);
}

static int compare_found(const void *a, const void *b) {
    const struct found *left = a;
    const struct found *right = b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : (left->dir > right->dir) - (left->dir < right->dir);
}

void loader_list(struct loader *loader, void (*fn)(void *ctx, const char *path), void *ctx) {
    struct found_list list = {0};
    for (size_t i = 0; i < loader->ndirs; i++) {
        find_in_dir(loader, i, &list);
    }
    if (list.count > 0) {
        qsort(list.items, list.count, sizeof *list.items, compare_found);
    }
    for (size_t i = 0; i < list.count; i++) {
        if (i == 0 || strcmp(list.items[i].name, list.items[i - 1].name) != 0) {
            char *path = xasprintf("%s/%s", loader->dirs[list.items[i].dir], list.items[i].name);
            fn(ctx, path);
            free(path);
        }
    }
    for (size_t i = 0; i < list.count; i++) {
        free(list.items[i].name);
    }
    free(list.items);
}
