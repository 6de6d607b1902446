/* SPDX-License-Identifier: MIT
 * param_text.h - durations, sizes and the other typed texts of a config, and slips in its words. */
#ifndef TRUNKD_PLUGIN_PARAM_TEXT_H
#define TRUNKD_PLUGIN_PARAM_TEXT_H

#include <trunk/types.h>

/* "30s", "15m", "24h", "7d", "500ms", "0"; TRUNK_OK or TRUNK_INVALID. Overflow is invalid. */
int32_t duration_parse(const char *text, uint64_t *out_ms);
/* "8MiB", "64KiB", "1GiB", "512B", "0"; a bare number is bytes. */
int32_t size_parse(const char *text, uint64_t *out_bytes);
/* The word of known[0..count) nearest to word by edit distance, if near enough to be a slip
 * (distance <= 2 and < its length); else NULL. */
const char *nearest_word(const char *word, const char *const *known, size_t count);
/* What a driver is given for a text of this TRUNK_PARAM_... type (ABI rule 10), freed by the
 * caller. NULL: it is none of the type; always for lists and maps. */
char *param_text_normalise(uint32_t type, const char *text);

#endif
