/* Signals: SIGTERM and SIGINT end the server cleanly (a second one at once), SIGHUP opens the log anew, SIGPIPE is
 * ignored. They reach the main thread's loop; all other threads block them. */
#ifndef FLAGSTONE_SERVER_SIGNALS_H
#define FLAGSTONE_SERVER_SIGNALS_H

#include <stdbool.h>

struct server;
struct signals;

/* On the loop s->base. NULL: memory is short. */
struct signals *signals_new(struct server *s);
void signals_free(struct signals *g);

#endif
