/* The cheapest clock there is, for the duration of single commands: the processor's counter where it runs at a
 * constant rate on all cores (x86-64 with an invariant TSC, aarch64's virtual counter), else CLOCK_MONOTONIC. */
#ifndef FLAGSTONE_SERVER_TICKS_H
#define FLAGSTONE_SERVER_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#include "slab/base/clock.h"

/* How ticks become nanoseconds: ns = ticks * mult >> 32. Copied by value; constant after ticks_calibrate. */
struct ticks {
    uint64_t mult;
    bool counter; /* the processor's counter is used */
};

/* Measures the counter's rate against CLOCK_MONOTONIC; takes about 2 ms on x86-64. */
struct ticks ticks_calibrate(void);

static inline uint64_t ticks_counter(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t v;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
    return v;
#else
    return 0;
#endif
}

static inline uint64_t ticks_now(const struct ticks *t)
{
    return __builtin_expect(t->counter, 1) ? ticks_counter() : clock_mono_ns();
}

/* Nanoseconds of a difference of two ticks_now. */
static inline uint64_t ticks_ns(const struct ticks *t, uint64_t ticks)
{
    return (uint64_t)(((unsigned __int128)ticks * t->mult) >> 32);
}

#endif
