/* The inside of options: the entry of the table, and a value apart from its field, so that several can be parsed,
 * stored and put back as one. */
#ifndef FLAGSTONE_SERVER_OPTIONS_PRIVATE_H
#define FLAGSTONE_SERVER_OPTIONS_PRIVATE_H

#include "server/options.h"

enum option_type {
    OPTION_INT,
    OPTION_OCTAL,       /* mode bits */
    OPTION_BYTES,       /* with units */
    OPTION_MEMORY,      /* maxmemory: bytes, or a per cent of the machine's; two numbers: bytes, per cent */
    OPTION_MEMORY_PART, /* maxmemory-clients: bytes, or a per cent of maxmemory, kept as its negative */
    OPTION_BOOL,
    OPTION_CHOICE,
    OPTION_REAL, /* min and max are in hundredths */
    OPTION_TEXT,
    OPTION_HEX,
    OPTION_DIR,
    OPTION_ADDRESSES,   /* bind */
    OPTION_LIMITS,      /* client-output-buffer-limit: 9 numbers */
    OPTION_OOM_VALUES,  /* 3 numbers */
    OPTION_PERCENTILES, /* kept as text */
    OPTION_EVENTS,      /* notify-keyspace-events: enum notice_class */
    OPTION_FIXED,       /* one value is accepted, its default: what the others would ask for is not supported */
};

enum option_group {
    GROUP_NETWORK,
    GROUP_GENERAL,
    GROUP_MEMORY,
    GROUP_DEFRAG,
    GROUP_CLIENTS,
    GROUP_STATISTICS,
    GROUP_EVENTS,
    GROUP_COUNT,
};

enum option_flag {
    OPTION_MUTABLE = 1,   /* CONFIG SET may change it */
    OPTION_PROTECTED = 2, /* CONFIG SET says so in Redis's words */
    OPTION_SECRET = 4,    /* its value is not shown in errors */
};

struct option_choice {
    const char *name; /* NULL ends the list */
    int64_t value;
};

/* What must be done after a change; `err` says why it could not. See options_apply.h. */
typedef bool (*option_apply)(struct server *srv, struct options *o, char *err, size_t size);

struct option {
    const char *name;
    enum option_type type;
    enum option_group group;
    unsigned flags;
    size_t at; /* where its field is in struct options; none for OPTION_FIXED */
    int64_t min, max;
    int64_t least, most;  /* what is outside is accepted and moved to the nearest of these; 0, 0: nothing is moved */
    const char *standard; /* its default, as words of a configuration line */
    const char *unit;     /* or NULL */
    const char *help;
    const struct option_choice *choices;
    option_apply apply;
};

enum { OPTION_NUMBERS_MAX = 9 };

/* A value apart from its field; the text is owned. */
struct option_content {
    int64_t n[OPTION_NUMBERS_MAX];
    double real;
    char *text;
};

/* ---- options_value.c: contents and fields ---- */

bool option_has_text(const struct option *d);

/* Copies the field out; false where memory is short. */
bool content_read(struct options *o, const struct option *d, struct option_content *c);
/* Exchanges field and content: what the field held is in `c` then. */
void content_swap(struct options *o, const struct option *d, struct option_content *c);
void content_free(struct option_content *c);
bool content_equal(const struct option *d, const struct option_content *a, const struct option_content *b);

/* Text of a content: as CONFIG GET answers, or (`line`) as the words of a configuration line, quoted, with units, each
 * line of them beginning with the option's name. malloc'd, NULL where memory is short. */
char *content_show(const struct option *d, const struct option_content *c);
char *content_lines(const struct option *d, const struct option_content *c);

/* ---- options_parse.c ---- */

/* Words to content, which must hold the value before (content_read): some options name a part of it only. */
bool option_parse(struct options *o, const struct option *d, char *const *words, int n, struct option_content *c,
                  char err[OPTIONS_ERROR_CHARS]);
/* Splits a value of one word as CONFIG SET does, and parses it. */
bool option_parse_value(struct options *o, const struct option *d, const char *value, struct option_content *c,
                        char err[OPTIONS_ERROR_CHARS]);
/* What the option takes, for people: "an integer from 0 to 65535". */
void option_describe(const struct option *d, char *to, size_t size);

#endif
