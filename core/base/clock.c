/* SPDX-License-Identifier: MIT
 * clock.c - the monotonic clock, and the wall clock that it advances. */
#include "base/clock.h"

#include <time.h>

static uint64_t read_ms(clockid_t id) {
    struct timespec now;
    (void)clock_gettime(id, &now); /* cannot fail for these two clocks */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void clock_init(struct clock *clock) {
    clock->wall_anchor_ms = read_ms(CLOCK_REALTIME);
    clock->mono_anchor_ms = read_ms(CLOCK_MONOTONIC);
    atomic_init(&clock->moved_ms, 0);
}

uint64_t clock_mono_ms(const struct clock *clock) {
    return read_ms(CLOCK_MONOTONIC) + atomic_load(&clock->moved_ms);
}

uint64_t clock_wall_ms(const struct clock *clock) {
    return clock->wall_anchor_ms + (clock_mono_ms(clock) - clock->mono_anchor_ms);
}

void clock_advance(struct clock *clock, uint64_t ms) {
    (void)atomic_fetch_add(&clock->moved_ms, ms);
}
