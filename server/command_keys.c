/* Key specs are ranges: first, first + step ... last, where last may count from the end. All commands of the table have
 * at most two of them, and none whose keys depend on what an argument says but SORT, whose destination stands behind
 * the last STORE. */
#include "server/command_keys.h"

#include "server/args.h"

/* SORT's destination; the words that other options take are passed by. */
static struct key_range behind_store(const struct arg *argv, int argc)
{
    int at = 0;
    for (int i = 2; i + 1 < argc; i++) {
        if (arg_is(&argv[i], "store"))
            at = ++i;
        else if (arg_is(&argv[i], "by") || arg_is(&argv[i], "get"))
            i++;
        else if (arg_is(&argv[i], "limit"))
            i += 2;
    }
    return (struct key_range){at > 0 ? at : 1, at, 1};
}

struct key_range command_key_range(const struct cmd_keyspec *spec, const struct arg *argv, int argc)
{
    if (spec->first == 0)
        return behind_store(argv, argc);
    int last = spec->last < 0 ? argc + spec->last : spec->last;
    return (struct key_range){spec->first, last < argc ? last : argc - 1, spec->step};
}

int command_keys(const struct command *cmd, const struct arg *argv, int argc, int *positions, int max)
{
    int n = 0;
    for (int s = 0; s < cmd->nkeyspecs; s++) {
        if (cmd->keys[s].flags[0] == 'n') /* "not_key": the name of a shard channel */
            continue;
        struct key_range r = command_key_range(&cmd->keys[s], argv, argc);
        for (int i = r.first; i <= r.last; i += r.step, n++)
            if (n < max)
                positions[n] = i;
    }
    return n;
}
