/* SPDX-License-Identifier: MIT
 * id.h - session ids: 128 random bits as 32 hex digits. An id is a credential, so logs and people
 * see its tag instead. */
#ifndef TRUNKD_SESSION_ID_H
#define TRUNKD_SESSION_ID_H

#include <stdbool.h>

#define SESSION_ID_SIZE 33 /* digits and a NUL */
#define SESSION_TAG_SIZE 9

void id_generate(char out_id[SESSION_ID_SIZE]);
bool id_is_valid(const char *id); /* 32 lower-case hex digits */
/* The first 8 hex digits of a hash of the id: the same in every process, and no way back. */
void id_tag(const char *id, char out_tag[SESSION_TAG_SIZE]);

#endif
