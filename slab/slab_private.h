/* Shared by the files of slab/: growing the descriptors, and poisoning of free chunks for AddressSanitizer. */
#ifndef FLAGSTONE_SLAB_SLAB_PRIVATE_H
#define FLAGSTONE_SLAB_SLAB_PRIVATE_H

#include "slab/slab.h"

/* Makes sure that the page has a descriptor and a place in the class map; false: no memory. */
bool slab_describe(struct slab *s, uint32_t page);

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif

#ifdef SLAB_ASAN
#include <sanitizer/asan_interface.h>
#define slab_poison(s, ref, size) __asan_poison_memory_region(slab_ptr(s, ref), size)
#define slab_unpoison(s, ref, size) __asan_unpoison_memory_region(slab_ptr(s, ref), size)
#define slab_poison_page(s, k, page)                                                  \
    __asan_poison_memory_region(slab_page_ptr(s, page) + (s)->classes.c[k].first, \
                                PAGE_SIZE - (s)->classes.c[k].first)
#define slab_unpoison_page(s, page) __asan_unpoison_memory_region(slab_page_ptr(s, page), PAGE_SIZE)
#else
#define slab_poison(s, ref, size) ((void)0)
#define slab_unpoison(s, ref, size) ((void)0)
#define slab_poison_page(s, k, page) ((void)0)
#define slab_unpoison_page(s, page) ((void)0)
#endif

#endif
