/* A request as handlers see it: its arguments, in order, the command's name first. */
#ifndef FLAGSTONE_PROTOCOL_REQUEST_H
#define FLAGSTONE_PROTOCOL_REQUEST_H

#include <stddef.h>

/* One argument. `p` is binary and not terminated; it stays valid and unchanged until the command has run.
 * A very large argument may have been received outside the query buffer, by its receiver (the store, straight into
 * its segments): then `big` names it, `p` is NULL and `len` still is its length in bytes. The command that runs may
 * take it over by setting `big` to NULL; what is left there is given back by the connection. */
struct arg {
    const char *p;
    size_t len;
    void *big;
};

#endif
