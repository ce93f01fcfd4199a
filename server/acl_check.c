/* What a user may do: command, then keys, then channels. See acl_user.h. Only clients of limited users come here. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocol/glob.h"
#include "server/acl_user.h"
#include "server/big.h"
#include "server/command_keys.h"
#include "server/conn_private.h"
#include "server/handlers.h"

static bool has_command(const struct acl_user *u, uint16_t id)
{
    return (u->allowed[id / 64] >> id % 64 & 1) != 0;
}

static bool has_first_arg(const struct acl_user *u, const struct command *cmd, const struct arg *first)
{
    for (uint32_t i = 0; i < u->nsteps && first->p != NULL; i++) {
        const struct acl_step *s = &u->steps[i];
        if (s->live && s->id == cmd->id && strlen(s->arg) == first->len &&
            strncasecmp(s->arg, first->p, first->len) == 0)
            return true;
    }
    return false;
}

/* What a key spec's flags ask for: "RW access update" reads and writes, "RO" (EXISTS) needs the key to be known. */
static unsigned access_of(const char *flags)
{
    unsigned access = strstr(flags, " access") != NULL ? ACL_READ : 0;
    if (strstr(flags, " update") != NULL || strstr(flags, " insert") != NULL || strstr(flags, " delete") != NULL)
        access |= ACL_WRITE;
    return access;
}

static bool has_key(const struct acl_user *u, const struct arg *key, unsigned access)
{
    for (uint32_t i = 0; i < u->nkeys; i++) {
        const struct acl_pattern *p = &u->keys[i];
        if ((p->access & access) == access && glob_match(p->text, p->len, key->p, key->len, false))
            return true;
    }
    return false;
}

static bool has_keys(const struct acl_user *u, const struct command *cmd, const struct arg *argv, int argc, int *at)
{
    for (int s = 0; s < cmd->nkeyspecs; s++) {
        const char *flags = command_key_flags(cmd, s, argv, argc);
        struct key_range r = command_key_range(&cmd->keys[s], argv, argc);
        if (strcmp(flags, "not_key") == 0)
            continue;
        for (int i = r.first; i <= r.last; i += r.step) {
            if (argv[i].p == NULL || !has_key(u, &argv[i], access_of(flags))) {
                *at = i;
                return false;
            }
        }
    }
    return true;
}

bool acl_reads_all(const struct acl_user *u)
{
    bool all = (u->flags & ACL_ALLKEYS) != 0;
    for (uint32_t i = 0; i < u->nkeys && !all; i++)
        all = (u->keys[i].access & ACL_READ) != 0 && strcmp(u->keys[i].text, "*") == 0;
    return all;
}

bool acl_check_channel(const struct acl_user *u, const char *name, size_t n, bool pattern)
{
    if (u->flags & ACL_ALLCHANNELS)
        return true;
    for (uint32_t i = 0; i < u->nchannels; i++) {
        const struct acl_pattern *p = &u->channels[i];
        if (pattern ? p->len == n && memcmp(p->text, name, n) == 0 : glob_match(p->text, p->len, name, n, false))
            return true;
    }
    return false;
}

/* A channel's name may be so long that it was received apart. */
static bool has_channel(const struct acl_user *u, const struct arg *a, bool pattern)
{
    if (a->p != NULL)
        return acl_check_channel(u, a->p, a->len, pattern);
    char *copy = a->big == (void *)CONN_NO_MEMORY ? NULL : malloc(a->len);
    if (copy == NULL)
        return false;
    big_copy(a->big, 0, a->len, copy);
    bool ok = acl_check_channel(u, copy, a->len, pattern);
    free(copy);
    return ok;
}

static bool has_channels(const struct acl_user *u, const struct command *cmd, const struct arg *argv, int argc, int *at)
{
    bool pattern = cmd->handler == cmd_psubscribe;
    bool all = pattern || cmd->handler == cmd_subscribe || cmd->handler == cmd_ssubscribe;
    int n = all ? argc - 1 : cmd->handler == cmd_publish || cmd->handler == cmd_spublish ? 1 : 0;
    for (int i = 1; i <= n; i++) {
        if (!has_channel(u, &argv[i], pattern)) {
            *at = i;
            return false;
        }
    }
    return true;
}

enum acl_verdict acl_check(const struct acl_user *u, const struct command *cmd, const struct arg *argv, int argc,
                           int *at)
{
    *at = 0;
    if ((u->flags & ACL_UNLIMITED) != 0)
        return ACL_ALLOWED;
    if ((cmd->flags & CMD_NO_AUTH) == 0 && !has_command(u, cmd->id) && (argc < 2 || !has_first_arg(u, cmd, &argv[1])))
        return ACL_NO_COMMAND;
    if ((u->flags & ACL_ALLKEYS) == 0 && cmd->nkeyspecs > 0 && !has_keys(u, cmd, argv, argc, at))
        return ACL_NO_KEY;
    if ((u->flags & ACL_ALLCHANNELS) == 0 && (cmd->categories & CAT_PUBSUB) != 0 &&
        !has_channels(u, cmd, argv, argc, at))
        return ACL_NO_CHANNEL;
    return ACL_ALLOWED;
}
