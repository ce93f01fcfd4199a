/* Key specs are ranges: first, first + step ... last, where last may count from the end. All commands of the table have
 * at most two of them, and none whose keys depend on what an argument says, so the arguments are not needed. */
#include "server/command_keys.h"

int command_keys_specs(const struct command *cmd, int argc, int *positions, uint8_t *specs, int max)
{
    int n = 0;
    for (int s = 0; s < cmd->nkeyspecs; s++) {
        const struct cmd_keyspec *spec = &cmd->keys[s];
        int last = spec->last < 0 ? argc + spec->last : spec->last;
        for (int i = spec->first; i <= last && i < argc; i += spec->step, n++) {
            if (n >= max)
                continue;
            positions[n] = i;
            if (specs)
                specs[n] = (uint8_t)s;
        }
    }
    return n;
}

int command_keys(const struct command *cmd, const struct arg *argv, int argc, int *positions, int max)
{
    (void)argv;
    return command_keys_specs(cmd, argc, positions, NULL, max);
}
