/* See ticks.h. The rate of an invariant TSC is not told by the processor reliably, so it is measured; aarch64 tells. */
#include "server/ticks.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum { CALIBRATE_NS = 2000000 };

#if defined(__x86_64__)
static bool counter_is_constant(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d & (1u << 8)) != 0;
}

static uint64_t counter_mult(void)
{
    uint64_t ns0 = clock_mono_ns(), t0 = ticks_counter(), ns1;
    do {
        ns1 = clock_mono_ns();
    } while (ns1 - ns0 < CALIBRATE_NS);
    uint64_t ticks = ticks_counter() - t0;
    return ticks == 0 ? 0 : (uint64_t)(((unsigned __int128)(ns1 - ns0) << 32) / ticks);
}
#elif defined(__aarch64__)
static bool counter_is_constant(void)
{
    return true; /* the architecture says so */
}

static uint64_t counter_mult(void)
{
    uint64_t hz;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
    return hz == 0 ? 0 : (uint64_t)(((unsigned __int128)1000000000 << 32) / hz);
}
#else
static bool counter_is_constant(void)
{
    return false;
}

static uint64_t counter_mult(void)
{
    return 0;
}
#endif

struct ticks ticks_calibrate(void)
{
    struct ticks t = {.mult = UINT64_C(1) << 32, .counter = false};
    uint64_t mult = counter_is_constant() ? counter_mult() : 0;
    if (mult != 0)
        t = (struct ticks){.mult = mult, .counter = true};
    return t;
}
