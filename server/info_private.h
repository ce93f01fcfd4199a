/* INFO's sections: each appends its lines, after the heading, to a text. */
#ifndef FLAGSTONE_SERVER_INFO_PRIVATE_H
#define FLAGSTONE_SERVER_INFO_PRIVATE_H

#include <stdint.h>

#include "server/server.h"
#include "server/text.h"

struct info {
    struct server *srv;
    struct text *t;
    int64_t now_ms; /* Unix time */
};

typedef void (*info_section)(struct info *i);

/* server/cmd_info_server.c */
void info_server(struct info *i);
void info_clients(struct info *i);
void info_persistence(struct info *i);
void info_replication(struct info *i);
void info_cpu(struct info *i);
void info_modules(struct info *i);
void info_cluster(struct info *i);
void info_keyspace(struct info *i);

/* server/cmd_info_memory.c */
void info_memory(struct info *i);
void info_slabs(struct info *i);

/* server/cmd_info_stats.c */
void info_stats(struct info *i);
void info_commandstats(struct info *i);
void info_errorstats(struct info *i);
void info_latencystats(struct info *i);

/* One line "name:value". */
#define INFO_LINE(i, ...) (text_printf((i)->t, __VA_ARGS__), text_puts((i)->t, "\r\n"))

/* Lines of fields whose value is the same for a server without the feature they are about: names space separated. */
void info_constant(struct info *i, const char *names, const char *value);

#endif
