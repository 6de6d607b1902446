/* SPDX-License-Identifier: MIT
 * clock.h - the monotonic clock, and a wall clock anchored once at start and advanced by it, so
 * that a wall clock that jumps expires nobody. All functions may be called on any thread. */
#ifndef TRUNKD_BASE_CLOCK_H
#define TRUNKD_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

struct clock {
    uint64_t wall_anchor_ms;
    uint64_t mono_anchor_ms;
    _Atomic uint64_t moved_ms; /* by clock_advance */
};
void clock_init(struct clock *clock);
uint64_t clock_mono_ms(const struct clock *clock);
uint64_t clock_wall_ms(const struct clock *clock); /* ms since 1970 */
/* Moves both clocks forward, for tests. */
void clock_advance(struct clock *clock, uint64_t ms);

#endif
