/* The memory of replies, and what was sent of them.
 *
 *   head                        tail                     window
 *   [sent | data] -> [attached] -> [data] -> ...   chunk: | closed blocks' data | start ... at | free ... end |
 *
 * The window lies in a chunk: the worker's buffer (lent), or 16 KiB and more of the reply's own. An attachment or a
 * deferred head closes the window: what is unsent of it becomes a block, and the window goes on behind it in the same
 * chunk. Blocks are sent in order, so a chunk may be freed with the last block that lies in it: that block carries it
 * (`chunk`), the earlier ones do not, and nothing is counted. While the chunk is the window's, the window carries it.
 *
 * Invariants: pending = sum of len over the blocks, attached = that of the attachments among them; owned = memory of
 * blocks and chunks; an empty list has tail NULL; a reply that has failed has no window, and nothing of it is sent. */
#include <stdlib.h>

#include "protocol/reply_private.h"
#include "slab/base/assert.h"

enum {
    CHUNK_BYTES = 16 * 1024,
    CHUNK_FIRST = 512,  /* of a reply that owns nothing and is lent nothing: a message to one of many subscribers */
    LEFTOVER_ROOM = 512 /* free bytes behind what is copied out of a lent buffer */
};

struct reply_block {
    struct reply_block *next;
    const char *data; /* what is to be sent of it */
    size_t len;
    char *chunk; /* freed with the block; NULL: not this block's */
    size_t chunk_bytes;
    reply_piece piece; /* an attachment's, as the three that follow */
    reply_release release;
    void *owner;
    size_t sent;
    char text[REPLY_HEAD_MAX]; /* a deferred head's */
};

void reply_init(struct reply *r)
{
    memset(r, 0, sizeof *r);
    r->resp = 2;
}

static void window_set(struct reply *r, char *p, size_t n)
{
    r->start = r->at = p;
    r->end = p + n;
}

/* The bytes of the chunk that the window is in, up to the window's end. */
static size_t chunk_bytes(const struct reply *r)
{
    return (size_t)(r->end - r->chunk);
}

static void block_free(struct reply *r, struct reply_block *b)
{
    if (b->release)
        b->release(b->owner);
    if (b->chunk) {
        r->owned -= b->chunk_bytes;
        free(b->chunk);
    }
    r->owned -= sizeof *b;
    free(b);
}

static void chunk_free(struct reply *r)
{
    if (!r->chunk)
        return;
    r->owned -= chunk_bytes(r);
    free(r->chunk);
    r->chunk = NULL;
}

static void drop_all(struct reply *r)
{
    while (r->head) {
        struct reply_block *b = r->head;
        r->head = b->next;
        block_free(r, b);
    }
    r->tail = NULL;
    r->pending = r->attached = 0;
    chunk_free(r);
    r->start = r->at = r->end = NULL;
    ASSERT(r->owned == 0);
}

void reply_free(struct reply *r)
{
    drop_all(r);
    reply_init(r);
}

/* Always false, so that callers can return it. The blocks stay for reply_free: releasing an attachment takes a lock,
 * and who appends may hold it. */
static bool fail(struct reply *r)
{
    r->failed = true;
    chunk_free(r);
    r->pending = 0;
    r->start = r->at = r->end = NULL;
    return false;
}

void reply_abandon(struct reply *r)
{
    ASSERT(r->lent == NULL);
    drop_all(r);
    fail(r);
}

static struct reply_block *block_append(struct reply *r)
{
    struct reply_block *b = calloc(1, sizeof *b);
    if (!b) {
        fail(r);
        return NULL;
    }
    if (r->tail)
        r->tail->next = b;
    else
        r->head = b;
    r->tail = b;
    r->owned += sizeof *b;
    return b;
}

