/* SPDX-License-Identifier: MIT
 * main.c - runs the cases of the sqlite driver. */
#include "rig.h"

int main(void) {
    int failed = run_path_cases();
    failed += run_file_cases();
    failed += run_busy_cases();
    failed += run_full_cases();
    return failed == 0 ? 0 : 1;
}
