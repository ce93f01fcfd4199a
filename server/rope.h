/* Ropes: values beyond the largest chunk, as segments in slab chunks.
 *
 * The length alone says how a value is cut: whole pages while a page's worth (65,520 bytes) remains, then segments of
 * 4,080 bytes, then a tail in the class that fits. So a position's segment is found by division, 512 MB cost 512 MB,
 * and growing at the end touches the tail.
 * A rope has an id; its entry in the handle table names the key's hash (so: the shard whose lock guards it) and the
 * segments. A segment's header is {kind and ordinal, rope id}: that is how whoever moves it finds its owner.
 * A pinned rope is being sent by sockets: its segments stay where they are, and a write to it writes a copy. */
#ifndef FLAGSTONE_SERVER_ROPE_H
#define FLAGSTONE_SERVER_ROPE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slab/slab.h"

struct store;
struct store_ctx;

enum {
    SEGMENT_HEADER = 8,
    SEGMENT_WHOLE = CHUNK_WHOLE - SEGMENT_HEADER,
    SEGMENT_MID = CHUNK_MAX - SEGMENT_HEADER,
    ROPE_BLOCKS = 22,
    ROPE_BLOCK_FIRST = 64,
};

enum rope_state {
    ROPE_FREE,
    ROPE_PRIVATE, /* being received or built: chunks RESERVED, one thread's own */
    ROPE_LIVE,    /* named by an item */
    ROPE_ORPHAN,  /* unlinked: pinned, or waiting for the memory thread */
};

struct rope {
    _Atomic uint64_t hash; /* of the key; changes under the locks of both shards */
    size_t len;            /* this and the following: the lock of the hash's shard; PRIVATE: the owner's */
    chunk_ref *refs;
    uint32_t nsegs, cap;
    uint32_t pins;
    uint32_t next; /* in the free list or the lazy list; ropes lock */
    _Atomic uint8_t state;
};

struct ropes {
    struct lock lock; /* rank LOCK_ROPES: free and lazy lists */
    uint32_t used;    /* ids handed out ever; id 0 is none */
    uint32_t free_head, lazy_head;
    _Atomic(struct rope *) blocks[ROPE_BLOCKS]; /* block b has ROPE_BLOCK_FIRST << b entries; never moved */
};

/* How a length is cut. */
struct rope_shape {
    uint32_t whole, mid, tail; /* segments of whole pages, of SEGMENT_MID, bytes of the tail */
    uint32_t nsegs;
};
struct rope_shape rope_shape(size_t len);

struct rope *rope_get(const struct ropes *rs, uint32_t id);
/* The same for a number that may be none: NULL. */
struct rope *rope_peek(const struct ropes *rs, uint32_t id);

/* A new private, empty rope; 0: no memory. */
uint32_t rope_new(struct store_ctx *sx);

/* Makes a rope longer; new bytes are undefined, or zero where `zero`. All or nothing; false: short of chunks (noted
 * for store_reclaim). Not for pinned ropes. */
bool rope_grow(struct store_ctx *sx, uint32_t id, size_t len, bool zero);

/* The contiguous run at byte `at`, to be read, or written where the rope is not pinned. */
char *rope_piece(const struct store *s, const struct rope *r, size_t at, size_t *len);
void rope_read(const struct store *s, const struct rope *r, size_t at, size_t n, char *to);
void rope_write(const struct store *s, const struct rope *r, size_t at, const char *p, size_t n);

/* A private copy of at least `len` bytes (more: zeros); 0: short. */
uint32_t rope_clone(struct store_ctx *sx, uint32_t id, size_t len);

/* PRIVATE -> LIVE, owned by the key with this hash. */
void rope_adopt(struct store_ctx *sx, uint32_t id, uint64_t hash);

/* The item that named it is gone: frees it now, or leaves it to the last unpin or, a long one, to the memory thread. */
void rope_drop(struct store_ctx *sx, uint32_t id);
/* Frees a rope and its segments at once. Not pinned. */
void rope_free(struct store_ctx *sx, uint32_t id);
/* Frees segments of ropes that wait, at most `most`; returns how many. No shard locked. */
uint32_t rope_free_lazy(struct store_ctx *sx, uint32_t most);

/* Under the shard's lock; rope_unpin takes it. */
void rope_pin(struct rope *r);
void rope_unpin(struct store_ctx *sx, uint32_t id);

/* Bytes of chunks that it takes, its handle included. */
size_t rope_bytes(const struct store *s, const struct rope *r);

void ropes_free_all(struct ropes *rs);

#endif