/* Makes a block of the window's unsent bytes, if there are any; the window goes on behind them. */
static bool window_close(struct reply *r)
{
    if (r->at == r->start)
        return !r->failed;
    struct reply_block *b = block_append(r);
    if (!b)
        return false;
    b->data = r->start;
    b->len = (size_t)(r->at - r->start);
    r->pending += b->len;
    r->start = r->at;
    return true;
}

/* Leaves the chunk that the window is in: what is unsent of it is in blocks, the last of which takes it over. */
static bool window_leave(struct reply *r)
{
    bool tail_is_ours = r->at != r->start;
    if (!window_close(r))
        return false;
    if (r->chunk) {
        size_t bytes = chunk_bytes(r);
        /* With the window empty, blocks before the tail may still lie in the chunk: an empty block carries it. */
        if (!tail_is_ours && r->head && !block_append(r))
            return false;
        if (r->tail) {
            r->tail->chunk = r->chunk;
            r->tail->chunk_bytes = bytes;
        } else {
            r->owned -= bytes;
            free(r->chunk);
        }
        r->chunk = NULL;
    }
    r->start = r->at = r->end = NULL;
    return true;
}

/* Chunks double with what the reply owns: whole ones for a thousand subscribers cost more, in pages that the system
 * clears, than to send to them. */
static size_t chunk_size(const struct reply *r)
{
    if (r->lent != NULL || r->owned > CHUNK_BYTES)
        return CHUNK_BYTES;
    return r->owned < CHUNK_FIRST ? CHUNK_FIRST : r->owned;
}

bool reply_grow(struct reply *r, size_t n)
{
    if (r->failed || r->muted)
        return false;
    ASSERT(n <= REPLY_ROOM_MAX);
    if (!window_leave(r))
        return false;
    size_t size = chunk_size(r);
    if (size < n)
        size = n;
    char *chunk = malloc(size);
    if (!chunk)
        return fail(r);
    r->chunk = chunk;
    r->owned += size;
    window_set(r, chunk, size);
    return true;
}

bool reply_lend(struct reply *r, char *buf, size_t size)
{
    if (r->head || r->at != r->start || r->failed)
        return false;
    chunk_free(r);
    r->lent = buf;
    r->lent_size = size;
    window_set(r, buf, size);
    return true;
}

const char *reply_seal(struct reply *r)
{
    if (r->lent == NULL)
        return NULL;
    if (r->chunk == NULL && r->start != NULL) { /* else the window has left it, and it may be used to its end */
        r->end = r->at;
        r->lent_size = (size_t)(r->at - r->lent);
    }
    return r->lent + r->lent_size;
}

/* Copies the block's data out of the lent buffer. */
static bool block_rescue(struct reply *r, struct reply_block *b)
{
    char *copy = malloc(b->len);
    if (!copy)
        return fail(r);
    memcpy(copy, b->data, b->len);
    b->data = b->chunk = copy;
    b->chunk_bytes = b->len;
    r->owned += b->len;
    return true;
}

void reply_unlend(struct reply *r)
{
    char *lent = r->lent;
    if (!lent)
        return;
    char *lent_end = lent + r->lent_size;
    r->lent = NULL;
    r->lent_size = 0;
    if (r->failed)
        return;
    for (struct reply_block *b = r->head; b; b = b->next) {
        if (!b->piece && b->len > 0 && b->data >= lent && b->data < lent_end && !block_rescue(r, b))
            return;
    }
    if (r->chunk || !r->start)
        return; /* the window is not in the lent buffer */
    size_t left = (size_t)(r->at - r->start);
    if (left == 0) {
        r->start = r->at = r->end = NULL;
        return;
    }
    char *copy = malloc(left + LEFTOVER_ROOM);
    if (!copy) {
        fail(r);
        return;
    }
    memcpy(copy, r->start, left);
    r->chunk = copy;
    r->owned += left + LEFTOVER_ROOM;
    window_set(r, copy, left + LEFTOVER_ROOM);
    r->at += left;
}

size_t reply_pending(const struct reply *r)
{
    return r->pending + (size_t)(r->at - r->start);
}

