/* SPDX-License-Identifier: MIT
 * plugin.c - storage driver `redis`: records in a Redis (6.2 or later) or Valkey server, which many
 * hosts may share. What a record looks like there is told in scripts.h; for example
 *     redis-cli get trunkd:value:s:0123...    version and record of a session
 *
 * Parameters
 *   socket                   path of the server's unix socket; or
 *   host, port               its name or address; 6379. A name is resolved for each attempt to
 *                            connect, and all its addresses are tried
 *   username, password       of its ACL; a password alone is that of the default user. The user
 *                            needs ~PREFIX* and +@read +@write +@scripting +info +select +ping
 *   password_file            the password from a file, without the line break at its end
 *   database                 0
 *   prefix                   trunkd: - begins the name of every key, ends in ':'
 * There is no `tls`: hiredis 0.14 has none. Use a unix socket, a private network, or a tunnel.
 *
 * What its failures look like: every text begins with "redis at SERVER:".
 *   not there, or gone       UNAVAILABLE, at once. It is connected to again after 0 ms, 50 ms, and
 *                            twice as long each time, to 2 s.
 *   a name not known         UNAVAILABLE, likewise. A silent resolver: after 3 s; a close that
 *                            comes meanwhile waits for it, some seconds (resolver.h)
 *   silent for 3 s           the connection is dropped: answers have no numbers. What was sent
 * whole and writes is UNCERTAIN, all else UNAVAILABLE. A connection lost in another way, likewise.
 *   OOM, NOREPLICAS, LOADING, BUSY, MISCONF       UNAVAILABLE: scripts write nothing after an error
 *   READONLY, a replica      UNAVAILABLE, and it is connected to again: the master may be elsewhere
 *   NOAUTH, WRONGPASS, NOPERM                     DENIED
 *   NOSCRIPT                 seen by nobody: the script is loaded again
 *   WRONGTYPE, a key with what is no record       INTERNAL: something else writes under our prefix.
 *                            It is never overwritten nor removed, and left out by scan and sweep
 *   too old, not a redis     ping is UNAVAILABLE, and names the version
 * A warning is logged for a maxmemory-policy by which the server may throw records away. */
#include <trunk/plugin_util.h>

#include "pages.h"
#include "records.h"
#include "settings.h"
#include "store.h"

#include <stdlib.h>

/* What is sent at once, at most: it is all uncertain when the connection is lost. */
enum { MAX_INFLIGHT = 1024 };

static int32_t open_store(const struct trunk_host *host, const struct trunk_param *params,
                          size_t nparams, void **self, struct trunk_error *error) {
    struct settings settings;
    int32_t status = settings_read(&settings, params, nparams, error);
    if (status != TRUNK_OK) {
        return status;
    }
    *self = store_new(host, &settings);
    if (*self == NULL) {
        settings_clear(&settings);
        return trunk_fail(error, TRUNK_UNAVAILABLE, "", "out of memory");
    }
    return TRUNK_OK;
}

static void close_store(void *self) {
    store_free(self);
}

struct ping {
    struct request request; /* the first member: a request is its ping */
    struct store *store;
    trunk_op op;
};

static void on_pinged(struct request *request, int32_t status, const char *text,
                      const struct redisReply *reply) {
    struct ping *ping = (struct ping *)request;
    (void)reply;
    store_complete_with(ping->store, ping->op, status, text);
    free(ping);
}

static void ping_store(void *self, trunk_op op) {
    struct store *store = self;
    struct ping *ping = calloc(1, sizeof *ping);
    if (ping == NULL) {
        store_complete(store, op, TRUNK_UNAVAILABLE);
        return;
    }
    ping->store = store;
    ping->op = op;
    ping->request.done = on_pinged;
    connection_ping(store->connection, &ping->request);
}

static void load(void *self, struct trunk_slice key, uint64_t touch_ttl_ms, trunk_op op) {
    records_load(self, key, touch_ttl_ms, op);
}

static void put_record(void *self, const struct trunk_put *put, trunk_op op) {
    records_put(self, put, op);
}

static void touch(void *self, struct trunk_slice key, uint64_t ttl_ms, trunk_op op) {
    records_touch(self, key, ttl_ms, op);
}

static void remove_record(void *self, struct trunk_slice key, trunk_op op) {
    records_remove(self, key, op);
}

static void sweep(void *self, uint32_t limit, trunk_op op) {
    pages_sweep(self, limit, op);
}

static void scan(void *self, const struct trunk_scan *how, trunk_op op) {
    pages_scan(self, how, op);
}

static void append_entry(void *self, const struct trunk_entry *entry, trunk_op op) {
    records_append(self, entry, op);
}

static void read_log(void *self, struct trunk_slice key, uint64_t after_seq, uint32_t limit,
                     trunk_op op) {
    records_read(self, key, after_seq, limit, op);
}

static void trim_log(void *self, struct trunk_slice key, uint64_t upto_seq, trunk_op op) {
    records_trim(self, key, upto_seq, op);
}

static const struct trunk_storage_ops ops = {
    .struct_size = sizeof ops,
    .caps = TRUNK_CAP_PERSISTENT | TRUNK_CAP_SHARED | TRUNK_CAP_LOG,
    .max_inflight = MAX_INFLIGHT,
    .check = settings_check,
    .open = open_store,
    .close = close_store,
    .ping = ping_store,
    .load = load,
    .put = put_record,
    .touch = touch,
    .remove = remove_record,
    .sweep = sweep,
    .scan = scan,
    .log_append = append_entry,
    .log_read = read_log,
    .log_trim = trim_log,
};

TRUNK_STORAGE_PLUGIN(0, "redis", DRIVER_VERSION, "keeps records in a Redis or Valkey server",
                     settings_spec, &ops);
