/* SPDX-License-Identifier: MIT
 * config.h - the config as loaded and checked: every key typed, every driver's and backend's
 * parameters in normal form. */
#ifndef TRUNKD_APP_CONFIG_H
#define TRUNKD_APP_CONFIG_H

#include "app/problems.h"
#include "app/tokens_file.h"
#include "http/server.h"
#include "plugin/loader.h"
#include "plugin/params.h"
#include "session/options.h"

/* A plugin as the config asks for it. */
struct config_driver {
    char *name;                  /* "storage", or the factory's name */
    const struct plugin *plugin; /* belongs to the loader */
    struct param_list params;    /* the driver's own keys */
};
struct config_backend {
    char *name;               /* [A-Za-z0-9_.-]+, unique */
    size_t factory;           /* index into factories */
    struct param_list params; /* the backend's keys, by its factory's spec */
    bool is_disabled;
    bool is_required;
    uint64_t timeout_ms;     /* 0: none */
    uint64_t max_timeout_ms; /* 0: none */
};

/* Who is let in. */
struct config_auth {
    bool allows_anonymous; /* clients without a token */
    bool says_anonymous;   /* the file does, so that it is meant */
    char *tokens_file;     /* "": there are no tokens */
    struct tokens tokens;
    struct file_stamp stamp; /* of the file that tokens were read from */
};

struct config_aggregation {
    int32_t strategy; /* enum naming_strategy */
    char *prefix_format;
    char **priority; /* NULL-terminated */
    uint64_t page_size;
};

/* Owns all that it points to. */
struct config {
    char *file;
    char *node;
    int32_t log_level; /* TRUNK_LOG_* */
    enum log_format log_format;
    struct http_options listen;
    struct config_auth auth;
    char **plugin_dirs; /* NULL-terminated, absolute */
    struct loader *loader;
    struct config_driver storage;
    uint64_t start_wait_ms;          /* how long to wait for the storage at start; 0: not at all */
    struct config_driver *factories; /* those that the file defines or a backend uses */
    size_t nfactories;
    struct config_backend *backends; /* sorted by name, the disabled ones too */
    size_t nbackends;
    struct config_aggregation aggregation;
    struct session_options session; /* borrows from aggregation */
};

/* Loads file, and the plugins that it needs, whose check functions are called; opens and connects
 * nothing. Every problem is given to report. Returns how many there were; with none *out is the
 * config, else NULL. log is the loader's and outlives the config. */
size_t config_load(const char *file, struct log *log, config_problem_fn report, void *ctx,
                   struct config **out);
/* The loader alone: reads nothing of file but plugin_dirs. The same way of telling; *out goes to
 * loader_free. */
size_t config_load_dirs(const char *file, struct log *log, config_problem_fn report, void *ctx,
                        struct loader **out);
void config_free(struct config *config); /* NULL is fine */
/* Do clients of other hosts need no token though the file does not say so? */
bool config_lets_strangers_in(const struct config *config);

#endif
