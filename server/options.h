/* Options: what the configuration says, as everybody reads it.
 *
 * Reading. A number, switch or choice is an atomic field, named as its option; read it with OPT(o, field), a relaxed
 * load, whenever it is needed: then a change by CONFIG SET takes effect at once. Texts may be replaced at any time and
 * are read through the copying functions below, never through the field.
 * One table (options_table.c) holds every option's name, type, range, default and help; the start-up parser, CONFIG
 * GET/SET/REWRITE, --help, --print-conf and conf/flagstone.conf all come from it.
 * Locks: `change` (outermost of all, held over a whole CONFIG SET or REWRITE; the functions that an option's change
 * calls may take any other lock and read any option), then LOCK_CONFIG for the texts, held for a copy only. */
#ifndef FLAGSTONE_SERVER_OPTIONS_H
#define FLAGSTONE_SERVER_OPTIONS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "slab/base/lock.h"

struct options;
struct server;
struct text;

enum {
    OPTIONS_BIND_MAX = 16,        /* addresses in bind */
    OPTIONS_ADDRESS_CHARS = 256,  /* one of them, with its terminator */
    OPTIONS_PERCENTILES_MAX = 64, /* latency-tracking-info-percentiles */
    OPTIONS_TEXT_CHARS = 4096,    /* a buffer that every text but requirepass fits in */
    OPTIONS_DB_MAX = 1000,
};

/* maxmemory-policy. */
enum memory_policy {
    POLICY_VOLATILE_LRU,
    POLICY_VOLATILE_LFU,
    POLICY_VOLATILE_RANDOM,
    POLICY_VOLATILE_TTL,
    POLICY_ALLKEYS_LRU,
    POLICY_ALLKEYS_LFU,
    POLICY_ALLKEYS_RANDOM,
    POLICY_NOEVICTION,
    POLICY_ALLKEYS_S3FIFO,
};

/* Client classes of client-output-buffer-limit. */
enum client_class { CLASS_NORMAL, CLASS_REPLICA, CLASS_PUBSUB, CLASS_COUNT };

enum supervision { SUPERVISED_NO, SUPERVISED_UPSTART, SUPERVISED_SYSTEMD, SUPERVISED_AUTO };
enum oom_adjust { OOM_ADJUST_NO, OOM_ADJUST_RELATIVE, OOM_ADJUST_ABSOLUTE };
enum debug_allowed { DEBUG_NO, DEBUG_YES, DEBUG_LOCAL };

typedef _Atomic int64_t option_number;

struct output_limit {
    option_number hard_bytes, soft_bytes, soft_seconds; /* 0: no limit */
};

/* What configuration needs to know of users (acl_file.h); options whose hooks are NULL take them as they come. */
struct user_hooks {
    /* What is wrong with a user line's words, NULL: nothing; *at is the word at fault. */
    const char *(*check)(char *const *words, int n, int *at);
    /* Reads the file of users that a configuration names, to say what is wrong with it; true: nothing. */
    bool (*check_file)(struct options *o, struct text *errors);
    /* Lines, as CONFIG REWRITE writes them, for the users that a configuration gives; and for those there are. False:
     * memory is short. */
    bool (*given)(const struct options *o, struct text *t);
    bool (*present)(struct server *srv, struct text *t);
    /* requirepass was changed. False: memory is short. */
    bool (*set_password)(struct server *srv, const char *password);
};

struct options {
    /* network */
    option_number port;           /* 0: do not listen on TCP */
    option_number unixsocketperm; /* mode bits, 0: as the umask has it */
    option_number tcp_backlog;
    option_number tcp_keepalive; /* seconds, 0: off */
    option_number timeout;       /* seconds of idleness, 0: never */
    option_number maxclients;
    option_number protected_mode;
    option_number acl_pubsub_default; /* new users may hear all channels */
    option_number acllog_max_len;
    char *bind; /* texts: see options_text */
    char *unixsocket;
    char *requirepass; /* shown by CONFIG GET; what counts is the default user (acl.h) */
    char *aclfile;

    /* general */
    option_number databases;
    option_number threads;       /* resolved: never 0 after options_resolve */
    option_number threads_asked; /* as configured, 0: one a processor */
    option_number hz;            /* housekeeping rounds a second */
    option_number daemonize;
    option_number supervised;       /* enum supervision */
    option_number shutdown_timeout; /* seconds */
    option_number loglevel;         /* enum log_level */
    option_number disable_thp;
    option_number oom_score_adj;           /* enum oom_adjust */
    option_number oom_score_adj_values[3]; /* Redis: master, replica, child; the first is ours */
    option_number enable_debug_command;    /* enum debug_allowed */
    char *logfile;
    char *pidfile;
    char *dir;

    /* memory */
    double slab_growth_factor;       /* immutable */
    option_number slab_chunk_min;    /* bytes */
    option_number maxmemory;         /* bytes, resolved; 0: no limit */
    option_number maxmemory_percent; /* 1-100 where maxmemory was given so, else 0 */
    char *system_root;               /* prefixed to /proc and /sys where the cgroup is looked for */
    option_number maxmemory_policy;  /* enum memory_policy */
    option_number maxmemory_samples;
    option_number lfu_log_factor;
    option_number lfu_decay_time;            /* minutes */
    option_number maxmemory_clients;         /* bytes, or -percent of maxmemory: options_maxmemory_clients */
    option_number reserve_low, reserve_high; /* bytes of free pages, 0: chosen by the server */
    char *hash_seed;                         /* hex digits, empty: random; immutable, so it may be read directly */

