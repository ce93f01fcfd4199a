/* Shared by the files of slab/: poisoning of free chunks for AddressSanitizer. */
#ifndef FLAGSTONE_SLAB_SLAB_PRIVATE_H
#define FLAGSTONE_SLAB_SLAB_PRIVATE_H

#include "slab/slab.h"

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif

#ifdef SLAB_ASAN
#include <sanitizer/asan_interface.h>
/* Chunks begin at multiples of 4, AddressSanitizer knows multiples of 8: what two chunks share stays readable. */
static inline void slab_poison(const struct slab *s, chunk_ref ref, size_t size)
{
    uintptr_t from = ((uintptr_t)slab_ptr(s, ref) + 7) & ~(uintptr_t)7, to = (uintptr_t)slab_ptr(s, ref) + size;
    __asan_poison_memory_region((void *)from, (to & ~(uintptr_t)7) - from);
}
static inline void slab_unpoison(const struct slab *s, chunk_ref ref, size_t size)
{
    uintptr_t from = (uintptr_t)slab_ptr(s, ref) & ~(uintptr_t)7, to = (uintptr_t)slab_ptr(s, ref) + size + 7;
    __asan_unpoison_memory_region((void *)from, (to & ~(uintptr_t)7) - from);
}
#define slab_poison_page(s, k, page)                                                                                   \
    __asan_poison_memory_region(slab_page_ptr(s, page) + (s)->classes.c[k].first, PAGE_SIZE - (s)->classes.c[k].first)
#define slab_unpoison_page(s, page) __asan_unpoison_memory_region(slab_page_ptr(s, page), PAGE_SIZE)
#else
#define slab_poison(s, ref, size) ((void)0)
#define slab_unpoison(s, ref, size) ((void)0)
#define slab_poison_page(s, k, page) ((void)0)
#define slab_unpoison_page(s, page) ((void)0)
#endif

#endif
