/* SPDX-License-Identifier: MIT
 * scripts.c - Lua 5.1, as every server from Redis 6.2 on has it. Numbers of 64 bits do not fit into
 * its own, so versions and sequence numbers stay texts. The numbers returned are statuses of
 * trunk/types.h. */
#include "scripts.h"

/* find: the version of the living record; nil when there is none; nil, true when the key holds what
 * is no record. GETRANGE, so that a large value is not copied to look at its version. */
#define FIND                                                                                       \
    "local value, log, expiry = KEYS[1], KEYS[2], KEYS[3]\n"                                       \
    "local key, now = ARGV[1], tonumber(ARGV[2])\n"                                                \
    "local function find()\n"                                                                      \
    "  local ends = redis.call('ZSCORE', expiry, key)\n"                                           \
    "  local head = redis.call('GETRANGE', value, 0, 16)\n"                                        \
    "  if head == '' and redis.call('EXISTS', value) == 0 then return nil end\n"                   \
    "  if #head ~= 17 or not string.find(head, '^[0-9a-f]+ $') then return nil, true end\n"        \
    "  if ends and tonumber(ends) <= now then return nil end\n"                                    \
    "  return string.sub(head, 1, 16)\n"                                                           \
    "end\n"                                                                                        \
    "local version, is_foreign = find()\n"                                                         \
    "if is_foreign then return 12 end\n"

#define FIND_LIVING FIND "if not version then return 1 end\n"

#define SET_LIFE                                                                                   \
    "local function set_life(px, ends)\n"                                                          \
    "  if px == '0' then\n"                                                                        \
    "    redis.call('ZREM', expiry, key)\n"                                                        \
    "    redis.call('PERSIST', value)\n"                                                           \
    "    redis.call('PERSIST', log)\n"                                                             \
    "  else\n"                                                                                     \
    "    redis.call('ZADD', expiry, ends, key)\n"                                                  \
    "    redis.call('PEXPIRE', value, px)\n"                                                       \
    "    redis.call('PEXPIRE', log, px)\n"                                                         \
    "  end\n"                                                                                      \
    "end\n"

/* A stream remembers its highest number when it is trimmed to nothing. */
#define LAST_SEQ                                                                                   \
    "local function last_seq()\n"                                                                  \
    "  if redis.call('EXISTS', log) == 0 then return '0' end\n"                                    \
    "  local info = redis.call('XINFO', 'STREAM', log)\n"                                          \
    "  for i = 1, #info, 2 do\n"                                                                   \
    "    if info[i] == 'last-generated-id' then\n"                                                 \
    "      return (string.gsub(info[i + 1], '-.*', ''))\n"                                         \
    "    end\n"                                                                                    \
    "  end\n"                                                                                      \
    "end\n"

static const char *const texts[SCRIPT_COUNT] = {
    [SCRIPT_LOAD] =
        FIND_LIVING SET_LIFE LAST_SEQ "local last = last_seq()\n"
                                      "if ARGV[3] ~= '' then set_life(ARGV[3], ARGV[4]) end\n"
                                      "return {0, redis.call('GET', value), last}\n",

    [SCRIPT_PUT] =
        FIND SET_LIFE "local mode = ARGV[5]\n"
                      "if mode == '1' and version then return 2 end\n"
                      "if (mode == '2' or mode == '4') and not version then return 1 end\n"
                      "if mode == '4' and version ~= ARGV[7] then return 3 end\n"
                      "redis.call('SET', value, ARGV[6])\n"
                      "if not version then redis.call('DEL', log) end\n"
                      "set_life(ARGV[3], ARGV[4])\n"
                      "return 0\n",

    [SCRIPT_TOUCH] = FIND_LIVING SET_LIFE "set_life(ARGV[3], ARGV[4])\n"
                                          "return 0\n",

    [SCRIPT_REMOVE] = FIND "if version then\n"
                           "  redis.call('DEL', value, log)\n"
                           "  redis.call('ZREM', expiry, key)\n"
                           "end\n"
                           "return 0\n",

    /* Two numbers without leading zeros compare by length first. */
    [SCRIPT_APPEND] = FIND_LIVING LAST_SEQ
    "local seq = ARGV[3]\n"
    "local added = redis.pcall('XADD', log, seq .. '-0', 'v', ARGV[4])\n"
    "if type(added) == 'table' and added.err then\n"
    "  local last = last_seq()\n"
    "  if last == seq then return 0 end\n"
    "  if #last > #seq or (#last == #seq and last > seq) then return 3 end\n"
    "  return added\n"
    "end\n"
    "local left = redis.call('PTTL', value)\n"
    "if left > 0 then redis.call('PEXPIRE', log, left) end\n"
    "return 0\n",

    [SCRIPT_READ] = FIND_LIVING
    "return {0, redis.call('XRANGE', log, ARGV[3] .. '-1', '+', 'COUNT', ARGV[4])}\n",

    [SCRIPT_TRIM] = FIND_LIVING "redis.call('XTRIM', log, 'MINID', ARGV[3] .. '-1')\n"
                                "return 0\n",

    /* What has no record under its key is gone by the safety net, or not ours: only forgotten. */
    [SCRIPT_SWEEP] =
        "local limit, most_bytes = tonumber(ARGV[2]), tonumber(ARGV[5])\n"
        "local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'WITHSCORES',\n"
        "                       'LIMIT', 0, limit)\n"
        "local taken, bytes = {#due == limit * 2 and 1 or 0}, 0\n"
        "for i = 1, #due, 2 do\n"
        "  if bytes >= most_bytes then\n"
        "    taken[1] = 1\n"
        "    break\n"
        "  end\n"
        "  local value = ARGV[3] .. due[i]\n"
        "  local got = redis.pcall('GET', value)\n"
        "  local head = type(got) == 'string' and string.sub(got, 1, 17) or ''\n"
        "  if #head == 17 and string.find(head, '^[0-9a-f]+ $') then\n"
        "    bytes = bytes + #got\n"
        "    taken[#taken + 1] = due[i]\n"
        "    taken[#taken + 1] = due[i + 1]\n"
        "    taken[#taken + 1] = got\n"
        "    redis.call('DEL', value, ARGV[4] .. due[i])\n"
        "  end\n"
        "  redis.call('ZREM', KEYS[1], due[i])\n"
        "end\n"
        "return taken\n",

    [SCRIPT_SCAN] = "local now, skip = tonumber(ARGV[1]), #ARGV[5]\n"
                    "local page = redis.call('SCAN', ARGV[2], 'MATCH', ARGV[3], 'COUNT', ARGV[4],\n"
                    "                        'TYPE', 'string')\n"
                    "local found = {page[1]}\n"
                    "for _, name in ipairs(page[2]) do\n"
                    "  local key = string.sub(name, skip + 1)\n"
                    "  local ends = redis.call('ZSCORE', KEYS[1], key)\n"
                    "  if not ends or tonumber(ends) > now then\n"
                    "    found[#found + 1] = key\n"
                    "    found[#found + 1] = ends or '0'\n"
                    "    if ARGV[6] == '1' then\n"
                    "      found[#found + 1] = redis.call('GET', name)\n"
                    "    else\n"
                    "      found[#found + 1] = redis.call('GETRANGE', name, 0, 16)\n"
                    "    end\n"
                    "  end\n"
                    "end\n"
                    "return found\n",
};

const char *script_text(enum script script) {
    return texts[script];
}
