/* SPDX-License-Identifier: MIT
 * scripts.h - what runs inside the server: each call of the ABI is one Lua script, and so one
 * atomic step against every other host.
 *
 * A record of key K, under the prefix P, is
 *   P value:K   a string: the version as 16 hexadecimal digits, a space, the value
 *   P log:K     a stream: entry SEQ-0 with one field, v; absent while nothing was ever appended
 *   P expiry    a sorted set, of all records: K, by the end of its life; absent for an endless one
 * (without the spaces). The keys of a record live a day longer in the server than the record, by
 * the server's own clock: a safety net for what no sweep comes for. The record's life is reckoned
 * on the clock of the host only, which each script gets as an argument.
 *
 * No script writes before it has read whatever may refuse it, so one that ends with an error has
 * changed nothing. */
#ifndef STORAGE_REDIS_SCRIPTS_H
#define STORAGE_REDIS_SCRIPTS_H

/* Of one record: KEYS value:K, log:K, expiry; ARGV K, NOW, and
 *   LOAD     PX ENDS          PX "": the life stays           {OK, value, last seq}
 *   PUT      PX ENDS MODE VALUE EXPECT   with the new version in VALUE
 *   TOUCH    PX ENDS          PX "0": endless
 *   REMOVE
 *   APPEND   SEQ VALUE
 *   READ     AFTER LIMIT                                      {OK, {{"SEQ-0", {"v", value}} ...}}
 *   TRIM     UPTO
 * Each answers with one of the statuses OK, NOT_FOUND, EXISTS, CONFLICT and INTERNAL (the key holds
 * what is no record), as a number, and where the right column has something with that for OK.
 * Of all records: KEYS expiry; ARGV
 *   SWEEP    NOW LIMIT VALUE-PREFIX LOG-PREFIX BYTES          {is there more, K, ends, value ...}
 *   SCAN     NOW CURSOR PATTERN COUNT VALUE-PREFIX WANTED     {cursor, K, ends, value ...}
 * SWEEP stops early after BYTES of values. SCAN gives the beginning of the values only, unless
 * WANTED is "1", and may give what is no record. */
enum script {
    SCRIPT_LOAD,
    SCRIPT_PUT,
    SCRIPT_TOUCH,
    SCRIPT_REMOVE,
    SCRIPT_APPEND,
    SCRIPT_READ,
    SCRIPT_TRIM,
    SCRIPT_SWEEP,
    SCRIPT_SCAN,
    SCRIPT_COUNT
};

const char *script_text(enum script script);

#endif
