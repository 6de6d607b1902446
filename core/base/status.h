/* SPDX-License-Identifier: MIT
 * status.h - names of the ABI's statuses, and filling of struct trunk_error. */
#ifndef TRUNKD_BASE_STATUS_H
#define TRUNKD_BASE_STATUS_H

#include <trunk/types.h>

const char *
status_name(int32_t status); /* "OK", "NOT_FOUND", ... "INTERNAL"; "status?" for an unknown one */
/* Fills *error (may be NULL) and returns status. key: the config key or parameter at fault, "" for
 * none. A text that does not fit is cut at a character. */
__attribute__((format(printf, 4, 5))) int32_t error_set(struct trunk_error *error, int32_t status,
                                                        const char *key, const char *format, ...);

#endif
