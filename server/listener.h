/* The listener: accepts connections on the main thread and gives each to the worker with the fewest. */
#ifndef FLAGSTONE_SERVER_LISTENER_H
#define FLAGSTONE_SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "server/options_apply.h"

struct listener;
struct server;

/* Binds what the options say (bind, port, unixsocket); nothing is accepted yet. NULL: logged why, with the option to
 * change. Also makes the limit on open files fit maxclients. listener_rebind and maxclients_changed
 * (options_apply.h) are here, too. */
struct listener *listener_new(struct server *s);

/* Begins to accept, on the loop s->base. False: out of memory or descriptors. */
bool listener_start(struct listener *l);

/* The main thread's timer: goes on accepting where descriptors had run out. */
void listener_tick(struct listener *l);

/* Closes the sockets, so that nobody waits to be accepted, and stops looking at them; before s->base is freed. The main
 * thread; may be called again. */
void listener_stop(struct listener *l);

/* The same without a loop, and frees the rest. */
void listener_free(struct listener *l);

#endif
