/* SPDX-License-Identifier: MIT
 * cases_tls.c - https with a certificate that is trusted, one that is not, and one of another name.
 * The server is `openssl s_server`, which sends what the test writes to its stdin. */
#include "cases.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

#include <cmocka.h>

extern char **environ;

struct tls_server {
    struct rig *rig; /* whose loop goes on while the test waits for the server */
    pid_t pid;
    int in;  /* what it sends */
    int out; /* what it received, and says */
    char said[16384];
    size_t len;
    char folder[64];
    char certificate[128];
    char key[128];
    char url[128];
};

static pid_t spawn(char *const *args, int in, int out) {
    pid_t pid = 0;
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO), 0);
    assert_int_equal(posix_spawnp(&pid, args[0], &actions, NULL, args, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void make_certificate(struct tls_server *tls, const char *name) {
    char alternative[128];
    int status = -1;
    (void)snprintf(alternative, sizeof alternative, "subjectAltName=%s", name);
    char *args[] = {"openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=test",
                    "-addext",
                    alternative,
                    "-keyout",
                    tls->key,
                    "-out",
                    tls->certificate,
                    NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t pid = spawn(args, null, null);
    (void)close(null);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void read_more(struct tls_server *tls) {
    ssize_t got = read(tls->out, tls->said + tls->len, sizeof tls->said - 1 - tls->len);
    if (got > 0) {
        tls->len += (size_t)got;
        tls->said[tls->len] = '\0';
    }
    loop_host_turn(tls->rig->host, 5);
}

static const char *wait_for(struct tls_server *tls, const char *text) {
    const char *found;
    uint64_t end_ms = mono_now_ms() + 20000;
    while ((found = strstr(tls->said, text)) == NULL) {
        assert_true(mono_now_ms() < end_ms);
        read_more(tls);
    }
    return found + strlen(text);
}

/* name: as in a subjectAltName. */
static void tls_open(struct tls_server *tls, struct rig *rig, const char *name) {
    *tls = (struct tls_server){.rig = rig};
    const char *base = getenv("TMPDIR");
    (void)snprintf(tls->folder, sizeof tls->folder, "%s/kit_http_XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(tls->folder));
    (void)snprintf(tls->certificate, sizeof tls->certificate, "%s/cert.pem", tls->folder);
    (void)snprintf(tls->key, sizeof tls->key, "%s/key.pem", tls->folder);
    make_certificate(tls, name);
    int in[2];
    int out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    char *args[] = {"openssl",        "s_server", "-accept", "127.0.0.1:0", "-cert",
                    tls->certificate, "-key",     tls->key,  NULL};
    tls->pid = spawn(args, in[0], out[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    tls->in = in[1];
    tls->out = out[0];
    assert_int_equal(fcntl(tls->out, F_SETFL, O_NONBLOCK), 0);
    const char *port = wait_for(tls, "\nACCEPT 127.0.0.1:");
    while (strchr(port, '\n') == NULL) {
        read_more(tls);
    }
    (void)snprintf(tls->url, sizeof tls->url, "https://127.0.0.1:%lu/mcp", strtoul(port, NULL, 10));
}

static void tls_close(struct tls_server *tls) {
    assert_int_equal(kill(tls->pid, SIGKILL), 0);
    assert_int_equal(waitpid(tls->pid, NULL, 0), tls->pid);
    (void)close(tls->in);
    (void)close(tls->out);
    (void)unlink(tls->certificate);
    (void)unlink(tls->key);
    (void)rmdir(tls->folder);
}

static void make_tls_peer(struct peer *peer, struct rig *rig, const struct tls_server *tls) {
    const char *params[] = {"url", tls->url, NULL};
    *peer = (struct peer){0};
    assert_int_equal(peer_end_make(peer, peer_begin_make(peer, rig, params, NULL)), TRUNK_OK);
}

/* A driver that trusts the server's certificate, or only the system's. */
static void open_trusting(struct rig *rig, const struct tls_server *tls, bool is_trusting) {
    const char *params[] = {is_trusting ? "ca_file" : NULL, tls->certificate, NULL};
    rig_open_with(rig, params);
}

/* end: what the server says when such a client has left. */
static void expect_not_trusted(const char *name, bool is_trusting, const char *end) {
    struct rig idle;
    struct rig rig;
    struct peer peer;
    struct tls_server tls;
    rig_open(&idle);
    tls_open(&tls, &idle, name);
    open_trusting(&rig, &tls, is_trusting);
    make_tls_peer(&peer, &rig, &tls);
    const char *text = peer_expect(&peer, peer_request(&peer, 1), TRUNK_UNAVAILABLE);
    assert_non_null(strstr(text, "SSL"));
    (void)wait_for(&tls, end);
    assert_null(strstr(tls.said, "POST"));
    peer_finish(&peer);
    rig_close(&rig);
    tls_close(&tls);
    rig_close(&idle);
}

static void test_a_certificate_of_another_name_gets_nothing(void **state) {
    (void)state;
    expect_not_trusted("DNS:other.example,IP:127.0.0.2", true, "\nDONE\n");
}

static void test_a_certificate_that_nobody_vouches_for_gets_nothing(void **state) {
    (void)state;
    expect_not_trusted("IP:127.0.0.1", false, "\nERROR\n");
}

static void test_a_trusted_certificate_of_the_name_is_fine(void **state) {
    (void)state;
    static const char answer_text[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                      "Content-Length: 36\r\n\r\n"
                                      "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}";
    struct rig idle;
    struct rig rig;
    struct peer peer;
    struct tls_server tls;
    rig_open(&idle);
    tls_open(&tls, &idle, "IP:127.0.0.1");
    open_trusting(&rig, &tls, true);
    make_tls_peer(&peer, &rig, &tls);
    trunk_op op = peer_request(&peer, 1);
    tls.rig = &rig;
    (void)wait_for(&tls, "\"method\":\"x\"");
    assert_int_equal(write(tls.in, answer_text, sizeof answer_text - 1), sizeof answer_text - 1);
    (void)peer_expect(&peer, op, TRUNK_OK);
    assert_int_equal(peer.nmessages, 1);
    peer_finish(&peer);
    rig_close(&rig);
    tls_close(&tls);
    rig_close(&idle);
}

int run_tls_cases(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificate_of_another_name_gets_nothing),
        cmocka_unit_test(test_a_certificate_that_nobody_vouches_for_gets_nothing),
        cmocka_unit_test(test_a_trusted_certificate_of_the_name_is_fine),
    };
    return cmocka_run_group_tests_name("tls", tests, rig_load, NULL);
}
