/* SPDX-License-Identifier: MIT
 * bench_storage.c - what a store costs through the storage front: durable creates, loads and
 * touches a second, beside a bare loop of the same inserts in sqlite, one transaction each; and how
 * late the loop comes to what is posted to it meanwhile.
 *
 *   bench_storage SECONDS ROUNDS OUT.json BARE.db NAME=FILE.so[,KEY=VALUE...]...
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <sqlite3.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/slice.h"
#include "session/storage.h"

enum {
    MAX_TARGETS = 8,
    MAX_ROUNDS = 15,
    IN_FLIGHT = 64, /* sessions that begin at the same time */
    VALUE_BYTES = 600,
    KEY_BYTES = 2 + 32 + 1,
    MAX_KEYS = 1 << 21,
    MAX_LAGS = 1 << 20,
    TTL_MS = 24 * 3600 * 1000,
    TIMEOUT_MS = 5000,
    PROBE_NS = 1000000
};

enum phase { PHASE_CREATE, PHASE_LOAD, PHASE_TOUCH, PHASE_COUNT };

struct target {
    char *name;
    struct driver *driver;
    struct storage *storage;
    char (*keys)[KEY_BYTES]; /* of what was created */
    size_t nkeys;
    double *lags_ms;
    size_t nlags;
    double rates[PHASE_COUNT][MAX_ROUNDS];
};

struct bench {
    struct host_env env;
    struct clock clock;
    struct loader *loader;
    struct target targets[MAX_TARGETS];
    size_t ntargets;
    struct target *current;
    enum phase phase;
    double until_s;
    size_t running;
    size_t done;
    char value[VALUE_BYTES];
    int probe_fd;
    struct event *probe;
    double probe_due_s; /* when it became ready */
};

struct chain { /* one of those in flight */
    struct bench *bench;
    char key[KEY_BYTES];
};

static double now_s(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

_Noreturn static void die(const char *text) {
    (void)fprintf(stderr, "bench_storage: %s\n", text);
    exit(1);
}

static void draw_key(char key[KEY_BYTES]) {
    uint64_t parts[2];
    random_bytes(parts, sizeof parts);
    (void)snprintf(key, KEY_BYTES, "s:%016" PRIx64 "%016" PRIx64, parts[0], parts[1]);
}

/* The loop's lag: a descriptor is ready each ms. */

static void on_probe(int fd, short what, void *arg) {
    struct bench *bench = arg;
    struct target *target = bench->current;
    uint64_t times = 0;
    (void)what;
    if (read(fd, &times, sizeof times) != (ssize_t)sizeof times) {
        return;
    }
    if (target != NULL && target->nlags < MAX_LAGS) {
        target->lags_ms[target->nlags++] = (now_s() - bench->probe_due_s) * 1000;
    }
    bench->probe_due_s += (double)times * PROBE_NS / 1e9;
}

static void start_probe(struct bench *bench) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    struct itimerspec spec = {.it_interval = {.tv_nsec = PROBE_NS},
                              .it_value = {now.tv_sec + 1, now.tv_nsec}};
    bench->probe_due_s = (double)spec.it_value.tv_sec + (double)spec.it_value.tv_nsec / 1e9;
    bench->probe_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (bench->probe_fd < 0 ||
        timerfd_settime(bench->probe_fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0) {
        die("no timerfd");
    }
    bench->probe = event_new(loop_base(bench->env.loop), bench->probe_fd, EV_READ | EV_PERSIST,
                             on_probe, bench);
    (void)event_add(bench->probe, NULL);
}

/* Phases */

static void go_on(struct chain *chain);

static void on_done(void *ctx, const struct trunk_reply *reply) {
    struct chain *chain = ctx;
    struct bench *bench = chain->bench;
    struct target *target = bench->current;
    if (reply->status != TRUNK_OK) {
        die(reply->message);
    }
    if (bench->phase == PHASE_CREATE && target->nkeys < MAX_KEYS) {
        memcpy(target->keys[target->nkeys++], chain->key, KEY_BYTES);
    }
    bench->done++;
    if (now_s() < bench->until_s) {
        go_on(chain);
    } else if (--bench->running == 0) {
        loop_stop(bench->env.loop);
    }
}

static void go_on(struct chain *chain) {
    struct bench *bench = chain->bench;
    struct target *target = bench->current;
    uint64_t random = 0;
    if (bench->phase == PHASE_CREATE) {
        draw_key(chain->key);
        storage_put(target->storage, TRUNK_PUT_CREATE, chain->key,
                    slice_of(bench->value, VALUE_BYTES), TTL_MS, 0, on_done, chain);
        return;
    }
    random_bytes(&random, sizeof random);
    const char *key = target->keys[random % target->nkeys];
    if (bench->phase == PHASE_LOAD) {
        storage_load(target->storage, key, 0, on_done, chain);
    } else {
        storage_touch(target->storage, key, TTL_MS, on_done, chain);
    }
}

/* Calls a second. */
static double run_phase(struct bench *bench, struct target *target, enum phase phase,
                        double seconds) {
    struct chain chains[IN_FLIGHT];
    loop_turn(bench->env.loop, false); /* probes that fell due while the bare loop ran */
    double began_s = now_s();
    bench->current = target;
    bench->phase = phase;
    bench->until_s = began_s + seconds;
    bench->running = IN_FLIGHT;
    bench->done = 0;
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        chains[i] = (struct chain){.bench = bench};
        go_on(&chains[i]);
    }
    loop_run(bench->env.loop);
    bench->current = NULL;
    return (double)bench->done / (now_s() - began_s);
}

