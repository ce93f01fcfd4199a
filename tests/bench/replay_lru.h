/* An ideal cache to compare with: least recently used, sizes in bytes, no overhead at all. */
#ifndef FLAGSTONE_BENCH_REPLAY_LRU_H
#define FLAGSTONE_BENCH_REPLAY_LRU_H

#include <stdbool.h>
#include <stdint.h>

struct replay_lru;

/* For keys 0 .. keys-1 and `capacity` bytes. NULL: out of memory. */
struct replay_lru *replay_lru_new(uint64_t keys, uint64_t capacity);
void replay_lru_free(struct replay_lru *lru);

/* Asks for a key, which is stored with `size` bytes if it is not there. Whether it was there. */
bool replay_lru_ask(struct replay_lru *lru, uint64_t key, uint32_t size);

#endif
