/* SPDX-License-Identifier: MIT
 * node.c - this process among those that may use the same store. */
#include "session/node.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/status.h"

#define PREFIX "n:"
#define FORMAT "1"
#define PAGE_RECORDS 100

struct node {
    struct node_config config;
    char *key;
    struct buffer record; /* what is stored: with the incarnation, it is no other process's */
    uint64_t version;
    struct loop_timer *timer;
    bool is_busy; /* one call to the store is under way, and decides on the next */
    bool is_lost;
    struct log_limit wait_limit;
    char *other; /* found in the store: the name of another node, and when its lease ends */
    uint64_t other_end_ms;
    struct buffer cursor;
    void (*scanned)(struct node *node, const struct trunk_reply *reply);
    node_done_fn claimed; /* NULL: it is not being claimed */
    void (*released)(void *ctx);
    void *ctx; /* of the one of both that is set */
};

static void renew(void *arg);

static uint64_t renew_ms(const struct node *node) {
    return node->config.lease_ms / 3;
}

struct node *node_new(const struct node_config *config) {
    struct node *node = xcalloc(1, sizeof *node);
    char incarnation[33];
    char started[24];
    struct json_object *record = json_object_new_object();
    random_hex(incarnation, 16);
    (void)snprintf(started, sizeof started, "%" PRIu64, clock_wall_ms(config->clock));
    (void)json_object_object_add(record, "format", json_object_new_string(FORMAT));
    (void)json_object_object_add(record, "name", json_object_new_string(config->name));
    (void)json_object_object_add(record, "incarnation", json_object_new_string(incarnation));
    (void)json_object_object_add(record, "started", json_object_new_string(started));
    node->config = *config;
    node->key = xasprintf(PREFIX "%s", config->name);
    buffer_append_cstr(&node->record,
                       json_object_to_json_string_ext(record, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(record);
    node->timer = loop_timer_new(config->loop, renew, node);
    return node;
}

void node_free(struct node *node) {
    if (node != NULL) {
        loop_timer_free(node->timer);
        buffer_free(&node->record);
        buffer_free(&node->cursor);
        free(node->other);
        free(node->key);
        free(node);
    }
}

static const char *reason_of(const struct trunk_reply *reply) {
    return reply->message != NULL ? reply->message : status_name(reply->status);
}

static void put(struct node *node, uint32_t mode, storage_done_fn done) {
    storage_put(node->config.storage, mode, node->key, buffer_slice(&node->record),
                node->config.lease_ms, node->version, done, node);
}

static bool is_ours(const struct node *node, const struct trunk_reply *reply) {
    return reply->status == TRUNK_OK && slice_equal(reply->value, buffer_slice(&node->record));
}

/* ---- other nodes ---- */

static void on_item(void *ctx, const struct trunk_item *item) {
    struct node *node = ctx;
    size_t prefix_len = sizeof PREFIX - 1;
    if (node->other == NULL && item->key.len > prefix_len &&
        !slice_equal_cstr(item->key, node->key)) {
        node->other = slice_strdup(
            slice_of((const char *)item->key.data + prefix_len, item->key.len - prefix_len));
        node->other_end_ms = item->expires_ms;
    }
}

static void scan_page(struct node *node);

static void on_page(void *ctx, const struct trunk_reply *reply) {
    struct node *node = ctx;
    buffer_clear(&node->cursor);
    buffer_append_slice(&node->cursor, reply->value);
    if (reply->status == TRUNK_OK && node->cursor.len > 0 && node->other == NULL) {
        scan_page(node);
    } else {
        node->scanned(node, reply);
    }
}

static void scan_page(struct node *node) {
    storage_scan(node->config.storage, PREFIX, buffer_slice(&node->cursor), PAGE_RECORDS, on_item,
                 on_page, node);
}

/* Leaves the first other node in node->other, then calls scanned. */
static void scan(struct node *node,
                 void (*scanned)(struct node *node, const struct trunk_reply *reply)) {
    buffer_clear(&node->cursor);
    node->scanned = scanned;
    scan_page(node);
}

static char *describe_other(const struct node *node) {
    uint64_t now_ms = clock_wall_ms(node->config.clock);
    uint64_t left_ms = node->other_end_ms > now_ms ? node->other_end_ms - now_ms : 0;
    return xasprintf("the store is in use by another node, \"%s\", whose lease ends in %" PRIu64
                     " s unless it is renewed; stop that node, or give both the same node.name",
                     node->other, (left_ms + 999) / 1000);
}

/* ---- the claim: look, claim, and look again, since two may start at once ---- */

static void end_claim(struct node *node, int32_t status, const char *text) {
    node_done_fn claimed = node->claimed;
    node->claimed = NULL;
    node->is_busy = false;
    if (status == TRUNK_OK) {
        loop_timer_set(node->timer, renew_ms(node));
    }
    claimed(node->ctx, status, text);
}

static void fail_claim(struct node *node, const struct trunk_reply *reply) {
    char *text = xasprintf("the store does not take this node's record: %s", reason_of(reply));
    end_claim(node, TRUNK_UNAVAILABLE, text);
    free(text);
}

static void refuse_claim(struct node *node) {
    char *text = describe_other(node);
    end_claim(node, TRUNK_CONFLICT, text);
    free(text);
}

static void on_withdrawn(void *ctx, const struct trunk_reply *reply) {
    (void)reply; /* its lease ends by itself */
    refuse_claim(ctx);
}

static void on_scanned_again(struct node *node, const struct trunk_reply *reply) {
    if (reply->status != TRUNK_OK) {
        fail_claim(node, reply);
    } else if (node->other != NULL) {
        storage_remove(node->config.storage, node->key, on_withdrawn, node);
    } else {
        end_claim(node, TRUNK_OK, "");
    }
}

static void on_claim_looked(void *ctx, const struct trunk_reply *reply) {
    struct node *node = ctx;
    if (is_ours(node, reply)) {
        node->version = reply->version;
        scan(node, on_scanned_again);
    } else {
        fail_claim(node, reply);
    }
}

static void on_claimed(void *ctx, const struct trunk_reply *reply) {
    struct node *node = ctx;
    if (reply->status == TRUNK_OK) {
        node->version = reply->version;
        scan(node, on_scanned_again);
    } else if (reply->status == TRUNK_UNCERTAIN) {
        storage_load(node->config.storage, node->key, 0, on_claim_looked, node);
    } else {
        fail_claim(node, reply);
    }
}

static void on_scanned(struct node *node, const struct trunk_reply *reply) {
    if (reply->status != TRUNK_OK) {
        fail_claim(node, reply);
    } else if (node->other != NULL) {
        refuse_claim(node);
    } else { /* whatever another process of this name stored: it is the older one */
        put(node, TRUNK_PUT_UPSERT, on_claimed);
    }
}

void node_claim(struct node *node, node_done_fn done, void *ctx) {
    node->claimed = done;
    node->ctx = ctx;
    node->is_busy = true;
    scan(node, on_scanned);
}

/* ---- the end ---- */

static void tell_released(void *arg) {
    struct node *node = arg;
    node->is_busy = false;
    node->released(node->ctx);
}

static void on_removed(void *ctx, const struct trunk_reply *reply) {
    (void)reply; /* its lease ends by itself */
    tell_released(ctx);
}

static void on_release_looked(void *ctx, const struct trunk_reply *reply) {
    struct node *node = ctx;
    if (is_ours(node, reply)) {
        storage_remove(node->config.storage, node->key, on_removed, node);
    } else {
        tell_released(node);
    }
}

static void begin_release(struct node *node) {
    node->is_busy = true;
    storage_load(node->config.storage, node->key, 0, on_release_looked, node);
}

void node_release(struct node *node, void (*done)(void *ctx), void *ctx) {
    loop_timer_stop(node->timer);
    node->released = done;
    node->ctx = ctx;
    if (node->is_lost) {
        loop_post(node->config.loop, tell_released, node);
    } else if (!node->is_busy) {
        begin_release(node);
    }
}

/* ---- the lease ---- */

/* What was under way is done: the next renewal, or the release that waits. */
static void rest(struct node *node, uint64_t wait_ms) {
    node->is_busy = false;
    if (node->released != NULL) {
        begin_release(node);
    } else {
        loop_timer_set(node->timer, wait_ms);
    }
}

static void lose(struct node *node, const char *text) {
    node->is_busy = false;
    node->is_lost = true;
    if (node->released != NULL) {
        tell_released(node);
    } else {
        node->config.on_lost(node->config.ctx, text);
    }
}

static void wait_for_store(struct node *node, const struct trunk_reply *reply) {
    log_write_limited(node->config.log, &node->wait_limit, TRUNK_LOG_WARN, "node",
                      "the lease was not renewed: %s", reason_of(reply));
    rest(node, node->config.lease_ms / 30);
}

static void on_created(void *ctx, const struct trunk_reply *reply);
static void on_renewed(void *ctx, const struct trunk_reply *reply);
static void on_scanned_late(struct node *node, const struct trunk_reply *reply);

/* The lease has ended: until it is sure that no other node has begun one, there is no version. */
static void create(struct node *node) {
    node->version = 0;
    put(node, TRUNK_PUT_CREATE, on_created);
}

static void on_looked(void *ctx, const struct trunk_reply *reply) {
    struct node *node = ctx;
    bool was_gone = node->version == 0;
    if (is_ours(node, reply)) { /* a write that was UNCERTAIN, or slow, went well */
        node->version = reply->version;
        if (was_gone) {
            scan(node, on_scanned_late);
        } else {
            rest(node, renew_ms(node));
        }
    } else if (reply->status == TRUNK_OK) {
        lose(node, "another process with the same node.name has taken over the store");
    } else if (reply->status == TRUNK_NOT_FOUND) {
        create(node);
    } else {
        wait_for_store(node, reply);
    }
}

static void on_taken_back(void *ctx, const struct trunk_reply *reply) {
    struct node *node = ctx;
    (void)reply; /* its lease ends by itself */
    char *text = describe_other(node);
    lose(node, text);
    free(text);
}

/* While there was no lease, another node may have found the store free. */
static void on_scanned_late(struct node *node, const struct trunk_reply *reply) {
    if (node->other != NULL) {
        storage_remove(node->config.storage, node->key, on_taken_back, node);
    } else if (reply->status != TRUNK_OK) {
        node->version = 0; /* the next renewal finds its own record, and looks again */
        wait_for_store(node, reply);
    } else {
        rest(node, renew_ms(node));
    }
}

static void on_created(void *ctx, const struct trunk_reply *reply) {
    struct node *node = ctx;
    if (reply->status == TRUNK_OK) {
        node->version = reply->version;
        scan(node, on_scanned_late);
    } else {
        on_renewed(node, reply);
    }
}

static void on_renewed(void *ctx, const struct trunk_reply *reply) {
    struct node *node = ctx;
    switch (reply->status) {
    case TRUNK_OK:
        node->version = reply->version;
        rest(node, renew_ms(node));
        break;
    case TRUNK_NOT_FOUND:
        create(node);
        break;
    case TRUNK_CONFLICT:
    case TRUNK_UNCERTAIN:
        storage_load(node->config.storage, node->key, 0, on_looked, node);
        break;
    default:
        wait_for_store(node, reply);
        break;
    }
}

static void renew(void *arg) {
    struct node *node = arg;
    node->is_busy = true;
    put(node, TRUNK_PUT_CAS, on_renewed);
}
