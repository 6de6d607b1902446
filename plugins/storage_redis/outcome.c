/* SPDX-License-Identifier: MIT
 * outcome.c - errors begin with a word in capitals. Redis 6.2 puts the place in the script before
 * it, and for some a '-' too. */
#include "outcome.h"

#include <stddef.h>
#include <string.h>

#include <trunk/types.h>

#define LACKS_RIGHT "the user's ACL lacks a right"

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
    {"NOPERM", {TRUNK_DENIED, LACKS_RIGHT, false, false}},
    {"WRONGTYPE", {TRUNK_INTERNAL, "something else writes under our prefix", false, false}},
};

/* The text from its code on. */
static const char *find_code(const char *text) {
    static const char ran[] = "ERR Error running script";
    static const char mark[] = "@user_script:";
    const char *place = strncmp(text, ran, sizeof ran - 1) == 0 ? strstr(text, mark) : text;
    while (place != NULL && strncmp(place, mark, sizeof mark - 1) == 0) { /* twice, at times */
        text = place + sizeof mark - 1;
        text += strspn(text, " 0123456789:-");
        place = text;
    }
    return text;
}

/* What is NOPERM elsewhere: inside of a script, in Redis before 7.2 and in Valkey. */
static bool is_about_rights(const char *code) {
    return strstr(code, "The user executing the script can't") != NULL ||
           strstr(code, "ACL failure in script") != NULL;
}

struct outcome outcome_of_error(const char *text) {
    const char *code = find_code(text);
    size_t len = strcspn(code, " ");
    for (size_t i = 0; i < sizeof known_errors / sizeof known_errors[0]; i++) {
        if (strlen(known_errors[i].code) == len && memcmp(code, known_errors[i].code, len) == 0) {
            return known_errors[i].outcome;
        }
    }
    if (is_about_rights(code)) {
        return (struct outcome){.status = TRUNK_DENIED, .advice = LACKS_RIGHT};
    }
    return (struct outcome){.status = TRUNK_INTERNAL};
}
