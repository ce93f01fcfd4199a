/* Opening and closing the store. */
#ifndef FLAGSTONE_SERVER_STORE_OPEN_H
#define FLAGSTONE_SERVER_STORE_OPEN_H

#include <stddef.h>

struct options;
struct store;

/* Reserves the address range and builds an empty store as the options say (databases, slab-*, hash-seed). NULL: `why`
 * says what is missing. One thread, before any context. */
struct store *store_open(const struct options *o, char *why, size_t n);
/* Frees everything. All contexts are freed, no thread uses the store. */
void store_close(struct store *s);

/* Tells the store the options that may change: policy, samples, the longest value. Any thread. */
void store_configure(struct store *s, const struct options *o);

#endif
