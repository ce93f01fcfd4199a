/* A server under load: its connections, and the two ways to drive them. One thread. */
#ifndef FLAGSTONE_BENCH_TARGET_H
#define FLAGSTONE_BENCH_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/histogram.h"
#include "tests/bench/reply.h"
#include "tests/bench/stream.h"

struct bench_conn;

/* What one run of a target showed. */
struct bench_result {
    uint64_t operations;
    uint64_t elapsed_ns;
    uint64_t cpu_ns;     /* of the server, all threads */
    uint64_t busiest_ns; /* of its busiest thread */
    uint64_t late;       /* open loop: batches sent more than 1 ms after their time (the generator's own delay) */
    struct bench_histogram reads;  /* GET, MGET, PING; in a closed loop: everything */
    struct bench_histogram writes; /* the rest */
};

/* A stretch of an open loop. */
struct bench_window {
    struct bench_histogram reads;
    uint64_t stolen_ns; /* by the hypervisor, from all processors, meanwhile */
};

struct bench_target {
    char name[32];
    enum bench_protocol protocol;
    int port;
    int pid;
    int epoll;
    uint32_t conn_count;
    struct bench_conn *conns;
    char *in; /* shared by all connections: carry room, then what recv brings */
    const struct bench_stream *stream;
    const char *pattern; /* values are compared with it, or NULL */
    uint64_t cursor;     /* the batch to send next, counting through the repetitions of the stream */
    struct bench_tally tally;
};

/* Connects conn_count sockets to the loopback port. Exits with a message if it cannot. */
void bench_target_connect(struct bench_target *t, uint32_t conn_count);
void bench_target_disconnect(struct bench_target *t);

/*
 * Closed loop: every connection sends its next batch when the last is answered. Stops sending after `seconds` (the
 * stream repeats), or, if that is 0, at the stream's end; returns when all replies are there.
 */
void bench_run_closed(struct bench_target *t, double seconds, struct bench_result *result);

/*
 * Open loop: operations are due at a fixed rate whatever the server does, connection by connection, and latency counts
 * from the time an operation was due. With `windows` (room for that many), the reads of each `window_ns` are also
 * counted apart.
 */
void bench_run_open(struct bench_target *t, double seconds, double rate, struct bench_result *result,
                    struct bench_window *windows, uint32_t window_count, uint64_t window_ns);

#endif
