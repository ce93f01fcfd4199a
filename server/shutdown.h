/* The end of the server in good order: nobody is accepted any more, what was read is answered, then all is torn
 * down. */
#ifndef FLAGSTONE_SERVER_SHUTDOWN_H
#define FLAGSTONE_SERVER_SHUTDOWN_H

struct server;
struct shutdown;

/* Makes the loop s->base wait for server_stop: then connections are drained (conn_drain.c), for shutdown-timeout at
 * most, and the loop ends. The main thread, after the workers run. NULL: memory is short. */
struct shutdown *shutdown_new(struct server *s);
void shutdown_free(struct shutdown *sd); /* before s->base is freed; NULL is fine */

#endif
