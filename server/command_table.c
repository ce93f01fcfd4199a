/* The command table: the one list of all commands, from which dispatch, statistics, COMMAND and the README's list come.
 *
 * The rows are constants in the files of their groups (command_table_string.c ...); here they are put in order. Ids
 * are the order: commands first, then the subcommands, those of one container together. */
#include "server/command.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "server/command_table_private.h"

static_assert(offsetof(struct command, keys[1]) <= 64, "what the dispatcher reads is in one cache line");

static const struct command *const commands[ID_COMMANDS] = {
#define X(name) [ID_##name] = &row_##name,
    COMMAND_LIST(X)
#undef X
};

const struct command *const *command_table(int *n)
{
    *n = ID_COMMANDS;
    return commands;
}

uint16_t command_count(void)
{
    return ID_ALL;
}

const struct command *command_by_id(uint16_t id)
{
    if (id < ID_COMMANDS)
        return commands[id];
    for (int i = 0; i < ID_COMMANDS; i++) {
        const struct command *c = commands[i];
        if (c->nsub > 0 && id >= c->sub[0].id && id < c->sub[0].id + c->nsub)
            return &c->sub[id - c->sub[0].id];
    }
    return NULL;
}

/* By bit. */
static const char *const categories[COMMAND_CATEGORIES] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting",
};

const char *command_category_name(int i)
{
    return categories[i];
}

int command_category_find(const char *name, size_t n)
{
    for (int i = 0; i < COMMAND_CATEGORIES; i++)
        if (strlen(categories[i]) == n && strncasecmp(categories[i], name, n) == 0)
            return i;
    return -1;
}

/* "config|get" is printed as CONFIG GET. */
static void print_row(FILE *to, const struct command *c)
{
    fputs("| `", to);
    for (const char *p = c->name; *p; p++)
        fputc(*p == '|' ? ' ' : toupper((unsigned char)*p), to);
    fprintf(to, "` | %s | %s |\n", c->summary, c->since);
}

/* The title of a group as clients know it ("string"). */
static void print_title(FILE *to, const char *group)
{
    fprintf(to, "\n### %c%s\n\n| Command | What it does | Since |\n|---|---|---|\n", toupper((unsigned char)group[0]),
            group + 1);
}

void command_print_table(FILE *to)
{
    static const char *const groups[] = {"string",     "bitmap", "generic", "transactions", "pubsub",
                                         "connection", "server", "cluster", "scripting"};
    for (size_t g = 0; g < COUNT_OF(groups); g++) {
        print_title(to, groups[g]);
        for (int i = 0; i < ID_COMMANDS; i++) {
            const struct command *c = commands[i];
            if (strcmp(c->group, groups[g]) != 0)
                continue;
            if (c->handler)
                print_row(to, c);
            for (int s = 0; s < c->nsub; s++)
                print_row(to, &c->sub[s]);
        }
    }
}
