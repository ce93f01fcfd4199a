/* Size classes: which chunk sizes pages are cut into.
 *
 * Sizes are multiples of 4 and fill a page: each is the largest of which n fit beside their n state bytes, so that no
 * tail is lost. Steps grow by the factor (fine ones are cheap here: relocation closes what they leave part-filled), up
 * to 1/16 of a page; the last class is the whole page, for segments of large values. */
#ifndef FLAGSTONE_SLAB_SIZE_CLASS_H
#define FLAGSTONE_SLAB_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

enum {
    CLASS_MAX = 240,
    CLASS_NONE = 255,
    CHUNK_MAX = 4088,
    CHUNK_WHOLE = 65536 - 8,
    CLASS_STEP_MAX = 2044, /* bytes from one size to the next, whatever the factor; but for the whole page */
};

struct size_class {
    uint32_t size;    /* bytes of a chunk, multiple of 4 */
    uint32_t chunks;  /* of a page */
    uint32_t first;   /* offset of chunk 0 in the page: state bytes come before */
    uint32_t inverse; /* 2^32 / size, rounded up: division by multiplication */
};

struct size_classes {
    uint32_t n; /* the last, n - 1, is the whole page */
    struct size_class c[CLASS_MAX];
    uint8_t of[CHUNK_MAX / 4 + 1]; /* class of a size: of[(bytes + 3) / 4] */
};

/* chunk_min in bytes (24..1024), factor 1.01..2.0. Small factors are widened so that classes stay under CLASS_MAX. */
void size_classes_make(struct size_classes *s, uint32_t chunk_min, double factor);

static inline uint32_t size_class_of(const struct size_classes *s, size_t bytes)
{
    return bytes <= CHUNK_MAX ? s->of[(bytes + 3) / 4] : s->n - 1;
}

#endif
