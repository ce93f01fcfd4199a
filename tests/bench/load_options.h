/* The load generator's command line. */
#ifndef FLAGSTONE_BENCH_LOAD_OPTIONS_H
#define FLAGSTONE_BENCH_LOAD_OPTIONS_H

#include "tests/bench/stream.h"

enum { LOAD_MAX_TARGETS = 16 };

struct load_target_option {
    char name[32];
    enum bench_protocol protocol;
    int port;
    int pid;
};

struct load_options {
    struct load_target_option targets[LOAD_MAX_TARGETS];
    int target_count;
    struct bench_plan plan; /* protocol is filled in for each target */
    uint32_t conns;
    int rounds;
    double seconds; /* of a round */
    double warm;    /* seconds before each round that are not counted */
    double rate;    /* operations a second: open loop; 0: closed */
    double window;  /* seconds: open loop percentiles are also given for each such stretch; 0: no */
    bool verify;
    int cpu; /* pin to this one; -1: no */
};

/* Fills `o` from the arguments; exits with a message about a bad one. */
void load_options_parse(struct load_options *o, int argc, char **argv);

#endif
