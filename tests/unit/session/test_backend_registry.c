/* SPDX-License-Identifier: MIT
 * test_backend_registry.c - what of a backend's config its sessions depend on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "session/backend_registry.h"

static const struct trunk_param_spec specs[] = {
    {.key = "url", .type = TRUNK_PARAM_STRING, .flags = TRUNK_PARAM_BACKEND},
    {.key = "head", .type = TRUNK_PARAM_STRING, .flags = TRUNK_PARAM_BACKEND},
    {.key = "headers", .type = TRUNK_PARAM_MAP, .flags = TRUNK_PARAM_BACKEND | TRUNK_PARAM_SECRET},
    {.key = NULL}};
static struct plugin plugin = {.desc = {.params = specs}};
static struct driver http = {.name = "http", .plugin = &plugin};

/* The hash of a backend with two params. */
static void hash(char out[17], const char *key, const char *value, const char *key2,
                 const char *value2) {
    struct backend_registry registry = {0};
    struct param_list params = {xcalloc(2, sizeof(struct trunk_param)), 2};
    params.items[0] = (struct trunk_param){xstrdup(key), xstrdup(value)};
    params.items[1] = (struct trunk_param){xstrdup(key2), xstrdup(value2)};
    backend_registry_add(&registry, "a", &http, &params, false, false, 0, 0);
    memcpy(out, backend_registry_find(&registry, "a")->config_hash, 17);
    backend_registry_clear(&registry);
}

static void test_a_new_secret_leaves_the_config_the_same(void **state) {
    (void)state;
    char before[17];
    char after[17];
    hash(before, "url", "u", "headers.Authorization", "Bearer 1");
    hash(after, "url", "u", "headers.Authorization", "Bearer 2");
    assert_string_equal(before, after);
    hash(after, "url", "u2", "headers.Authorization", "Bearer 1");
    assert_string_not_equal(before, after);
}

static void test_other_params_are_part_of_the_config(void **state) {
    (void)state;
    char before[17];
    char after[17];
    hash(before, "url", "u", "head", "1");
    hash(after, "url", "u", "head", "2");
    assert_string_not_equal(before, after);
    hash(before, "url", "u", "unknown.x", "1");
    hash(after, "url", "u", "unknown.x", "2");
    assert_string_not_equal(before, after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_secret_leaves_the_config_the_same),
        cmocka_unit_test(test_other_params_are_part_of_the_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
