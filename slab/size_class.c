/* See size_class.h. Each size is the factor times the last (4 bytes more at least), then raised to the largest of which
 * as many fit a page. A step that this makes larger than CLASS_STEP_MAX is shortened. The last steps reach CHUNK_MAX
 * exactly, whatever the factor; the whole page comes after it. */
#include "slab/size_class.h"

#include "slab/base/assert.h"

enum { PAGE_BYTES = 65536 };

static uint32_t up8(uint32_t v)
{
    return (v + 7) & ~7u;
}

static uint32_t up4(uint32_t v)
{
    return (v + 3) & ~3u;
}

/* The class whose chunks are the largest of which as many fit as of `size`. */
static struct size_class fit(uint32_t size)
{
    uint32_t n = PAGE_BYTES / (size + 1);
    while (up8(n) + n * size > PAGE_BYTES)
        n--;
    uint32_t first = up8(n);
    uint32_t best = (PAGE_BYTES - first) / n & ~3u;
    if (n > 1 && best > CHUNK_MAX)
        best = CHUNK_MAX;
    return (struct size_class){best, n, first, (uint32_t)((UINT64_C(1) << 32) / best) + 1};
}

void size_classes_make(struct size_classes *s, uint32_t chunk_min, double factor)
{
    double size = up4(chunk_min);
    s->n = 0;
    for (;;) {
        uint32_t bytes = (uint32_t)size;
        struct size_class c = fit(bytes);
        while (s->n > 0 && c.size > s->c[s->n - 1].size + CLASS_STEP_MAX)
            c = fit(bytes -= 4);
        if (s->n == CLASS_MAX - 2)
            c = fit(CHUNK_MAX);
        s->c[s->n++] = c;
        if (c.size >= CHUNK_MAX)
            break;
        uint32_t next = up4((uint32_t)(c.size * factor));
        size = next > c.size ? next : c.size + 4;
        if (size > CHUNK_MAX)
            size = CHUNK_MAX;
    }
    s->c[s->n++] = (struct size_class){CHUNK_WHOLE, 1, 8, (uint32_t)((UINT64_C(1) << 32) / CHUNK_WHOLE) + 1};
    uint32_t k = 0;
    for (uint32_t i = 0; i <= CHUNK_MAX / 4; i++) {
        while (s->c[k].size < i * 4)
            k++;
        s->of[i] = (uint8_t)k;
    }
    ASSERT(s->c[k].size == CHUNK_MAX);
}