/* The same inserts without trunkd */

struct bare {
    sqlite3 *db;
    sqlite3_stmt *insert;
};

static void open_bare(struct bare *bare, const char *path) {
    static const char schema[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
        "CREATE TABLE records (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL,"
        " version INTEGER NOT NULL, expires_ms INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX records_by_expiry ON records (expires_ms) WHERE expires_ms > 0";
    if (sqlite3_open(path, &bare->db) != SQLITE_OK ||
        sqlite3_exec(bare->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(bare->db, "INSERT INTO records VALUES (?1, ?2, ?3, ?4)", -1,
                           &bare->insert, NULL) != SQLITE_OK) {
        die(sqlite3_errmsg(bare->db));
    }
}

static double run_bare(const struct bench *bench, const struct bare *bare, double seconds) {
    double began_s = now_s();
    size_t done = 0;
    while (now_s() < began_s + seconds) {
        char key[KEY_BYTES];
        draw_key(key);
        (void)sqlite3_bind_text(bare->insert, 1, key, -1, SQLITE_STATIC);
        (void)sqlite3_bind_blob(bare->insert, 2, bench->value, VALUE_BYTES, SQLITE_STATIC);
        (void)sqlite3_bind_int64(bare->insert, 3, (sqlite3_int64)done);
        (void)sqlite3_bind_int64(bare->insert, 4, 2000000000000 + (sqlite3_int64)done);
        if (sqlite3_step(bare->insert) != SQLITE_DONE) {
            die(sqlite3_errmsg(bare->db));
        }
        (void)sqlite3_reset(bare->insert);
        done++;
    }
    return (double)done / (now_s() - began_s);
}

/* Targets */

/* "NAME=FILE.so,KEY=VALUE,..." */
static void open_target(struct bench *bench, char *text, struct target *target) {
    const struct plugin *plugin = NULL;
    struct trunk_error error = {0};
    struct param_list params = {.items = xcalloc(8, sizeof *params.items)};
    char *rest = NULL;
    char *file = strchr(text, '=');
    if (file == NULL) {
        die("a target is NAME=FILE.so,KEY=VALUE,...");
    }
    *file++ = '\0';
    file = strtok_r(file, ",", &rest);
    for (char *pair = strtok_r(NULL, ",", &rest); pair != NULL && params.count < 8;
         pair = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(pair, '=');
        if (value == NULL) {
            die("a parameter is KEY=VALUE");
        }
        *value++ = '\0';
        params.items[params.count++] = (struct trunk_param){xstrdup(pair), xstrdup(value)};
    }
    char *path = realpath(file, NULL);
    if (path == NULL ||
        loader_load(bench->loader, TRUNK_KIND_STORAGE, path, &plugin, &error) != TRUNK_OK) {
        die(path == NULL ? file : error.text);
    }
    free(path);
    target->name = text;
    target->driver = driver_new(&bench->env, "storage", plugin, &params);
    if (driver_open(target->driver, &error) != TRUNK_OK) {
        die(error.text);
    }
    target->storage = storage_new(target->driver, TIMEOUT_MS);
    target->keys = xcalloc(MAX_KEYS, KEY_BYTES);
    target->lags_ms = xcalloc(MAX_LAGS, sizeof *target->lags_ms);
}

static void close_target(struct bench *bench, struct target *target) {
    storage_stop(target->storage);
    driver_free(target->driver);
    loop_turn(bench->env.loop, false);
    storage_free(target->storage);
    free(target->keys);
    free(target->lags_ms);
}

static int compare_doubles(const void *a, const void *b) {
    double one = *(const double *)a;
    double other = *(const double *)b;
    return (one > other) - (one < other);
}

static double median(double *values, unsigned count) {
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static void print_target(FILE *json, struct target *target, unsigned rounds, double bare) {
    double creates = median(target->rates[PHASE_CREATE], rounds);
    double loads = median(target->rates[PHASE_LOAD], rounds);
    double touches = median(target->rates[PHASE_TOUCH], rounds);
    qsort(target->lags_ms, target->nlags, sizeof *target->lags_ms, compare_doubles);
    double p99 = target->nlags > 0 ? target->lags_ms[target->nlags * 99 / 100] : 0;
    double most = target->nlags > 0 ? target->lags_ms[target->nlags - 1] : 0;
    (void)printf("%-12s %10.0f %8.2f %10.0f %10.0f %10.2f %10.2f\n", target->name, creates,
                 creates / bare, loads, touches, p99, most);
    (void)fprintf(json,
                  ",\n  {\"name\": \"%s\", \"creates_per_second\": %.0f, \"ratio_to_bare\": %.3f, "
                  "\"loads_per_second\": %.0f, \"touches_per_second\": %.0f, \"lag_p99_ms\": %.3f, "
                  "\"lag_max_ms\": %.3f}",
                  target->name, creates, creates / bare, loads, touches, p99, most);
}

static void run_rounds(struct bench *bench, const struct bare *bare, unsigned rounds,
                       double seconds, double *bare_rates) {
    for (unsigned round = 0; round < rounds; round++) {
        bare_rates[round] = run_bare(bench, bare, seconds);
        for (size_t i = 0; i < bench->ntargets; i++) {
            struct target *target = &bench->targets[i];
            for (int phase = 0; phase < PHASE_COUNT; phase++) {
                double share = phase == PHASE_CREATE ? 1 : 0.5;
                target->rates[phase][round] =
                    run_phase(bench, target, (enum phase)phase, seconds * share);
            }
        }
    }
}

int main(int argc, char **argv) {
    struct bench *bench = xcalloc(1, sizeof *bench);
    struct bare bare = {0};
    double bare_rates[MAX_ROUNDS];
    if (argc < 6 || argc - 5 > MAX_TARGETS) {
        die("usage: bench_storage SECONDS ROUNDS OUT.json BARE.db NAME=FILE.so[,KEY=VALUE...]...");
    }
    double seconds = strtod(argv[1], NULL);
    unsigned rounds = (unsigned)strtoul(argv[2], NULL, 10);
    FILE *json = fopen(argv[3], "w");
    if (seconds <= 0 || rounds == 0 || rounds > MAX_ROUNDS || json == NULL) {
        die("SECONDS must be positive, ROUNDS 1 to 15, OUT.json writable");
    }
    bench->env.loop = loop_new();
    clock_init(&bench->clock);
    bench->env.clock = &bench->clock;
    bench->env.ops = op_table_new(bench->env.loop, NULL);
    bench->loader = loader_new(NULL, NULL, 0, NULL);
    memset(bench->value, 'v', VALUE_BYTES);
    for (int i = 5; i < argc; i++) {
        open_target(bench, argv[i], &bench->targets[bench->ntargets++]);
    }
    open_bare(&bare, argv[4]);
    start_probe(bench);
    run_rounds(bench, &bare, rounds, seconds, bare_rates);
    event_free(bench->probe);
    (void)close(bench->probe_fd);

    double bare_rate = median(bare_rates, rounds);
    (void)printf("%-12s %10s %8s %10s %10s %10s %10s\n", "store", "creates/s", "to bare", "loads/s",
                 "touches/s", "lag p99 ms", "lag max ms");
    (void)printf("%-12s %10.0f %8.2f\n", "bare loop", bare_rate, 1.0);
    (void)fprintf(json, "[\n  {\"name\": \"bare\", \"creates_per_second\": %.0f}", bare_rate);
    for (size_t i = 0; i < bench->ntargets; i++) {
        print_target(json, &bench->targets[i], rounds, bare_rate);
        close_target(bench, &bench->targets[i]);
    }
    (void)fprintf(json, "\n]\n");
    (void)fclose(json);
    (void)sqlite3_finalize(bare.insert);
    (void)sqlite3_close(bare.db);
    op_table_free(bench->env.ops);
    loop_free(bench->env.loop);
    loader_free(bench->loader);
    free(bench);
    return 0;
}
