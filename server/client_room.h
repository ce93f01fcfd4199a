/* What clients may take of maxmemory, and who goes where that is not enough.
 *
 * Their buffers have a room: maxmemory-clients, or else a 64th of maxmemory. As long as they are within it they cost no
 * key its place: the budget for pages does not shrink by them. Beyond it, and when memory is short, those clients that
 * are charged most (pin.h) are closed before anything is evicted. What counts is what is more than an idle connection
 * takes, and of values on their way in only those of which nothing has come for a while: others are about to be
 * keys. */
#ifndef FLAGSTONE_SERVER_CLIENT_ROOM_H
#define FLAGSTONE_SERVER_CLIENT_ROOM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct server;
struct store_ctx;

/* The room in bytes; SIZE_MAX without maxmemory. */
size_t client_room(const struct server *srv);

/* Bytes outside of pages that clients hold now, as of their last turns. Any thread. */
size_t client_room_taken(const struct server *srv);

/* Bytes of the connection's values on their way in, where nothing came of them for two seconds; else 0. Any thread that
 * holds the lock of its worker's clients, or its worker, which keeps the sum in clients.stalled. */
size_t client_room_stalled(const struct conn *c, int64_t now_ms);

/* The last look at all clients that found nobody to close: how much they took, and until when that is believed
 * (monotonic milliseconds). */
struct room_vain {
    _Atomic size_t taken;
    _Atomic int64_t until_ms;
};

/* Memory is short: closes the largest clients where they take more than their room. True: some are on their way out,
 * and their memory will be there in a moment; false: keys have to go. A worker passes its context, and those of its own
 * clients give back their replies at once; the memory thread passes NULL. No lock held. */
bool client_room_make(struct server *srv, struct store_ctx *sx);

/* Is the connection to be closed on the spot: clients take more than their room, pages need it, and this one is no
 * smaller than the mean? Its worker. */
bool client_room_burst(struct conn *c);

/* A connection that was closed for this has been freed. Its worker. */
void client_room_left(struct conn *c);

#endif
