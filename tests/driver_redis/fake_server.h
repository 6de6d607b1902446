/* SPDX-License-Identifier: MIT
 * fake_server.h - something else in the place of a redis-server: a process that gives everybody who
 * connects one answer. */
#ifndef TEST_REDIS_FAKE_SERVER_H
#define TEST_REDIS_FAKE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

/* Gives its pid; 0: failed. It listens when this returns. answer: given after the first bytes of
 * the other side, or at once with is_hasty. after (NULL: nothing): given when the other side has
 * sent still more. */
pid_t fake_server_start(const char *socket_path, const char *answer, const char *after,
                        bool is_hasty);
void fake_server_end(pid_t pid);

#endif
