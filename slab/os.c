/* Linux: one mmap for the range, mprotect as it grows, madvise for pages that come and go. See os.h. */
#include "slab/os.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { VSPACE_STEP = 64 * 1024 };

static void *linux_reserve(size_t len)
{
    void *at = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    /* khugepaged would refill what was given back; and a core dump of a range this large helps nobody */
    madvise(at, len, MADV_NOHUGEPAGE);
    return at;
}

static void linux_unreserve(void *at, size_t len)
{
    munmap(at, len);
}

static bool linux_protect(void *at, size_t len)
{
    return mprotect(at, len, PROT_READ | PROT_WRITE) == 0;
}

static bool linux_populate(void *at, size_t len)
{
    if (madvise(at, len, MADV_POPULATE_WRITE) == 0)
        return true;
    if (errno != EINVAL)
        return false;
    for (size_t i = 0; i < len; i += 4096)
        ((volatile char *)at)[i] = 0;
    return true;
}

static void linux_release(void *at, size_t len)
{
    madvise(at, len, MADV_DONTNEED);
}

const struct slab_os slab_os_linux = {linux_reserve, linux_unreserve, linux_protect, linux_populate, linux_release};

bool vspace_open(struct vspace *v, const struct slab_os *os, size_t max_bytes)
{
    max_bytes = (max_bytes + VSPACE_STEP - 1) & ~(size_t)(VSPACE_STEP - 1);
    *v = (struct vspace){.os = os, .base = os->reserve(max_bytes), .reserved = max_bytes};
    return v->base != NULL;
}

void vspace_close(struct vspace *v)
{
    if (v->base != NULL)
        v->os->unreserve(v->base, v->reserved);
    v->base = NULL;
}

bool vspace_grow(struct vspace *v, size_t bytes)
{
    if (bytes <= v->usable)
        return true;
    size_t upto = (bytes + VSPACE_STEP - 1) & ~(size_t)(VSPACE_STEP - 1);
    if (upto > v->reserved || !v->os->protect(v->base + v->usable, upto - v->usable))
        return false;
    v->usable = upto;
    return true;
}
