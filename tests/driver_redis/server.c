/* SPDX-License-Identifier: MIT
 * server.c - what redis-server says on its output tells when it serves. */
#include "server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

enum { MAX_ARGS = 40, MAX_WORDS = 15 };

/* Nobody has it at the moment; whoever takes it first, is the server, most likely. */
static int find_free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        port = ntohs(address.sin_port);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return port;
}

bool redis_server_init(struct redis_server *out_server, bool with_tcp) {
    *out_server = (struct redis_server){.output = -1};
    const char *root = getenv("TMPDIR");
    (void)snprintf(out_server->folder, sizeof out_server->folder, "%s/trunkd-redis-XXXXXX",
                   root != NULL && strlen(root) < 32 ? root : "/tmp");
    if (mkdtemp(out_server->folder) == NULL) {
        perror(out_server->folder);
        return false;
    }
    (void)snprintf(out_server->socket, sizeof out_server->socket, "%s/socket", out_server->folder);
    out_server->port = with_tcp ? find_free_port() : 0;
    return true;
}

static void run_server(const struct redis_server *server, const char *const *args, int output) {
    char port[16];
    (void)snprintf(port, sizeof port, "%d", server->port);
    const char *argv[MAX_ARGS] = {"redis-server",
                                  "--port",
                                  port,
                                  "--bind",
                                  "127.0.0.1",
                                  "--unixsocket",
                                  server->socket,
                                  "--dir",
                                  server->folder,
                                  "--save",
                                  "",
                                  "--daemonize",
                                  "no"};
    size_t argc = 13;
    for (size_t i = 0; args != NULL && args[i] != NULL && argc + 1 < MAX_ARGS; i++) {
        argv[argc++] = args[i];
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(output, STDOUT_FILENO);
    (void)dup2(output, STDERR_FILENO);
    (void)execvp(argv[0], (char *const *)argv);
    perror("redis-server cannot be run: install the package redis-server");
    _exit(127);
}

/* False: the output ended before. */
static bool wait_for_output(const struct redis_server *server, const char *text) {
    char said[16384];
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len + 1 < sizeof said) {
        got = read(server->output, said + len, sizeof said - 1 - len);
        len += got > 0 ? (size_t)got : 0;
        said[len] = '\0';
        if (strstr(said, text) != NULL) {
            return true;
        }
    }
    (void)fprintf(stderr, "redis-server did not say \"%s\" but:\n%s\n", text, said);
    return false;
}

bool redis_server_start_until(struct redis_server *server, const char *const *args,
                              const char *text) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    server->pid = fork();
    if (server->pid == 0) {
        run_server(server, args, ends[1]);
    }
    (void)close(ends[1]);
    server->output = ends[0];
    return wait_for_output(server, text);
}

bool redis_server_start(struct redis_server *server, const char *const *args) {
    if (!redis_server_start_until(server, args, "eady to accept connections")) {
        return false;
    }
    server->admin = redisConnectUnix(server->socket);
    return server->admin != NULL && server->admin->err == 0;
}

void redis_server_kill(struct redis_server *server) {
    if (server->pid > 0) {
        (void)kill(server->pid, SIGKILL);
        (void)waitpid(server->pid, NULL, 0);
    }
    server->pid = 0;
    if (server->output >= 0) {
        (void)close(server->output);
    }
    server->output = -1;
    redisFree(server->admin);
    server->admin = NULL;
}

void redis_server_forget_data(struct redis_server *server) {
    static const char *const names[] = {"dump.rdb", "socket", "password"};
    char path[96];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", server->folder, names[i]);
        (void)unlink(path);
    }
}

void redis_server_end(struct redis_server *server) {
    redis_server_kill(server);
    redis_server_forget_data(server);
    (void)rmdir(server->folder);
}

static const char *text_of(const redisReply *reply, char *out_text, size_t size) {
    while (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
        reply = reply->element[reply->elements - 1];
    }
    if (reply == NULL) {
        return "no answer";
    }
    if (reply->type == REDIS_REPLY_INTEGER) {
        (void)snprintf(out_text, size, "%lld", reply->integer);
    } else {
        (void)snprintf(out_text, size, "%s", reply->str != NULL ? reply->str : "");
    }
    return out_text;
}

const char *redis_server_ask(struct redis_server *server, const char *command) {
    static char text[4096];
    char copy[512];
    const char *words[MAX_WORDS];
    int nwords = 0;
    char *rest = NULL;
    (void)snprintf(copy, sizeof copy, "%s", command);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL && nwords < MAX_WORDS;
         word = strtok_r(NULL, " ", &rest)) {
        words[nwords++] = word;
    }
    redisReply *reply = redisCommandArgv(server->admin, nwords, words, NULL);
    const char *answer = text_of(reply, text, sizeof text);
    freeReplyObject(reply);
    return answer;
}