size_t reply_memory(const struct reply *r)
{
    return r->owned + r->attached;
}

/* The next pieces of an attachment; how many. */
static int pieces(struct reply_block *b, struct iovec *iov, int max)
{
    int n = 0;
    size_t run;
    for (size_t at = 0; at < b->len && n < max; at += run) {
        const char *p = b->piece(b->owner, b->sent + at, &run);
        run = run < b->len - at ? run : b->len - at;
        iov[n].iov_base = (void *)(uintptr_t)p;
        iov[n++].iov_len = run;
    }
    return n;
}

int reply_iov(struct reply *r, struct iovec *iov, int max)
{
    int n = 0;
    for (struct reply_block *b = r->failed ? NULL : r->head; b && n < max; b = b->next) {
        if (b->piece) {
            n += pieces(b, iov + n, max - n);
            continue;
        }
        if (b->len == 0)
            continue;
        iov[n].iov_base = (void *)(uintptr_t)b->data;
        iov[n++].iov_len = b->len;
    }
    if (n < max && r->at != r->start) {
        iov[n].iov_base = r->start;
        iov[n++].iov_len = (size_t)(r->at - r->start);
    }
    return n;
}

/* Everything of the window was sent: begin again in the lent buffer, or own nothing. */
static void window_rewind(struct reply *r)
{
    if (r->failed)
        return;
    if (r->chunk) {
        chunk_free(r);
        r->start = r->at = r->end = NULL;
    }
    if (r->lent)
        window_set(r, r->lent, r->lent_size);
}

/* n bytes at the front of the block are gone. */
static void block_sent(struct reply *r, struct reply_block *b, size_t n)
{
    b->len -= n;
    r->pending -= n;
    if (b->piece) {
        b->sent += n;
        r->attached -= n;
    } else {
        b->data += n;
    }
}

void reply_sent(struct reply *r, size_t n)
{
    while (r->head && n >= r->head->len) {
        struct reply_block *b = r->head;
        n -= b->len;
        block_sent(r, b, b->len);
        r->head = b->next;
        if (!r->head)
            r->tail = NULL;
        block_free(r, b);
    }
    if (r->head) {
        block_sent(r, r->head, n);
        return;
    }
    REQUIRE(n <= (size_t)(r->at - r->start));
    r->start += n;
    if (r->start == r->at)
        window_rewind(r);
}

char *reply_room(struct reply *r, size_t n)
{
    /* Where bytes go that are dropped; a thread of its own, as it is written without a lock. Never read. */
    static _Thread_local char scratch[REPLY_ROOM_MAX];
    ASSERT(n <= REPLY_ROOM_MAX);
    return reply_fits(r, n) ? r->at : scratch;
}

void reply_advance(struct reply *r, size_t n)
{
    if (r->muted || r->failed)
        return;
    ASSERT(n <= (size_t)(r->end - r->at));
    r->at += n;
}

bool reply_attach(struct reply *r, size_t n, reply_piece piece, reply_release release, void *owner)
{
    ASSERT(n > 0);
    struct reply_block *b = reply_can_attach(r) && window_close(r) ? block_append(r) : NULL;
    if (!b)
        return false;
    b->len = n;
    b->piece = piece;
    b->release = release;
    b->owner = owner;
    r->pending += n;
    r->attached += n;
    return true;
}

reply_mark reply_defer(struct reply *r)
{
    if (r->muted || r->failed || !window_close(r))
        return (reply_mark){NULL};
    return (reply_mark){block_append(r)};
}

void reply_fill_head(struct reply *r, reply_mark m, const char *text, size_t n)
{
    if (!m.head || r->failed)
        return;
    ASSERT(m.head->len == 0 && n <= REPLY_HEAD_MAX);
    memcpy(m.head->text, text, n);
    m.head->data = m.head->text;
    m.head->len = n;
    r->pending += n;
}
