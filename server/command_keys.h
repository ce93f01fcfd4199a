/* Which of a command's arguments are keys. */
#ifndef FLAGSTONE_SERVER_COMMAND_KEYS_H
#define FLAGSTONE_SERVER_COMMAND_KEYS_H

#include "server/command.h"

/* The commonest case, worth a look before anything else is called: one key, at argument 1. */
static inline bool command_one_key(const struct command *cmd)
{
    return cmd->nkeyspecs == 1 && cmd->keys[0].first == 1 && cmd->keys[0].last == 1;
}

/* Puts the positions of the keys in argv into `positions`, in the order of the key specs, which is that of the
 * arguments, at most `max` of them, and returns how many keys there are, which may be more. argc must satisfy the
 * arity. Time and result go by argc alone: what stands in the arguments is not read. */
int command_keys(const struct command *cmd, const struct arg *argv, int argc, int *positions, int max);

/* The same, and for each key the number of the spec that names it. `specs` may be NULL. */
int command_keys_specs(const struct command *cmd, int argc, int *positions, uint8_t *specs, int max);

#endif
