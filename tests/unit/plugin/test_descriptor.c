/* SPDX-License-Identifier: MIT
 * test_descriptor.c - the checks of a descriptor and its table in memory: every mandatory function,
 * sizes of older and newer headers, capabilities. */
#include "plugin/loader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

typedef void (*any_fn)(void);

static void never_called(void) {
    fail();
}

struct function {
    const char *name;
    size_t offset;
};
#define STORAGE(name)                                                                              \
    { #name, offsetof(struct trunk_storage_ops, name) }
#define FACTORY(name)                                                                              \
    { #name, offsetof(struct trunk_factory_ops, name) }
static const struct function storage_functions[] = {
    STORAGE(check),    STORAGE(open),     STORAGE(close),  STORAGE(ping),
    STORAGE(load),     STORAGE(put),      STORAGE(touch),  STORAGE(remove),
    STORAGE(sweep),    STORAGE(scan),     STORAGE(begin),  STORAGE(log_append),
    STORAGE(log_read), STORAGE(log_trim), STORAGE(commit), STORAGE(cancel)};
#define NSTORAGE_MANDATORY 10
static const struct function factory_functions[] = {
    FACTORY(check),    FACTORY(open),   FACTORY(close),         FACTORY(make),
    FACTORY(request),  FACTORY(send),   FACTORY(listen),        FACTORY(cancel_request),
    FACTORY(snapshot), FACTORY(finish), FACTORY(check_backend), FACTORY(pause),
    FACTORY(cancel)};
#define NFACTORY_MANDATORY 10
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void set_function(void *ops, size_t offset, any_fn fn) {
    memcpy((char *)ops + offset, &fn, sizeof fn);
}

static struct trunk_storage_ops make_storage(void) {
    struct trunk_storage_ops ops = {.struct_size = sizeof ops,
                                    .caps = TRUNK_CAP_LOG | TRUNK_CAP_BLOCKING};
    for (size_t i = 0; i < COUNT(storage_functions); i++) {
        set_function(&ops, storage_functions[i].offset, never_called);
    }
    return ops;
}

static struct trunk_factory_ops make_factory(void) {
    struct trunk_factory_ops ops = {.struct_size = sizeof ops, .caps = TRUNK_CAP_RESTORE};
    for (size_t i = 0; i < COUNT(factory_functions); i++) {
        set_function(&ops, factory_functions[i].offset, never_called);
    }
    return ops;
}

static struct trunk_plugin make_descriptor(uint32_t kind, const void *ops) {
    return (struct trunk_plugin){TRUNK_MAGIC,
                                 plugin_abi_major(kind),
                                 plugin_abi_minor(kind),
                                 sizeof(struct trunk_plugin),
                                 kind,
                                 plugin_abi_minor(kind),
                                 "x-1",
                                 "1",
                                 "a summary",
                                 NULL,
                                 ops};
}

static void assert_good(const struct trunk_plugin *desc, struct plugin *out) {
    struct trunk_error error = {0};
    memset(out, 0x5a, sizeof *out);
    if (plugin_check_descriptor(desc, desc->kind, out, &error) != TRUNK_OK) {
        fail_msg("refused: %s", error.text);
    }
}

static void assert_refused(const struct trunk_plugin *desc, int32_t status, const char *problem) {
    struct plugin plugin;
    struct trunk_error error = {0};
    assert_int_equal(plugin_check_descriptor(desc, desc->kind, &plugin, &error), status);
    assert_string_equal(error.key, "driver");
    assert_int_equal(error.status, status);
    if (strstr(error.text, problem) == NULL) {
        fail_msg("\"%s\" has no \"%s\"", error.text, problem);
    }
    assert_true(strlen(error.text) < sizeof error.text - 1);
}

static void test_each_mandatory_storage_function_is_missed(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(storage_functions); i++) {
        struct trunk_storage_ops ops = make_storage();
        struct trunk_plugin desc = make_descriptor(TRUNK_KIND_STORAGE, &ops);
        struct plugin plugin;
        set_function(&ops, storage_functions[i].offset, NULL);
        if (i < NSTORAGE_MANDATORY) {
            char wanted[64];
            (void)snprintf(wanted, sizeof wanted, "lacks the mandatory function %s;",
                           storage_functions[i].name);
            assert_refused(&desc, TRUNK_INVALID, wanted);
        } else if (strcmp(storage_functions[i].name, "cancel") == 0) {
            assert_good(&desc, &plugin);
        } else {
            assert_refused(&desc, TRUNK_INVALID, storage_functions[i].name);
        }
    }
}

static void test_each_mandatory_factory_function_is_missed(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(factory_functions); i++) {
        struct trunk_factory_ops ops = make_factory();
        struct trunk_plugin desc = make_descriptor(TRUNK_KIND_FACTORY, &ops);
        struct plugin plugin;
        set_function(&ops, factory_functions[i].offset, NULL);
        if (i < NFACTORY_MANDATORY) {
            char wanted[64];
            (void)snprintf(wanted, sizeof wanted, "lacks the mandatory function %s;",
                           factory_functions[i].name);
            assert_refused(&desc, TRUNK_INVALID, wanted);
        } else {
            assert_good(&desc, &plugin);
        }
    }
}

