/* SPDX-License-Identifier: MIT
 * main.c - trunkd-plugin-check: the command line, the list of cases, and the summary. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugin/loader.h"
#include "run.h"

enum { FAILED_EXIT = 1, USAGE_EXIT = 2, DEFAULT_LIMIT_S = 120, MOST_LIMIT_S = 86400 };

#define DEMO_BACKEND "trunkd-demo-backend"

static const char usage[] =
    "usage: trunkd-plugin-check FILE.so [KEY=VALUE...] [--peer COMMAND] [--case TEXT]\n"
    "                           [--limit SECONDS]\n"
    "Checks a driver of trunkd against every sentence of the ABI that can be tested, each in a\n"
    "process of its own. KEY=VALUE: parameters, as in trunkd's configuration. The store that they\n"
    "name must be the check's own: it is emptied.\n"
    "A factory's legs go to the backend that its keys name (command=..., url=...).\n"
    "  --peer COMMAND   the MCP server for a factory, when no KEY=VALUE names another (default\n"
    "                   trunkd-demo-backend): one over stdio, that a driver with the key "
    "\"command\"\n"
    "                   runs; or, for a driver with the key \"url\", one that serves Streamable "
    "HTTP\n"
    "                   when it is run with \" --http 0\" appended, prints \"ready URL\" first, "
    "and has\n"
    "                   sessions that end with DELETE: each case gets one of its own\n"
    "  --case TEXT      runs only the cases that have TEXT in their names\n"
    "  --limit SECONDS  ends a case that takes longer (default 120)\n"
    "  --list           lists the cases and the sentences that they check\n"
    "  --help, --version\n"
    "Exit code: 0 all passed, 1 some failed, 2 nothing could be checked.\n";

static const struct kit_group *const factory_groups[] = {&kit_factory_cases, &kit_peer_cases, NULL};
static const struct kit_group *const storage_groups[] = {
    &kit_put_cases,      &kit_life_cases,       &kit_sweep_cases,  &kit_scan_cases,
    &kit_log_cases,      &kit_persistent_cases, &kit_shared_cases, &kit_bracket_cases,
    &kit_parallel_cases, &kit_rules_cases,      &kit_model_cases,  NULL};

/* What a case needs and a driver may lack. */
static const struct {
    uint32_t need;
    const char *name;
} needs[] = {{KIT_NEEDS_LOG, "TRUNK_CAP_LOG"},
             {KIT_NEEDS_PERSISTENT, "TRUNK_CAP_PERSISTENT"},
             {KIT_NEEDS_SHARED, "TRUNK_CAP_SHARED"},
             {KIT_NEEDS_PARALLEL, "TRUNK_CAP_PARALLEL"},
             {KIT_NEEDS_BRACKET, "begin and commit"},
             {KIT_NEEDS_CANCEL, "cancel"},
             {KIT_NEEDS_RESTORE, "TRUNK_CAP_RESTORE"},
             {KIT_NEEDS_PAUSE, "pause"},
             {KIT_NEEDS_PEER, "peer: give the keys of a backend"},
             {KIT_NEEDS_COMMAND, "key \"command\""},
             {KIT_NEEDS_HTTP_PEER, "key \"url\", or a KEY=VALUE names the peer"}};
enum { NNEEDS = sizeof needs / sizeof needs[0] };

struct tally {
    unsigned passed;
    unsigned failed;
    unsigned skipped;
    unsigned skipped_for[NNEEDS];
};

static void print_name(const char *label, const char *name) {
    (void)printf("%-5s ", label);
    for (; *name != '\0'; name++) {
        (void)putchar(*name == '_' ? ' ' : *name);
    }
    (void)putchar('\n');
}

static void print_failure(const struct run_failure *failure) {
    (void)printf("      %s\n      %s\n", failure->sentence, failure->text);
    if (failure->output[0] != '\0') {
        (void)fflush(stdout);
        (void)fprintf(stderr, "--- output of this case\n%s---\n", failure->output);
    }
}

static void run_one(const struct run_subject *subject, const struct run_probe *probe,
                    const struct kit_case *what, struct tally *tally) {
    struct run_failure failure;
    for (size_t i = 0; i < NNEEDS; i++) {
        if ((what->needs & needs[i].need & ~probe->needs) != 0) {
            tally->skipped++;
            tally->skipped_for[i]++;
            return;
        }
    }
    if (run_case(subject, what, &failure) == RUN_PASSED) {
        print_name("ok", what->name);
        tally->passed++;
    } else {
        print_name("FAIL", what->name);
        print_failure(&failure);
        tally->failed++;
    }
}

/* only: NULL for all. */
static bool is_meant(const struct kit_case *what, const char *only) {
    char name[160];
    (void)snprintf(name, sizeof name, "%s", what->name);
    for (char *at = name; *at != '\0'; at++) {
        if (*at == '_') {
            *at = ' ';
        }
    }
    return only == NULL || strstr(name, only) != NULL;
}

