/* One connection that sends small batches and knows of each operation whether it found its key. */
#ifndef FLAGSTONE_BENCH_REPLAY_CLIENT_H
#define FLAGSTONE_BENCH_REPLAY_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/reply.h"

enum { REPLAY_BATCH_MAX = 4096 };

struct replay_client {
    int fd;
    enum bench_protocol protocol;
    const char *pattern;
    bool verify;
    char *out;
    size_t out_size;
    size_t sent;
    size_t out_room;
    char *in;
    uint32_t count; /* operations in the batch */
    struct bench_expect expect[REPLAY_BATCH_MAX];
    bool found[REPLAY_BATCH_MAX]; /* after replay_run: GET brought a value */
    struct bench_reader reader;
    struct bench_tally tally;
};

/* Connects to the loopback port; exits with a message if it cannot. `pattern` lives as long. */
void replay_connect(struct replay_client *c, enum bench_protocol protocol, int port, const char *pattern);
void replay_close(struct replay_client *c);

/* Each adds an operation to the batch; its index. At most REPLAY_BATCH_MAX. The value's bytes follow from the key. */
uint32_t replay_get(struct replay_client *c, uint64_t id, uint32_t size);
uint32_t replay_set(struct replay_client *c, uint64_t id, uint32_t size);
uint32_t replay_delete(struct replay_client *c, uint64_t id);

/* Sends the batch, waits for all replies, and empties it. */
void replay_run(struct replay_client *c);

#endif