static void test_log_functions_are_optional_without_log(void **state) {
    struct trunk_storage_ops ops = make_storage();
    struct trunk_plugin desc = make_descriptor(TRUNK_KIND_STORAGE, &ops);
    struct plugin plugin;
    (void)state;
    ops.caps = TRUNK_CAP_BLOCKING;
    ops.log_append = NULL;
    ops.log_read = NULL;
    ops.log_trim = NULL;
    assert_good(&desc, &plugin);
}

static void test_begin_and_commit_come_together_and_with_blocking(void **state) {
    struct trunk_storage_ops ops = make_storage();
    struct trunk_plugin desc = make_descriptor(TRUNK_KIND_STORAGE, &ops);
    struct plugin plugin;
    (void)state;
    ops.begin = NULL;
    assert_refused(&desc, TRUNK_INVALID, "has commit without begin");
    ops.commit = NULL;
    assert_good(&desc, &plugin);
    ops = make_storage();
    ops.commit = NULL;
    assert_refused(&desc, TRUNK_INVALID, "has begin without commit");
    ops = make_storage();
    ops.caps = TRUNK_CAP_LOG;
    assert_refused(&desc, TRUNK_INVALID, "begin and commit without BLOCKING");
}

static void test_shorter_table_is_filled_up_with_zeros(void **state) {
    struct trunk_storage_ops ops = make_storage();
    struct trunk_plugin desc = make_descriptor(TRUNK_KIND_STORAGE, &ops);
    struct plugin plugin;
    (void)state;
    ops.struct_size = offsetof(struct trunk_storage_ops, begin);
    assert_good(&desc, &plugin);
    assert_non_null(plugin.ops.storage.log_trim);
    assert_null(plugin.ops.storage.begin);
    assert_null(plugin.ops.storage.commit);
    assert_null(plugin.ops.storage.cancel);
    ops.struct_size--;
    assert_refused(&desc, TRUNK_INVALID, "its table of functions has");

    struct trunk_factory_ops factory_ops = make_factory();
    desc = make_descriptor(TRUNK_KIND_FACTORY, &factory_ops);
    factory_ops.struct_size = offsetof(struct trunk_factory_ops, pause);
    assert_good(&desc, &plugin);
    assert_non_null(plugin.ops.factory.finish);
    assert_null(plugin.ops.factory.pause);
    assert_null(plugin.ops.factory.cancel);
    factory_ops.struct_size--;
    assert_refused(&desc, TRUNK_INVALID, "its table of functions has");
}

static void test_longer_structs_of_newer_headers_are_cut(void **state) {
    struct {
        struct trunk_storage_ops ops;
        any_fn later[4];
    } newer_ops = {.ops = make_storage()};
    struct {
        struct trunk_plugin desc;
        const char *later[4];
    } newer = {.desc = make_descriptor(TRUNK_KIND_STORAGE, &newer_ops)};
    struct plugin plugin;
    (void)state;
    newer_ops.ops.struct_size = sizeof newer_ops;
    newer.desc.struct_size = sizeof newer;
    newer.desc.abi_minor = TRUNK_ABI_MINOR + 3;
    assert_good(&newer.desc, &plugin);
    assert_int_equal(plugin.desc.abi_minor, TRUNK_ABI_MINOR + 3);
    assert_string_equal(plugin.desc.name, "x-1");
    assert_non_null(plugin.ops.storage.cancel);
}

