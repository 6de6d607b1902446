/* SPDX-License-Identifier: MIT
 * recover.c - after a start: records that a process before this one terminated, but whose legs it
 * did not live to close (design.md section 5, Hygiene). */
#include "session/manager_private.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/status.h"

/* A page is read while sessions are served, so it is a small one. */
#define PAGE_RECORDS 50
#define RETRY_MS 1000
#define TERMINATED "\"terminated\":\"true\""

struct recover {
    struct manager *manager;
    struct buffer cursor;
};

static void end_recover(struct recover *recover) {
    struct manager *manager = recover->manager;
    buffer_free(&recover->cursor);
    free(recover);
    manager_job_end(manager);
}

static void on_item(void *ctx, const struct trunk_item *item) {
    struct recover *recover = ctx;
    struct record record = {0};
    char id[SESSION_ID_SIZE];
    if (manager_item_id(item, id) &&
        memmem(item->value.data, item->value.len, TERMINATED, sizeof TERMINATED - 1) != NULL &&
        manager_read_item(recover->manager, id, item, &record)) {
        manager_reap_if_left(recover->manager, id, &record);
        record_clear(&record);
    }
}

static void read_page(struct recover *recover);

static void on_retry(void *arg) {
    manager_recover(arg);
}

/* From the start: what it had found is being closed, or is gone. */
static void try_again(struct manager *manager, const struct trunk_reply *reply) {
    if (manager->is_stopping) {
        return;
    }
    if (manager->recover_timer == NULL) {
        log_warn(manager->config.log, "session",
                 "the store was not searched for ended sessions, and what they left at backends is "
                 "open until it can be: %s",
                 reply->message != NULL ? reply->message : status_name(reply->status));
        manager->recover_timer = loop_timer_new(manager->config.loop, on_retry, manager);
    }
    loop_timer_set(manager->recover_timer, RETRY_MS);
}

static void on_page(void *ctx, const struct trunk_reply *reply) {
    struct recover *recover = ctx;
    struct manager *manager = recover->manager;
    if (reply->status != TRUNK_OK) {
        try_again(manager, reply);
    }
    buffer_clear(&recover->cursor);
    buffer_append_slice(&recover->cursor, reply->value);
    if (reply->status != TRUNK_OK || recover->cursor.len == 0 || manager->is_stopping) {
        end_recover(recover);
    } else {
        read_page(recover);
    }
}

static void read_page(struct recover *recover) {
    storage_scan(recover->manager->config.storage, "s:", buffer_slice(&recover->cursor),
                 PAGE_RECORDS, on_item, on_page, recover);
}

void manager_recover(struct manager *manager) {
    struct recover *recover = xcalloc(1, sizeof *recover);
    manager_job_begin(manager);
    recover->manager = manager;
    read_page(recover);
}
