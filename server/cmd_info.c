/* INFO: the table of sections, and which of them a request names. The order of sections is the table's, whatever the
 * order of the arguments; unknown names are passed over, so that a request for those alone gets an empty text.
 *
 * `slabs` looks at every page (about a microsecond each), so only who names it gets it: exporters ask for ALL every few
 * seconds, and a worker serves nobody else meanwhile. */
#include <string.h>

#include "server/args.h"
#include "server/handlers.h"
#include "server/info_private.h"

enum section_class { IN_DEFAULT, IN_ALL, BY_NAME };

static const struct {
    const char *name, *heading;
    enum section_class class;
    info_section write;
} sections[] = {
    {"server", "Server", IN_DEFAULT, info_server},
    {"clients", "Clients", IN_DEFAULT, info_clients},
    {"memory", "Memory", IN_DEFAULT, info_memory},
    {"persistence", "Persistence", IN_DEFAULT, info_persistence},
    {"stats", "Stats", IN_DEFAULT, info_stats},
    {"replication", "Replication", IN_DEFAULT, info_replication},
    {"cpu", "CPU", IN_DEFAULT, info_cpu},
    {"modules", "Modules", IN_DEFAULT, info_modules},
    {"commandstats", "Commandstats", IN_ALL, info_commandstats},
    {"errorstats", "Errorstats", IN_DEFAULT, info_errorstats},
    {"latencystats", "Latencystats", IN_ALL, info_latencystats},
    {"cluster", "Cluster", IN_DEFAULT, info_cluster},
    {"keyspace", "Keyspace", IN_DEFAULT, info_keyspace},
    {"slabs", "Slabs", BY_NAME, info_slabs},
};

enum { SECTIONS = sizeof sections / sizeof *sections };

static uint32_t sections_of_class(enum section_class most)
{
    uint32_t mask = 0;
    for (unsigned s = 0; s < SECTIONS; s++)
        mask |= sections[s].class <= most ? 1u << s : 0;
    return mask;
}

static uint32_t sections_named(const struct arg *a)
{
    if (arg_is(a, "default"))
        return sections_of_class(IN_DEFAULT);
    if (arg_is(a, "all") || arg_is(a, "everything"))
        return sections_of_class(IN_ALL);
    for (unsigned s = 0; s < SECTIONS; s++) {
        if (arg_is(a, sections[s].name))
            return 1u << s;
    }
    return 0;
}

void info_constant(struct info *i, const char *names, const char *value)
{
    for (size_t n; *names != '\0'; names += n + (names[n] == ' ')) {
        n = strcspn(names, " ");
        INFO_LINE(i, "%.*s:%s", (int)n, names, value);
    }
}

enum cmd_status cmd_info(struct cmd_ctx *c)
{
    struct text t = {0};
    struct info i = {.srv = c->srv, .t = &t, .now_ms = c->now_ms};
    uint32_t mask = c->argc == 1 ? sections_of_class(IN_DEFAULT) : 0;
    for (int a = 1; a < c->argc; a++)
        mask |= sections_named(&c->argv[a]);
    for (unsigned s = 0; s < SECTIONS; s++) {
        if ((mask & 1u << s) == 0)
            continue;
        INFO_LINE(&i, "%s# %s", t.len > 0 ? "\r\n" : "", sections[s].heading);
        sections[s].write(&i);
    }
    text_reply(&t, c->out);
    return CMD_DONE;
}
