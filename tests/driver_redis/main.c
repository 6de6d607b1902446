/* SPDX-License-Identifier: MIT
 * main.c - kit_redis: the redis driver against real servers, one test per promise. */
#include "rig.h"

int main(void) {
    return run_settings_cases() + run_outcome_cases() + run_record_cases() + run_foreign_cases() +
           run_page_cases() + run_life_cases() + run_error_cases() + run_peer_cases() +
           run_name_cases();
}
