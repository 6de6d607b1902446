/* SPDX-License-Identifier: MIT
 * curl_loop.h - libcurl's multi interface on the watches and timers of the host: one per configured
 * instance, so that its legs share connections. Loop thread only. */
#ifndef FACTORY_HTTP_CURL_LOOP_H
#define FACTORY_HTTP_CURL_LOOP_H

#include <stdbool.h>

#include <curl/curl.h>

#include <trunk/plugin.h>

struct curl_loop;

/* NULL: out of memory. */
struct curl_loop *curl_loop_new(const struct trunk_host *host);
/* No transfer may be left. NULL is fine. */
void curl_loop_free(struct curl_loop *loop);

/* A handle with the options that all transfers share and no others, from a pool; NULL: out of
 * memory. To be given back. */
CURL *curl_loop_take_easy(struct curl_loop *loop);
void curl_loop_give_easy(struct curl_loop *loop, CURL *easy);

/* Zeroed memory for what belongs to a handle, always of one size, from a pool; NULL: out of memory.
 * malloc takes its long way for several KiB. */
void *curl_loop_take_block(struct curl_loop *loop, size_t size);
void curl_loop_give_block(struct curl_loop *loop, void *block);

/* A transfer: a handle that is set up, and who is told of its end. Its members are read only while
 * it is in the loop. */
struct transfer {
    CURL *easy;
    /* Called once, outside of libcurl, with the transfer out of the loop already. */
    void (*on_end)(void *ctx, CURLcode code);
    void *ctx;
    struct curl_loop *loop; /* set by curl_loop_add */
    int socket_error;       /* the errno of the last socket that it could not open; 0: none */
};
/* Begins a transfer; *transfer stays where it is until its end. Gives false when out of memory.
 * Nothing happens before curl_loop_run. */
bool curl_loop_add(struct curl_loop *loop, struct transfer *transfer);
/* Takes a transfer out before its end; its connection is closed. */
void curl_loop_remove(struct curl_loop *loop, struct transfer *transfer);
/* A transfer has taken len bytes of a body: no transfer has a turn of the loop for itself. */
void curl_loop_took(struct curl_loop *loop, size_t len);
/* Nobody needs the loop for now: unless a transfer begins soon, the kept connections are closed. */
void curl_loop_rest(struct curl_loop *loop);
/* Does now what is due. To be called at the end of each call or timer that added, removed or
 * resumed a transfer: libcurl asks for a timer of 0 ms then, and a turn of the loop is a delay.
 * Does nothing within itself. */
void curl_loop_run(struct curl_loop *loop);

#endif
