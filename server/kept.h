/* A command that is kept for later: its arguments are copied out of the buffers that they came in. */
#ifndef FLAGSTONE_SERVER_KEPT_H
#define FLAGSTONE_SERVER_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "server/command.h"

struct worker;

/* In one allocation: the arguments, then their bytes. */
struct kept {
    struct kept *next;         /* the caller's */
    const struct command *cmd; /* NULL: not known yet */
    size_t bytes;              /* of the allocation */
    int argc;
    bool has_big;
    struct arg argv[];
};

/* Large arguments are taken over (the caller's argv[i].big becomes NULL). NULL: memory is short, nothing was taken. */
struct kept *kept_new(const struct command *cmd, struct arg *argv, int argc);
/* Gives its large arguments back, those that no handler took over. The worker's thread. */
void kept_free(struct worker *w, struct kept *k);
/* Bytes, large arguments included; these are added to *large, too. */
size_t kept_memory(const struct kept *k, size_t *large);

#endif
