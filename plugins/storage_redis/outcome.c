/* SPDX-License-Identifier: MIT
 * outcome.c - errors begin with a word in capitals. Redis 6.2 puts the place in the script before
 * it, and for some a '-' too. */
#include "outcome.h"

#include <stddef.h>
#include <string.h>

#include <trunk/types.h>

struct known_error {
    const char *code;
    struct outcome outcome;
};

static const struct known_error known_errors[] = {
    {"NOSCRIPT", {TRUNK_UNAVAILABLE, "it does not keep our scripts", true, false}},
    {"OOM", {TRUNK_UNAVAILABLE, "its maxmemory is used up", false, false}},
    {"READONLY", {TRUNK_UNAVAILABLE, NULL, false, true}},
    {"NOREPLICAS", {TRUNK_UNAVAILABLE, NULL, false, false}},
    {"LOADING", {TRUNK_UNAVAILABLE, NULL, false, false}},
    {"BUSY", {TRUNK_UNAVAILABLE, NULL, false, false}},
    {"MISCONF", {TRUNK_UNAVAILABLE, NULL, false, false}},
    {"MASTERDOWN", {TRUNK_UNAVAILABLE, NULL, false, true}},
    {"CLUSTERDOWN", {TRUNK_UNAVAILABLE, NULL, false, false}},
    {"TRYAGAIN", {TRUNK_UNAVAILABLE, NULL, false, false}},
    {"MOVED", {TRUNK_INTERNAL, "a cluster is not supported", false, false}},
    {"ASK", {TRUNK_INTERNAL, "a cluster is not supported", false, false}},
    {"CROSSSLOT", {TRUNK_INTERNAL, "a cluster is not supported", false, false}},
    {"NOAUTH",
     {TRUNK_DENIED, "set password, and username if it is not the default user's", false, true}},
    {"WRONGPASS", {TRUNK_DENIED, "look at username and password", false, false}},
    {"NOPERM", {TRUNK_DENIED, "the user's ACL lacks a right", false, false}},
    {"WRONGTYPE", {TRUNK_INTERNAL, "something else writes under our prefix", false, false}},
};

/* The text from its code on. */
static const char *find_code(const char *text) {
    const char *place = strstr(text, "@user_script:");
    if (place == text || (place != NULL && strncmp(text, "ERR Error running script", 24) == 0)) {
        text = place + strlen("@user_script:");
        text += strspn(text, " 0123456789:-");
    }
    return text;
}

struct outcome outcome_of_error(const char *text) {
    const char *code = find_code(text);
    size_t len = strcspn(code, " ");
    for (size_t i = 0; i < sizeof known_errors / sizeof known_errors[0]; i++) {
        if (strlen(known_errors[i].code) == len && memcmp(code, known_errors[i].code, len) == 0) {
            return known_errors[i].outcome;
        }
    }
    return (struct outcome){.status = TRUNK_INTERNAL};
}
