/* The pause of CLIENT PAUSE: one for the whole server. */
#ifndef FLAGSTONE_SERVER_PAUSE_H
#define FLAGSTONE_SERVER_PAUSE_H

#include <stdint.h>

#include "server/server.h"

/* Commands that write (PAUSE_WRITE) or all wait until `until_ms`, Unix time. A pause that is on is only ever
 * prolonged and made stricter, as Redis has it. Any thread. */
void pause_begin(struct server *s, enum pause_mode mode, int64_t until_ms);

/* Ends it and tells all workers. */
void pause_end(struct server *s);

/* Ends it if its time has come; workers find that out by themselves. */
void pause_expire(struct server *s, int64_t now_ms);

#endif
