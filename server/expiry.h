/* Active expiry: finds what is due by the state bytes of pages, not by walking items. */
#ifndef FLAGSTONE_SERVER_EXPIRY_H
#define FLAGSTONE_SERVER_EXPIRY_H

#include <stdbool.h>

#include "server/store_private.h"

struct expiry {
    int64_t next_ms; /* no round before */
    int64_t done_s;  /* what expired up to the end of this second has been looked for */
    int64_t round_s; /* the second in which the round in progress began */
    int64_t until_s; /* what it looks for: up to the end of this one */
    uint32_t page;   /* where it goes on; 0: no round in progress */
};

/* Looks through up to `pages` pages for entries that are due and deletes them; returns true while the round is not
 * done. Memory thread. */
bool expiry_step(struct store_ctx *sx, struct expiry *x, uint32_t pages);

#endif
