/* See help.h. */
#include "server/help.h"

#include <ctype.h>
#include <stdio.h>

enum { NAME_CHARS = 32, SUBCOMMAND_CHARS = 128 };

/* The command's name as it was sent, in upper case. */
static void upper_name(const struct cmd_ctx *c, char name[NAME_CHARS])
{
    size_t n = c->argv[0].len < NAME_CHARS - 1 ? c->argv[0].len : NAME_CHARS - 1;
    for (size_t i = 0; i < n; i++)
        name[i] = (char)toupper((unsigned char)c->argv[0].p[i]);
    name[n] = '\0';
}

void reply_help(struct cmd_ctx *c, const char *const *lines, size_t n)
{
    char name[NAME_CHARS];
    char heading[NAME_CHARS + 64];
    upper_name(c, name);
    snprintf(heading, sizeof heading, "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", name);
    reply_array(c->out, n + 3);
    reply_status(c->out, heading);
    for (size_t i = 0; i < n; i++)
        reply_status(c->out, lines[i]);
    reply_status(c->out, "HELP");
    reply_status(c->out, "    Prints this help.");
}

void reply_unknown_subcommand(struct cmd_ctx *c)
{
    char name[NAME_CHARS];
    const struct arg *sub = &c->argv[1];
    int n = sub->p == NULL ? 0 : sub->len < SUBCOMMAND_CHARS ? (int)sub->len : SUBCOMMAND_CHARS;
    upper_name(c, name);
    reply_errorf(c->out, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.", n,
                 n > 0 ? sub->p : "", name);
}
