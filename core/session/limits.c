/* SPDX-License-Identifier: MIT
 * limits.c - how many sessions there may be. */
#include "session/limits.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/descriptors.h"
#include "base/hash.h"
#include "session/id.h"

struct owner { /* a principal that has sessions */
    UT_hash_handle hh;
    char *principal;
    size_t count;
};

struct counted {
    UT_hash_handle hh;
    TAILQ_ENTRY(counted) in_passing; /* while until_ms is not 0 */
    char id[SESSION_ID_SIZE];
    struct owner *owner;
    uint64_t until_ms;
};

struct limits {
    const struct session_options *options;
    struct counted *sessions; /* by id */
    struct owner *owners;     /* by principal */
    TAILQ_HEAD(, counted) passing;
};

struct limits *limits_new(const struct session_options *options) {
    struct limits *limits = xcalloc(1, sizeof *limits);
    limits->options = options;
    TAILQ_INIT(&limits->passing);
    return limits;
}

static void forget(struct limits *limits, struct counted *counted) {
    struct owner *owner = counted->owner;
    HASH_DEL(limits->sessions, counted);
    if (counted->until_ms != 0) {
        TAILQ_REMOVE(&limits->passing, counted, in_passing);
    }
    free(counted);
    if (--owner->count == 0) {
        HASH_DEL(limits->owners, owner);
        free(owner->principal);
        free(owner);
    }
}

void limits_free(struct limits *limits) {
    if (limits == NULL) {
        return;
    }
    while (limits->sessions != NULL) {
        /* Freed ones have left the table. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        forget(limits, limits->sessions);
    }
    free(limits);
}

static struct owner *find_owner(const struct limits *limits, const char *principal) {
    struct owner *owner = NULL;
    HASH_FIND(hh, limits->owners, principal, strlen(principal), owner);
    return owner;
}

static struct counted *find_counted(const struct limits *limits, const char *id) {
    struct counted *counted = NULL;
    HASH_FIND(hh, limits->sessions, id, SESSION_ID_SIZE - 1, counted);
    return counted;
}

/* All that pass live equally long, so the first is the oldest. */
static void forget_passed(struct limits *limits, uint64_t now_ms) {
    struct counted *counted;
    /* Freed ones have left the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    while ((counted = TAILQ_FIRST(&limits->passing)) != NULL && counted->until_ms <= now_ms) {
        forget(limits, counted);
    }
}

const char *limits_find_obstacle(struct limits *limits, const char *principal, uint64_t now_ms) {
    const struct session_options *options = limits->options;
    forget_passed(limits, now_ms);
    const struct owner *owner = find_owner(limits, principal);
    if (options->max_sessions != 0 && HASH_COUNT(limits->sessions) >= options->max_sessions) {
        return "too many sessions (session.max_sessions)";
    }
    if (options->max_per_principal != 0 && owner != NULL &&
        owner->count >= options->max_per_principal) {
        return "too many sessions of this principal (session.max_per_principal)";
    }
    if (descriptors_are_scarce()) {
        return "no descriptors are left for another session (RLIMIT_NOFILE)";
    }
    return NULL;
}

static struct counted *begin_counting(struct limits *limits, const char *id,
                                      const char *principal) {
    struct owner *owner = find_owner(limits, principal);
    struct counted *counted = xcalloc(1, sizeof *counted);
    if (owner == NULL) {
        owner = xcalloc(1, sizeof *owner);
        owner->principal = xstrdup(principal);
        HASH_ADD_KEYPTR(hh, limits->owners, owner->principal, strlen(principal), owner);
    }
    owner->count++;
    counted->owner = owner;
    memcpy(counted->id, id, SESSION_ID_SIZE);
    HASH_ADD(hh, limits->sessions, id[0], SESSION_ID_SIZE - 1, counted);
    return counted;
}

void limits_add(struct limits *limits, const char *id, const char *principal, uint64_t until_ms) {
    if (limits->options->max_sessions == 0 && limits->options->max_per_principal == 0) {
        return;
    }
    struct counted *counted = find_counted(limits, id);
    if (counted == NULL) {
        counted = begin_counting(limits, id, principal);
    } else if (counted->until_ms != 0) {
        TAILQ_REMOVE(&limits->passing, counted, in_passing);
    }
    counted->until_ms = until_ms;
    if (until_ms != 0) {
        TAILQ_INSERT_TAIL(&limits->passing, counted, in_passing);
    }
}

void limits_remove(struct limits *limits, const char *id) {
    struct counted *counted = find_counted(limits, id);
    if (counted != NULL) {
        forget(limits, counted);
    }
}

size_t limits_count(const struct limits *limits) {
    return HASH_COUNT(limits->sessions);
}
