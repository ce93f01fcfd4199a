/* Key specs are ranges: first, first + step ... last, where last may count from the end. All commands of the table have
 * at most two of them, and none whose keys depend on what an argument says but SORT, whose destination stands behind
 * the last STORE. */
#include "server/command_keys.h"

#include "server/args.h"
#include "server/handlers.h"

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

/* What SET and BITFIELD do to their key depends on their options: SET reads it for GET, BITFIELD writes it for
 * anything but GET. Others do what their spec says. argv is the command's own. */
const char *command_key_flags(const struct command *cmd, int spec, const struct arg *argv, int argc)
{
    if (cmd->handler == cmd_set) {
        for (int i = 3; i < argc; i++)
            if (arg_is(&argv[i], "get"))
                return "RW access update";
        return "OW update";
    }
    if (cmd->handler == cmd_bitfield) {
        for (int i = 2; i < argc; i++) {
            int rest = argc - i - 1;
            if (arg_is(&argv[i], "get") && rest >= 2)
                i += 2;
            else if (arg_is(&argv[i], "overflow") && rest >= 1)
                i += 1;
            else
                return "RW access update";
        }
        return "RO access";
    }
    return cmd->keys[spec].flags;
}
