# The benchmark's own programs: the floor, the load generator, the replayer. Included by the Makefile.
#
#   make bench                  the speed table, about ten minutes
#   make bench BENCH=memory     another group: pipelines speed-full threads connections latency
#                               memory large redis-benchmark resize missratio balloon reassign
#                               compact flush expiry frag frag-large frag-latency frag-latency-large
#                               frag-churn frag-writes frag-rest pubsub multi
#   make bench BENCH="memory frag" OTHER="valkey=/path/to/valkey-server"
BENCH_COMMON = reply stream keyspace histogram process
BENCH_PROGRAMS = build/bench/bench-floor build/bench/bench-load build/bench/bench-replay build/bench/bench-large \
                 build/bench/bench-turns
BENCH_COMPILE = $(CC) $(STD) $(WARN) -O2 -g $(CFLAGS)

.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)

build/bench/%.o: tests/bench/%.c
	@mkdir -p $(@D)
	$(BENCH_COMPILE) -MMD -MP -c -o $@ $<

build/bench/bench-floor: build/bench/floor.o
build/bench/bench-load: $(patsubst %,build/bench/%.o,load load_options target $(BENCH_COMMON))
build/bench/bench-replay: $(patsubst %,build/bench/%.o,replay replay_client replay_lru $(BENCH_COMMON))
build/bench/bench-large: $(patsubst %,build/bench/%.o,large $(BENCH_COMMON))
build/bench/bench-turns: $(patsubst %,build/bench/%.o,turns process)

$(BENCH_PROGRAMS):
	$(CC) $(LDFLAGS) -o $@ $^ -lm

-include $(wildcard build/bench/*.d)
