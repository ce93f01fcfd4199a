/* Names that clients give themselves: CLIENT SETNAME, HELLO SETNAME, CLIENT SETINFO. */
#ifndef FLAGSTONE_SERVER_CLIENT_NAME_H
#define FLAGSTONE_SERVER_CLIENT_NAME_H

#include <stdbool.h>

#include "server/command.h"

/* Names the connection; an empty name takes it away. False: it has characters that would break CLIENT LIST, or
 * memory is short; the error was replied. */
bool client_set_name(struct cmd_ctx *c, struct arg *name);

#endif
