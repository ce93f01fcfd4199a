/* MONITOR: every command that runs, as a line of text, to the connections that asked for it.
 *
 * Costs nothing while nobody monitors (a bit of srv->attention is clear). A line is encoded once by the worker that
 * runs the command and goes to the workers by letter. Passwords are not shown. */
#ifndef FLAGSTONE_SERVER_MONITOR_H
#define FLAGSTONE_SERVER_MONITOR_H

#include "server/command.h"

struct conn;

/* The connection becomes a monitor, or stops being one; both may be called when it already is so. Its worker's
 * thread. */
void monitor_add(struct conn *c);
void monitor_remove(struct conn *c);

/* Tells all monitors of a command that ran. No lock held. */
void monitor_feed(const struct cmd_ctx *ctx);

#endif