    /* active defragmentation */
    option_number activedefrag;
    option_number active_defrag_ignore_bytes;
    option_number active_defrag_threshold_lower, active_defrag_threshold_upper; /* per cent */
    option_number active_defrag_cycle_min, active_defrag_cycle_max;             /* per cent of one core */
    option_number active_defrag_latency_target;                                 /* microseconds, 0: no guard */

    /* limits of clients */
    struct output_limit output_limit[CLASS_COUNT];
    option_number client_query_buffer_limit; /* bytes */
    option_number proto_max_bulk_len;        /* bytes */

    /* statistics */
    option_number slowlog_log_slower_than; /* microseconds, negative: off, 0: everything */
    option_number slowlog_max_len;
    option_number latency_monitor_threshold; /* milliseconds, 0: off */
    option_number latency_tracking;
    char *latency_percentiles;

    /* events */
    option_number notify_keyspace_events; /* enum notice_class */

    const struct user_hooks *user_hooks;

    /* users: the words of `user` lines after "user", as they were given at start; immutable then */
    struct user_line {
        char **word;
        int n;
    } * users;
    int nusers;

    /* how it came to be; the machinery's own */
    pthread_mutex_t change;
    struct lock texts;
    option_number memory_available; /* bytes of the machine, or of the cgroup where that is less */
    option_number oom_base;         /* oom_score_adj that the process had before it was touched */
    option_number oom_touched;
    char *start_dir; /* working directory at start: paths of include are relative to it */
};

/* An option's current value, e.g. if (OPT(srv->opt, activedefrag)) ... */
#define OPT(o, field) atomic_load_explicit(&(o)->field, memory_order_relaxed)

/* All defaults, or NULL where memory is short. options_free(NULL) does nothing. */
struct options *options_new(void);
void options_free(struct options *o);

/* After start-up parsing: threads 0 becomes the number of processors in the affinity mask, per cents of memory become
 * bytes. Reads /proc and /sys. */
void options_resolve(struct options *o);

/* Looks at the available memory again; where maxmemory was given as a share of it, it follows. Any thread. */
void options_follow_memory(struct options *o);

/* Copies a text out: options_text(o, &o->logfile, buf, sizeof buf). Returns its whole length; what does not fit is cut
 * off, always terminated. options_text_dup allocates (free it), NULL where memory is short. Any thread. */
size_t options_text(struct options *o, char *const *field, char *to, size_t size);
char *options_text_dup(struct options *o, char *const *field);

/* The addresses of `bind`; returns how many. An address that begins with '-' may be missing on the machine; "*" and
 * "::*" are all of IPv4 and of IPv6. */
int options_bind(struct options *o, char to[OPTIONS_BIND_MAX][OPTIONS_ADDRESS_CHARS]);

/* latency-tracking-info-percentiles as numbers (0-100), ascending as given; returns how many. */
int options_percentiles(struct options *o, double to[OPTIONS_PERCENTILES_MAX]);

/* maxmemory-clients in bytes, a per cent of maxmemory resolved; 0: no limit. */
int64_t options_maxmemory_clients(const struct options *o);

/* The name of an enum option's value: options_choice("maxmemory-policy", POLICY_NOEVICTION) is "noeviction". */
const char *options_choice(const char *name, int64_t value);

/* ---- the table, for start-up parsing and CONFIG ---- */

struct option;

/* Error texts fit in this; they are Redis's where Redis has one. */
enum { OPTIONS_ERROR_CHARS = 512 };

int options_count(void);
const struct option *options_at(int i);
const struct option *options_find(const char *name, size_t n); /* in any case; NULL: none */
const char *option_name(const struct option *d);

/* NULL where CONFIG SET may change it, else why not, in Redis's words. */
const char *option_refusal(const struct option *d);

/* Shortens *n to the bytes that count of a value with a zero byte, as Redis does: bytes, choices and switches end
 * there, an integer is none at all, so that nothing is left. False: texts and lists cannot have one. */
bool option_cut_value(const struct option *d, const char *value, size_t *n);

/* Writes the value as CONFIG GET shows it; a malloc'd string, NULL where memory is short. */
char *option_value(struct options *o, const struct option *d);

/* Parses and stores; nothing is stored where it returns false, `err` then says why. `words` are those of a
 * configuration line after the name. Ranges and formats are checked; what a change calls (options_apply.h) is not
 * called. The caller holds `change` or is alone. */
bool option_set(struct options *o, const struct option *d, char *const *words, int n, char err[OPTIONS_ERROR_CHARS]);

/* All or nothing, with the actions of options_apply.h: sets n different options, each to its value as one text
 * (lists are split at spaces), rolls back if one fails. *failed then is the index of the one at fault and `err` the
 * reason. Takes `change`. */
bool options_change(struct server *srv, struct options *o, const struct option *const *d, char *const *values, int n,
                    int *failed, char err[OPTIONS_ERROR_CHARS]);

/* conf/flagstone.conf, as generated: every option with its help, unit, range and default. And the short list of
 * --help. And the manual page, flagstone-server(1), in mdoc(7); the configuration's folder is /etc/flagstone in it. */
void options_print_conf(FILE *to);
void options_print_man(FILE *to);
void options_print_help(FILE *to);

#endif
