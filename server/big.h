/* A large value on its way in: bytes go from the socket straight into the segments that will hold them.
 * It belongs to one connection until a command takes it over (STORE_TAKE_BIG). Its memory counts as that client's. */
#ifndef FLAGSTONE_SERVER_BIG_H
#define FLAGSTONE_SERVER_BIG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "server/store_ctx.h"

struct big;

/* A value of `len` bytes, none of them there yet. NULL when memory is short or len is more than maxmemory could
 * hold. */
struct big *big_new(struct store_ctx *sx, size_t len);

/* Space for the next bytes: up to `max` iovecs, as many as are at hand (pages are reserved as bytes arrive). Returns
 * how many, 0 when all bytes are there, -1 when no page is to be had now (store_reclaim, then again). */
int big_iov(struct store_ctx *sx, struct big *b, struct iovec *iov, int max);

/* n bytes were put into that space. */
void big_filled(struct big *b, size_t n);

size_t big_len(const struct big *b);
size_t big_memory(const struct big *b); /* bytes that it holds now */
void big_copy(const struct big *b, size_t at, size_t n, char *to);
void big_free(struct store_ctx *sx, struct big *b);

/* For the store: the rope that holds the bytes, and that it was taken over (the big is freed, the rope is not). */
uint32_t big_rope(const struct big *b);
void big_taken(struct big *b);

#endif
