/* The HELP subcommands' replies, and what a command says of a subcommand that it does not have. */
#ifndef FLAGSTONE_SERVER_HELP_H
#define FLAGSTONE_SERVER_HELP_H

#include <stddef.h>

#include "server/command.h"

/* Replies the n lines between Redis's heading and its closing lines about HELP itself. */
void reply_help(struct cmd_ctx *c, const char *const *lines, size_t n);

/* "ERR unknown subcommand or wrong number of arguments for 'x'. Try CMD HELP." with x = argv[1]. */
void reply_unknown_subcommand(struct cmd_ctx *c);

#endif
