/* What the kernel says is resident, by the process's mappings and page tables. Bytes. Any thread. */
#ifndef FLAGSTONE_SERVER_RESIDENT_H
#define FLAGSTONE_SERVER_RESIDENT_H

#include <stddef.h>

struct resident_span {
    const char *at; /* NULL: nothing */
    size_t n;       /* bytes */
};

/* One look: descriptors of what is asked. resident_end closes them. */
struct resident {
    int pagemap; /* -1: mincore(2) has to do */
};
struct resident resident_begin(void);
void resident_end(const struct resident *r);

/* Of a span that begins with a page of the system; what is not mapped is not resident. */
size_t resident_bytes(const struct resident *r, struct resident_span s);

/* Of all anonymous memory that is in none of `n` spans: what allocators and libraries have mapped. The mappings of
 * files, the main stack and brk's heap are left out: static data. */
size_t resident_elsewhere(const struct resident *r, const struct resident_span *ours, int n);

#endif