static void test_capability_bits_below_16_may_be_unknown_above_not(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        struct trunk_storage_ops ops = make_storage();
        struct trunk_plugin desc = make_descriptor(TRUNK_KIND_STORAGE, &ops);
        struct plugin plugin;
        ops.caps |= 1u << bit;
        if (bit <= 17) {
            assert_good(&desc, &plugin);
        } else {
            char wanted[32];
            (void)snprintf(wanted, sizeof wanted, "capability bit %u,", bit);
            assert_refused(&desc, TRUNK_UNSUPPORTED, wanted);
        }
    }
}

static void test_factory_may_not_block(void **state) {
    struct trunk_factory_ops ops = make_factory();
    struct trunk_plugin desc = make_descriptor(TRUNK_KIND_FACTORY, &ops);
    (void)state;
    ops.caps = TRUNK_CAP_BLOCKING;
    assert_refused(&desc, TRUNK_INVALID, "is a factory with BLOCKING");
    ops.caps = TRUNK_CAP_PARALLEL;
    assert_refused(&desc, TRUNK_INVALID, "is a factory with BLOCKING");
}

static void test_names_are_of_small_letters_digits_and_hyphens(void **state) {
    static const char *const bad[] = {"", "A", "a_b", "a b", "a.b", "\xc3\xa4", NULL};
    struct trunk_storage_ops ops = make_storage();
    struct trunk_plugin desc = make_descriptor(TRUNK_KIND_STORAGE, &ops);
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        desc.name = bad[i];
        assert_refused(&desc, TRUNK_INVALID, "is not of a-z, 0-9 and '-'");
    }
}

static void test_spec_with_a_bad_entry_is_refused(void **state) {
    static const struct {
        struct trunk_param_spec spec[3];
        const char *problem;
    } cases[] = {
        {{{.key = "", .type = TRUNK_PARAM_INT}}, "the key of parameter 0"},
        {{{.key = "a.b", .type = TRUNK_PARAM_INT}}, "the key of parameter 0"},
        {{{.key = "a", .type = 9}}, "\"a\" has type 9"},
        {{{.key = "a", .type = TRUNK_PARAM_INT}, {.key = "a", .type = TRUNK_PARAM_BOOL}},
         "stands twice"},
        {{{.key = "a", .type = TRUNK_PARAM_DURATION, .fallback = "5 s"}}, "is no duration"},
        {{{.key = "a", .type = TRUNK_PARAM_INT, .fallback = "1x"}}, "is no int"},
        {{{.key = "a", .type = TRUNK_PARAM_BOOL, .fallback = "yes"}}, "is no bool"},
        {{{.key = "a", .type = TRUNK_PARAM_LIST, .fallback = "x"}}, "is no list"},
        {{{.key = "a", .type = TRUNK_PARAM_MAP, .fallback = ""}}, "is no map"},
    };
    struct trunk_storage_ops ops = make_storage();
    struct trunk_plugin desc = make_descriptor(TRUNK_KIND_STORAGE, &ops);
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        desc.params = cases[i].spec;
        assert_refused(&desc, TRUNK_INVALID, cases[i].problem);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mandatory_storage_function_is_missed),
        cmocka_unit_test(test_each_mandatory_factory_function_is_missed),
        cmocka_unit_test(test_log_functions_are_optional_without_log),
        cmocka_unit_test(test_begin_and_commit_come_together_and_with_blocking),
        cmocka_unit_test(test_shorter_table_is_filled_up_with_zeros),
        cmocka_unit_test(test_longer_structs_of_newer_headers_are_cut),
        cmocka_unit_test(test_capability_bits_below_16_may_be_unknown_above_not),
        cmocka_unit_test(test_factory_may_not_block),
        cmocka_unit_test(test_names_are_of_small_letters_digits_and_hyphens),
        cmocka_unit_test(test_spec_with_a_bad_entry_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
