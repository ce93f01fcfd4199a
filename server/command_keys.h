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
 * arity. Only for SORT is it read what stands in the arguments. */
int command_keys(const struct command *cmd, const struct arg *argv, int argc, int *positions, int max);

/* The arguments that one spec names: first, first + step ... up to last; none where last < first. A spec that begins at
 * 0 is SORT's STORE. */
struct key_range {
    int first, last, step;
};
struct key_range command_key_range(const struct cmd_keyspec *spec, const struct arg *argv, int argc);

/* The flags of a spec's keys in this call ("RW access update"). */
const char *command_key_flags(const struct command *cmd, int spec, const struct arg *argv, int argc);

#endif
