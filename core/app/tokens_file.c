/* SPDX-License-Identifier: MIT
 * tokens_file.c - reads auth.tokens_file. */
#include "app/tokens_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "app/config_file.h"
#include "app/config_schema.h"
#include "base/alloc.h"

#define NAME_MAX_BYTES 128

static struct file_stamp stamp_of(const struct stat *info) {
    return (struct file_stamp){.device = info->st_dev,
                               .inode = info->st_ino,
                               .size = info->st_size,
                               .modified = info->st_mtim,
                               .changed = info->st_ctim};
}

struct file_stamp file_stamp_of(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? stamp_of(&info) : (struct file_stamp){0};
}

static bool same_time(const struct timespec *a, const struct timespec *b) {
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(&a->modified, &b->modified) && same_time(&a->changed, &b->changed);
}

/* Who can read the file may try tokens offline; who can write it is anybody. */
static bool check_guard(struct problems *problems, const struct stat *info) {
    if (!S_ISREG(info->st_mode)) {
        problems_add(problems, "", "is not a file; give the file that holds the tokens");
    } else if (info->st_uid != geteuid() && info->st_uid != 0) {
        problems_add(problems, "", "belongs to another user; make it trunkd's own with chown");
    } else if ((info->st_mode & S_IRWXO) != 0) {
        problems_add(problems, "", "others may read or write it; take that away with chmod o-rwx");
    } else if ((info->st_mode & S_IWGRP) != 0) {
        problems_add(problems, "", "its group may write it; take that away with chmod g-w");
    } else {
        return true;
    }
    return false;
}

static int hex_digit(char digit) {
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = digit != '\0' ? strchr(digits, digit) : NULL;
    return at == NULL ? -1 : (int)(at - digits) % 16;
}

static bool parse_hash(const char *hex, uint8_t out[TOKEN_HASH_BYTES]) {
    if (strlen(hex) != (size_t)2 * TOKEN_HASH_BYTES) {
        return false;
    }
    for (size_t i = 0; i < TOKEN_HASH_BYTES; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* Exactly "2027-01-01T00:00:00Z", and a day that exists. */
static bool parse_time(const char *text, uint64_t *out_s) {
    struct tm tm = {0};
    char again[32];
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    time_t seconds = end != NULL && *end == '\0' ? timegm(&tm) : -1;
    if (seconds <= 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(again, sizeof again, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0 || strcmp(text, again) != 0) {
        return false;
    }
    *out_s = (uint64_t)seconds;
    return true;
}

static bool is_name(const char *text) {
    size_t len = strlen(text);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= 0x20 || *at >= 0x7f) {
            return false;
        }
    }
    return len > 0 && len <= NAME_MAX_BYTES;
}

static void add_problem(struct problems *problems, struct buffer *path, const char *key,
                        const char *problem) {
    size_t len = path->len;
    path_append_member(path, key);
    problems_add(problems, buffer_cstr(path), "%s", problem);
    path->len = len;
}

/* Each is told where it is wrong; *token is whole in any case. */
static void read_token(struct json_object *object, struct buffer *path, struct token *token,
                       struct problems *problems) {
    struct token_block block;
    uint8_t of_nothing[TOKEN_HASH_BYTES];
    token_hash("", of_nothing);
    schema_read(schema_token, object, buffer_cstr(path), false, &block, problems);
    if (!is_name(block.name)) {
        add_problem(problems, path, "name",
                    "not a name; write 1 to 128 visible ASCII characters, as in \"alice\"");
    }
    if (!parse_hash(block.sha256, token->sha256)) {
        add_problem(problems, path, "sha256",
                    "not a SHA-256; write the 64 hex digits that `printf %s TOKEN | sha256sum` "
                    "prints");
    } else if (memcmp(token->sha256, of_nothing, sizeof of_nothing) == 0) {
        add_problem(problems, path, "sha256",
                    "the SHA-256 of no token at all; write that of the token");
    }
    if (block.expires[0] != '\0' && !parse_time(block.expires, &token->expires_s)) {
        add_problem(problems, path, "expires",
                    "not a time; write it in UTC, as in \"2027-01-01T00:00:00Z\", or leave it out");
    }
    token->name = xstrdup(block.name);
    schema_clear(schema_token, &block);
}

static void check_twice(const struct tokens *tokens, struct buffer *path,
                        struct problems *problems) {
    const struct token *last = &tokens->items[tokens->count - 1];
    for (const struct token *other = tokens->items; other < last; other++) {
        if (memcmp(other->sha256, last->sha256, sizeof last->sha256) == 0) {
            add_problem(problems, path, "sha256",
                        "the same as of a token above; remove one of them");
            return;
        }
    }
}

static void read_tokens(struct json_object *tree, struct tokens *tokens,
                        struct problems *problems) {
    struct tokens_block root;
    struct buffer path = {0};
    schema_read(schema_tokens, tree, "", false, &root, problems);
    if (root.tokens == NULL) {
        problems_add(problems, "tokens", "missing; write {\"tokens\": [ ... ]}");
    }
    size_t count = root.tokens == NULL ? 0 : json_object_array_length(root.tokens);
    tokens->items = xcalloc(count, sizeof *tokens->items);
    for (size_t i = 0; i < count; i++) {
        struct json_object *object = json_object_array_get_idx(root.tokens, i);
        buffer_clear(&path);
        buffer_append_cstr(&path, "tokens");
        path_append_index(&path, i);
        if (schema_expect_block(object, buffer_cstr(&path), problems)) {
            read_token(object, &path, &tokens->items[tokens->count++], problems);
            check_twice(tokens, &path, problems);
        }
    }
    buffer_free(&path);
}

bool tokens_file_read(struct problems *problems, struct tokens *out, struct file_stamp *out_stamp) {
    struct stat info;
    struct tokens tokens = {0};
    struct json_object *tree = NULL;
    size_t count_before = problems->count;
    int fd = config_file_open(problems, O_NONBLOCK); /* a pipe without a writer is refused too */
    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &info) != 0) {
        problems_add(problems, "", "cannot be looked at: %s; give another file", strerror(errno));
    } else {
        *out_stamp = stamp_of(&info);
        tree = check_guard(problems, &info) ? config_file_read_fd(fd, problems) : NULL;
    }
    (void)close(fd);
    if (tree != NULL) {
        read_tokens(tree, &tokens, problems);
        (void)json_object_put(tree);
    }
    if (problems->count > count_before) {
        tokens_clear(&tokens);
        return false;
    }
    tokens_clear(out);
    *out = tokens;
    return true;
}
