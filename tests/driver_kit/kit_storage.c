/* SPDX-License-Identifier: MIT
 * kit_storage.c - runs every case of the storage rules against one driver: kit_storage FILE.so
 * [KEY=VALUE...]. The store that the parameters name must be the kit's own: it is emptied before
 * each case. */
#include <stdio.h>
#include <unistd.h>

#include "kit_case.h"

int kit_setup(void **state) {
    struct kit *kit = *state;
    kit->store = kit_store_open(kit->driver);
    if (kit->store != NULL && !kit_store_empty(kit->store)) {
        (void)kit_teardown(state); /* cmocka does not, after a setup that failed */
    }
    return kit->store != NULL ? 0 : -1;
}

int kit_teardown(void **state) {
    struct kit *kit = *state;
    if (getpid() != kit->process) {
        _exit(1);
    }
    size_t nfaults = kit->store == NULL ? 0 : kit_store_close(kit->store);
    kit->store = NULL;
    return nfaults == 0 ? 0 : -1;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fputs("usage: kit_storage FILE.so [KEY=VALUE...]\n", stderr);
        return 2;
    }
    struct kit_driver driver;
    if (!kit_driver_load(&driver, argv[1], argv + 2, (size_t)argc - 2)) {
        kit_driver_free(&driver);
        return 1;
    }
    struct kit kit = {.driver = &driver, .process = getpid()};
    int failed = kit_run_put_cases(&kit);
    failed += kit_run_life_cases(&kit);
    failed += kit_run_sweep_cases(&kit);
    failed += kit_run_scan_cases(&kit);
    if (kit_driver_has(&driver, TRUNK_CAP_LOG)) {
        failed += kit_run_log_cases(&kit);
    }
    if (kit_driver_has(&driver, TRUNK_CAP_PERSISTENT)) {
        failed += kit_run_persistent_cases(&kit);
    }
    if (kit_driver_has(&driver, TRUNK_CAP_SHARED)) {
        failed += kit_run_shared_cases(&kit);
    }
    if (driver.ops.begin != NULL) {
        failed += kit_run_bracket_cases(&kit);
    }
    failed += kit_run_rules_cases(&kit);
    failed += kit_run_model_cases(&kit);
    kit_driver_free(&driver);
    (void)printf("%s: %d failed\n", argv[1], failed);
    return failed == 0 ? 0 : 1;
}
