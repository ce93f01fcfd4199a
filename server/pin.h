/* Large values on their way to clients: pinned, and sent from the segments they lie in.
 *
 * What a client is charged for it: nothing as long as the value is stored, since then it is the store's memory whoever
 * reads it; its share (by the number of pins) of what pins alone keep, once the value was deleted, replaced or written
 * to. So the charges of all clients together are the orphaned bytes, each counted once. */
#ifndef FLAGSTONE_SERVER_PIN_H
#define FLAGSTONE_SERVER_PIN_H

#include <stdbool.h>
#include <stddef.h>

#include "server/command.h"

struct conn;
struct pin;

/* Appends bytes [at, at + n), n > 0, of a rope's value to the reply, pinned until they were sent. Its shard is locked.
 * False: no memory for the pin, and nothing was appended. */
bool pin_send(struct cmd_ctx *c, const struct entry *e, size_t at, size_t n);

/* What the connection's pins are charged now, in bytes. Its worker, or any thread that holds the lock of the worker's
 * registry (clients.h): it takes the lock of rank LOCK_PINS. */
size_t pins_charge(struct conn *c);

#endif
