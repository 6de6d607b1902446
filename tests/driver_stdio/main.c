/* SPDX-License-Identifier: MIT
 * main.c - kit_stdio: the stdio driver against real processes, one test per promise. */
#include "cases.h"

int main(void) {
    return run_spawn_cases() + run_pipe_cases() + run_output_cases() + run_life_cases();
}
