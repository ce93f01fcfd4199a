/* An operating system for tests of slab/: what the pool and the slab ask of it is counted, checked against what a real
 * one would demand, and refused on request. Memory is real, so contents can be looked at. */
#ifndef FLAGSTONE_TESTS_UNIT_SLAB_FAKE_OS_H
#define FLAGSTONE_TESTS_UNIT_SLAB_FAKE_OS_H

#include <stdint.h>
#include <string.h>

#include "slab/os.h"

enum { FAKE_RANGES = 8 };

struct fake_os {
    struct {
        char *at;
        size_t len;
    } range[FAKE_RANGES];
    size_t reserved;                  /* bytes */
    size_t reserve_limit;             /* a longer range is refused; 0: none is */
    uint32_t reserves, reserve_fails; /* the call with this number fails (from 1); 0: none does */
    uint64_t populated, released;     /* pages of 64 KiB */
    int64_t populate_left;            /* so many calls of populate succeed; negative: all do */
    int64_t protect_left;
    bool broken; /* something was asked that a kernel would refuse */
};

/* The one the hooks below write to: hooks carry no argument. */
static struct fake_os fake;

static inline bool fake_inside(const char *at, size_t len)
{
    for (int i = 0; i < FAKE_RANGES; i++)
        if (fake.range[i].at != NULL && at >= fake.range[i].at && at + len <= fake.range[i].at + fake.range[i].len)
            return true;
    return false;
}

static inline void *fake_reserve(size_t len)
{
    fake.reserves++;
    if ((fake.reserve_limit != 0 && len > fake.reserve_limit) || fake.reserves == fake.reserve_fails)
        return NULL;
    void *at = slab_os_linux.reserve(len);
    for (int i = 0; at != NULL && i < FAKE_RANGES; i++)
        if (fake.range[i].at == NULL) {
            fake.range[i].at = at;
            fake.range[i].len = len;
            fake.reserved += len;
            return at;
        }
    fake.broken = true;
    return at;
}

static inline void fake_unreserve(void *at, size_t len)
{
    for (int i = 0; i < FAKE_RANGES; i++)
        if (fake.range[i].at == at && fake.range[i].len == len) {
            fake.range[i].at = NULL;
            fake.reserved -= len;
            slab_os_linux.unreserve(at, len);
            return;
        }
    fake.broken = true;
}

static inline bool fake_protect(void *at, size_t len)
{
    fake.broken |= !fake_inside(at, len);
    if (fake.protect_left == 0)
        return false;
    fake.protect_left -= fake.protect_left > 0;
    return slab_os_linux.protect(at, len);
}

static inline bool fake_populate(void *at, size_t len)
{
    fake.broken |= !fake_inside(at, len) || len % 65536 != 0 || (uintptr_t)at % 65536 != 0;
    if (fake.populate_left == 0)
        return false;
    fake.populate_left -= fake.populate_left > 0;
    fake.populated += len / 65536;
    return slab_os_linux.populate(at, len);
}

static inline void fake_release(void *at, size_t len)
{
    fake.broken |= !fake_inside(at, len) || len % 65536 != 0 || (uintptr_t)at % 65536 != 0;
    fake.released += len / 65536;
    slab_os_linux.release(at, len);
}

static const struct slab_os fake_hooks = {fake_reserve, fake_unreserve, fake_protect, fake_populate, fake_release};

static inline void fake_begin(void)
{
    fake = (struct fake_os){.populate_left = -1, .protect_left = -1};
}

/* Nothing was asked wrongly, and all address space was given back. */
static inline bool fake_end(void)
{
    return !fake.broken && fake.reserved == 0;
}

#endif
