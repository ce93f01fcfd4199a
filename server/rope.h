/* Ropes: values beyond the largest chunk, as segments in slab chunks.
 *
 * The length alone says how a value is cut: whole pages while a page's worth (65,520 bytes) remains, then segments of
 * 4,080 bytes, then a tail in the class that fits. So a position's segment is found by division, 512 MB cost 512 MB,
 * and growing at the end touches the tail.
 * A rope has an id; its entry in the handle table names the key's hash (so: the shard whose lock guards it) and the
 * segments. A segment's header is {kind and ordinal, rope id}: that is how whoever moves it finds its owner.
 *
 * A pinned rope is being sent by sockets. Its segments stay where they are, and a write replaces those it touches by
 * copies: what they held is kept aside (`old` of the hold) until the last pin goes. So a write to a value of any length
 * copies what it writes, and a reader sees the value as it was. Segments that no pin has seen yet (`fresh`) are written
 * where they are.
 *
 * Adopting and dropping a rope take the same time whatever its length: what its chunks take is a sum in its handle, and
 * their states are not looked at. A segment's chunk is RESERVED until it is filled, LIVE as long as a rope has it
 * (whatever the rope's own state says to who would move it), ORPHAN when only a pin keeps it; those of a long rope that
 * is dropped are marked and freed by the memory thread, in steps. */
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

/* What the pins of a rope share; there as long as there is one. The fields are guarded as the rope's are; `pins` and
 * `kept` are written so, and read by who has a pin at any time. */
struct rope_hold {
    _Atomic uint32_t pins;
    _Atomic size_t kept; /* bytes of chunks that pins alone keep: replaced by writes, or all, once it was dropped */
    uint32_t nold, cap;
    chunk_ref *old;  /* segments that were replaced */
    uint64_t *fresh; /* a bit a segment: no pin has seen it. NULL: none is */
    uint32_t nwords; /* of `fresh` */
    bool any_fresh;
};

struct rope {
    _Atomic uint64_t hash; /* of the key; changes under the locks of both shards */
    size_t len;            /* this and the following: the lock of the hash's shard; PRIVATE: the owner's */
    size_t chunk_bytes;    /* of the segments' chunks */
    chunk_ref *refs;
    struct rope_hold *hold; /* NULL: not pinned */
    uint32_t nsegs, cap;
    uint32_t marked; /* PRIVATE: the first segments, whose chunks are LIVE already; ORPHAN: those marked ORPHAN */
    uint32_t next;   /* in the free list or the lazy list; ropes lock */
    bool lazy;       /* ORPHAN: in the lazy list, or in the hands of who took it from there */
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
 * for store_reclaim). */
bool rope_grow(struct store_ctx *sx, uint32_t id, size_t len, bool zero);

/* The contiguous run at byte `at`, to be read, or written where rope_own was asked. */
char *rope_piece(const struct store *s, const struct rope *r, size_t at, size_t *len);
/* The same by a list of references, which begins with segment `first`, and the shape of the length it was made for. */
char *rope_piece_of(const struct store *s, const chunk_ref *refs, uint32_t first, const struct rope_shape *sh,
                    size_t at, size_t *len);
/* The number of the segment that byte `at` (< length) is in. */
uint32_t rope_segment_at(const struct rope_shape *sh, size_t at);
void rope_read(const struct store *s, const struct rope *r, size_t at, size_t n, char *to);
void rope_write(const struct store *s, const struct rope *r, size_t at, const char *p, size_t n);

/* Before the bytes [at, at + n) (within its length) of a live rope are overwritten: makes their segments such as no pin
 * has seen. The value stays as it is, whatever the outcome. False: short. */
bool rope_own(struct store_ctx *sx, uint32_t id, size_t at, size_t n);

/* A private copy of at least `len` bytes (more: zeros); 0: short. */
uint32_t rope_clone(struct store_ctx *sx, uint32_t id, size_t len);

/* PRIVATE -> LIVE, owned by the key with this hash. */
void rope_adopt(struct store_ctx *sx, uint32_t id, uint64_t hash);

/* The item that named it is gone: frees it now, or leaves it to the last unpin or, a long one, to the memory thread. */
void rope_drop(struct store_ctx *sx, uint32_t id);
/* Frees a rope that is PRIVATE, or LIVE and not pinned; a long one is left to the memory thread. */
void rope_free(struct store_ctx *sx, uint32_t id);
/* Frees or marks segments of ropes that wait, at most `most`; returns how many. No shard locked. */
uint32_t rope_free_lazy(struct store_ctx *sx, uint32_t most);

/* One more pin; NULL: no memory for it. Under the shard's lock, as rope_unpin_locked; rope_unpin takes it. */
struct rope_hold *rope_pin(struct rope *r);
void rope_unpin(struct store_ctx *sx, uint32_t id);
void rope_unpin_locked(struct store_ctx *sx, uint32_t id);
static inline bool rope_pinned(const struct rope *r)
{
    return r->hold != NULL;
}

/* Bytes of chunks that it takes, its handle and what pins keep for it included. */
size_t rope_bytes(const struct rope *r);

void ropes_free_all(struct ropes *rs);

#endif
