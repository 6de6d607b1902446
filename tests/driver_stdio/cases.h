/* SPDX-License-Identifier: MIT
 * cases.h - the groups of tests; each gives the number of failed ones. */
#ifndef TEST_CASES_H
#define TEST_CASES_H

int run_spawn_cases(void);  /* cases_spawn.c: how the process starts */
int run_pipe_cases(void);   /* cases_pipe.c: messages in both directions */
int run_output_cases(void); /* cases_output.c: garbage, floods, limits, stderr, pause */
int run_life_cases(void);   /* cases_life.c: how it ends */

#endif
