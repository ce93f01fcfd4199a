/* A ring of nodes indexed by key; node 0 is the ring's head, so key k is node k + 1. A size of 0 means not stored. */
#include "tests/bench/replay_lru.h"

#include <stdlib.h>

struct node {
    uint32_t next; /* towards the older */
    uint32_t prev;
    uint32_t size;
};

struct replay_lru {
    uint64_t capacity;
    uint64_t used;
    struct node *nodes;
};

struct replay_lru *replay_lru_new(uint64_t keys, uint64_t capacity)
{
    struct replay_lru *lru = calloc(1, sizeof *lru);
    if (lru == NULL) {
        return NULL;
    }
    lru->capacity = capacity;
    lru->nodes = calloc(keys + 1, sizeof *lru->nodes);
    if (lru->nodes == NULL) {
        free(lru);
        return NULL;
    }
    return lru;
}

void replay_lru_free(struct replay_lru *lru)
{
    free(lru->nodes);
    free(lru);
}

static void unlink_node(struct node *n, uint32_t i)
{
    n[n[i].prev].next = n[i].next;
    n[n[i].next].prev = n[i].prev;
}

static void push_front(struct node *n, uint32_t i)
{
    n[i].next = n[0].next;
    n[i].prev = 0;
    n[n[0].next].prev = i;
    n[0].next = i;
}

bool replay_lru_ask(struct replay_lru *lru, uint64_t key, uint32_t size)
{
    struct node *n = lru->nodes;
    uint32_t i = (uint32_t)key + 1;
    bool found = n[i].size > 0;
    if (found) {
        unlink_node(n, i);
    } else {
        n[i].size = size;
        lru->used += size;
    }
    push_front(n, i);
    while (lru->used > lru->capacity) {
        uint32_t oldest = n[0].prev;
        unlink_node(n, oldest);
        lru->used -= n[oldest].size;
        n[oldest].size = 0;
    }
    return found;
}
