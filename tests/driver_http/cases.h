/* SPDX-License-Identifier: MIT
 * cases.h - the groups of tests; each gives the number of failed ones. */
#ifndef TEST_CASES_H
#define TEST_CASES_H

int run_answer_cases(void); /* cases_answer.c: answers as JSON and as events, and what they carry */
int run_refusal_cases(
    void); /* cases_refusal.c: HTTP errors, broken answers, redirects, lost connections */
int run_stream_cases(
    void);                /* cases_stream.c: streams that break off, listening, pause, cancelling */
int run_life_cases(void); /* cases_life.c: parameters, make, snapshots, finish, close */
int run_legacy_cases(void); /* cases_legacy.c: HTTP+SSE of 2024-11-05 */
int run_tls_cases(void);    /* cases_tls.c: certificates */
int run_reader_cases(void); /* cases_reader.c: the reader of event streams alone */

#endif
