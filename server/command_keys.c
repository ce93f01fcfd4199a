/* Key specs are ranges: first, first + step ... last, where last may count from the end. All commands of the table have
 * at most two of them, and none whose keys depend on what an argument says, so the arguments are not needed. */
#include "server/command_keys.h"

struct key_range command_key_range(const struct cmd_keyspec *spec, int argc)
{
    int last = spec->last < 0 ? argc + spec->last : spec->last;
    return (struct key_range){spec->first, last < argc ? last : argc - 1, spec->step};
}

int command_keys(const struct command *cmd, const struct arg *argv, int argc, int *positions, int max)
{
    (void)argv;
    int n = 0;
    for (int s = 0; s < cmd->nkeyspecs; s++) {
        if (cmd->keys[s].flags[0] == 'n') /* "not_key": the name of a shard channel */
            continue;
        struct key_range r = command_key_range(&cmd->keys[s], argc);
        for (int i = r.first; i <= r.last; i += r.step, n++)
            if (n < max)
                positions[n] = i;
    }
    return n;
}