static void print_summary(const struct run_probe *probe, const struct tally *tally) {
    bool is_storage = probe->kind == TRUNK_KIND_STORAGE;
    (void)printf("\ntrunkd-plugin-check " TRUNKD_VERSION "\n");
    (void)printf("driver        %s %s %s: %s\n", is_storage ? "storage" : "factory", probe->name,
                 probe->version, probe->summary);
    (void)printf("ABI           built with %u.%u, checked with %u.%u\n", probe->abi_major,
                 probe->abi_minor, plugin_abi_major(probe->kind), plugin_abi_minor(probe->kind));
    (void)printf("capabilities  %s\n", probe->caps);
    (void)printf("cases         %u: %u passed, %u failed, %u skipped\n",
                 tally->passed + tally->failed + tally->skipped, tally->passed, tally->failed,
                 tally->skipped);
    for (size_t i = 0; i < NNEEDS; i++) {
        if (tally->skipped_for[i] > 0) {
            (void)printf("skipped       %u: the driver has no %s\n", tally->skipped_for[i],
                         needs[i].name);
        }
    }
}

static int check(struct run_subject *subject, const char *only) {
    struct run_probe probe;
    struct run_failure failure;
    struct tally tally = {0};
    if (run_probe(subject, &probe, &failure) != RUN_PASSED) {
        print_name("FAIL", "the driver loads, and its parameters are good");
        (void)printf(
            "      plugin.h, LOADING: a plugin is refused, with a text of its own for each, "
            "before any of its functions is called\n      %s\n",
            failure.output[0] != '\0' ? failure.output : failure.text);
        return FAILED_EXIT;
    }
    subject->has_http_peer = (probe.needs & KIT_NEEDS_HTTP_PEER) != 0;
    const struct kit_group *const *group =
        probe.kind == TRUNK_KIND_STORAGE ? storage_groups : factory_groups;
    for (; *group != NULL; group++) {
        for (size_t i = 0; i < (*group)->ncases; i++) {
            if (is_meant(&(*group)->cases[i], only)) {
                run_one(subject, &probe, &(*group)->cases[i], &tally);
            }
        }
    }
    if (tally.passed + tally.failed + tally.skipped == 0) {
        (void)fprintf(stderr, "trunkd-plugin-check: no case has \"%s\" in its name; see --list\n",
                      only);
        return USAGE_EXIT;
    }
    print_summary(&probe, &tally);
    return tally.failed == 0 ? 0 : FAILED_EXIT;
}

static void list_cases(const struct kit_group *const *group) {
    for (; *group != NULL; group++) {
        for (size_t i = 0; i < (*group)->ncases; i++) {
            print_name("", (*group)->cases[i].name);
            (void)printf("      %s\n", (*group)->cases[i].sentence);
        }
    }
}

static bool parse_limit(const char *text, unsigned *out_limit) {
    char *end = NULL;
    errno = 0;
    unsigned long limit = strtoul(text, &end, 10);
    *out_limit = (unsigned)limit;
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && limit >= 1 &&
           limit <= MOST_LIMIT_S;
}

/* The one beside this program, or else that of PATH. */
static void find_demo_backend(char path[PATH_MAX + sizeof DEMO_BACKEND]) {
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX);
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    memcpy(path + (len > 0 ? len : 0), DEMO_BACKEND, sizeof DEMO_BACKEND);
    if (access(path, X_OK) != 0) {
        memcpy(path, DEMO_BACKEND, sizeof DEMO_BACKEND);
    }
}

int main(int argc, char **argv) {
    enum { OPTION_PEER = 1, OPTION_CASE, OPTION_LIMIT, OPTION_LIST, OPTION_HELP, OPTION_VERSION };
    static const struct option options[] = {{"peer", required_argument, NULL, OPTION_PEER},
                                            {"case", required_argument, NULL, OPTION_CASE},
                                            {"limit", required_argument, NULL, OPTION_LIMIT},
                                            {"list", no_argument, NULL, OPTION_LIST},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {"version", no_argument, NULL, OPTION_VERSION},
                                            {NULL, 0, NULL, 0}};
    char demo[PATH_MAX + sizeof DEMO_BACKEND];
    find_demo_backend(demo);
    struct run_subject subject = {.peer = demo, .limit_s = DEFAULT_LIMIT_S};
    const char *only = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPTION_PEER:
            subject.peer = optarg;
            break;
        case OPTION_CASE:
            only = optarg;
            break;
        case OPTION_LIMIT:
            if (!parse_limit(optarg, &subject.limit_s)) {
                (void)fprintf(stderr, "trunkd-plugin-check: --limit needs seconds, from 1 to %d\n",
                              MOST_LIMIT_S);
                return USAGE_EXIT;
            }
            break;
        case OPTION_LIST:
            list_cases(storage_groups);
            list_cases(factory_groups);
            return 0;
        case OPTION_HELP:
            return fputs(usage, stdout) < 0 ? FAILED_EXIT : 0;
        case OPTION_VERSION:
            return puts("trunkd-plugin-check " TRUNKD_VERSION) < 0 ? FAILED_EXIT : 0;
        default:
            return USAGE_EXIT; /* getopt has said why */
        }
    }
    if (optind == argc) {
        (void)fputs(usage, stderr);
        return USAGE_EXIT;
    }
    subject.path = argv[optind];
    subject.pairs = argv + optind + 1;
    subject.npairs = (size_t)(argc - optind - 1);
    if (access(subject.path, R_OK) != 0) {
        perror(subject.path);
        return USAGE_EXIT;
    }
    return check(&subject, only);
}
