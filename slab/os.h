/* The operating system as the slab sees it: address ranges whose pages come and go.
 *
 * The functions are a struct of hooks, so that tests can count calls and make memory short. All lengths in bytes,
 * addresses and lengths multiples of 64 KiB but for `protect`, where the system's page size will do. */
#ifndef FLAGSTONE_SLAB_OS_H
#define FLAGSTONE_SLAB_OS_H

#include <stdbool.h>
#include <stddef.h>

struct slab_os {
    /* Reserves address space without memory (PROT_NONE); NULL when it is not to be had. */
    void *(*reserve)(size_t len);
    void (*unreserve)(void *at, size_t len);
    /* Makes reserved space readable and writable; false: the commit limit is reached (overcommit_memory=2). */
    bool (*protect)(void *at, size_t len);
    /* Makes the pages resident and zero (MADV_POPULATE_WRITE, Linux 5.14; else by touching); false: no memory. */
    bool (*populate)(void *at, size_t len);
    /* Gives the memory back; the space stays usable and reads as zeros (MADV_DONTNEED). */
    void (*release)(void *at, size_t len);
};

extern const struct slab_os slab_os_linux;

/* An array in reserved space that only grows: descriptors, maps. `used` bytes are usable. */
struct vspace {
    const struct slab_os *os;
    char *base;
    size_t reserved, usable;
};

bool vspace_open(struct vspace *v, const struct slab_os *os, size_t max_bytes);
void vspace_close(struct vspace *v);
/* Makes the first `bytes` usable; false: no memory. Caller serialises. */
bool vspace_grow(struct vspace *v, size_t bytes);

#endif
