# Flagstone: build, run, test.
#
#   make                   ./flagstone-server
#   make run [PORT=7000]   gets what is missing, builds, serves on 127.0.0.1 (ARGS="--maxmemory 1gb" adds options)
#   make test              gets what is missing, builds, runs unit, integration and differential tests
#   make bench lint check-asan check-tsan check-move stress soak fuzz install uninstall dist clean
#
# Every flavour builds in a directory of its own, so that they never wait for each other:
#   make FLAVOUR=debug|asan|tsan|move-asan|move-tsan|fuzz [all|server|test-programs|run-tests]

ifeq ($(origin CC),default)
CC = gcc
endif
FLAVOUR ?= release
PORT ?= 6379
ARGS ?=
PREFIX ?= /usr/local
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)/flagstone
DIFF_SECONDS ?= 20
STRESS_SECONDS ?= 30
SOAK_SECONDS ?= 3600
FUZZ_SECONDS ?= 60
SEED ?=

B = build/$(FLAVOUR)
JOBS := $(shell nproc 2>/dev/null || echo 2)
# One job a processor, unless the caller has said how many.
PARALLEL = $(if $(findstring j,$(filter-out --%,$(MAKEFLAGS))),,-j$(JOBS))
SUBMAKE = $(MAKE) --no-print-directory $(PARALLEL)

# ---- flavours ------------------------------------------------------------------------------------------------------

STD = -std=gnu17 -D_GNU_SOURCE -I.
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
ASAN = -fsanitize=address,undefined -fno-sanitize-recover=undefined
DEBUG = -g -fno-omit-frame-pointer -DFLAGSTONE_DEBUG

OPT_release = -O2 -g
OPT_debug = -O1 $(DEBUG)
OPT_asan = -O1 $(DEBUG) -DFLAGSTONE_NO_JEMALLOC $(ASAN)
OPT_tsan = -O1 $(DEBUG) -DFLAGSTONE_NO_JEMALLOC -fsanitize=thread
OPT_move-asan = $(OPT_asan) -DFLAGSTONE_FORCE_MOVE
OPT_move-tsan = $(OPT_tsan) -DFLAGSTONE_FORCE_MOVE
OPT_fuzz = -O1 $(DEBUG) -DFLAGSTONE_NO_JEMALLOC $(ASAN) -fsanitize=fuzzer-no-link
LINK_asan = $(ASAN)
LINK_tsan = -fsanitize=thread
LINK_move-asan = $(ASAN)
LINK_move-tsan = -fsanitize=thread
LINK_fuzz = $(ASAN)

ifeq ($(FLAVOUR),fuzz)
override CC = clang
endif
ifeq ($(origin OPT_$(FLAVOUR)),undefined)
$(error FLAVOUR=$(FLAVOUR): there are release, debug, asan, tsan, move-asan, move-tsan and fuzz)
endif

# V=1 shows the commands.
Q = $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),@:,@echo '  $(1)')
COMPILE = $(CC) $(STD) $(WARN) $(OPT_$(FLAVOUR)) $(CFLAGS)
LINK = $(CC) $(LINK_$(FLAVOUR)) $(LDFLAGS)
# The static library where there is one: the shared one brings libstdc++ along, 1 MB of every server's resident memory.
JEMALLOC_A := $(filter /%,$(shell $(CC) -print-file-name=libjemalloc.a 2>/dev/null))
JEMALLOC = $(if $(findstring NO_JEMALLOC,$(OPT_$(FLAVOUR))),,$(or $(JEMALLOC_A),-ljemalloc))
# Of libcrypto nothing but SHA-256 is used: 64 KB of the static library, against megabytes of the shared one.
CRYPTO_A := $(filter /%,$(shell $(CC) -print-file-name=libcrypto.a 2>/dev/null))
LIBS = -levent_core $(JEMALLOC) $(or $(CRYPTO_A),-lcrypto) -lpthread -lm

# ---- sources -------------------------------------------------------------------------------------------------------

SRC := $(sort $(wildcard server/*.c slab/*.c slab/base/*.c defrag/*.c protocol/*.c))
LIBSRC := $(filter-out server/main.c,$(SRC))
UNIT := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
INTEGRATION := $(sort $(wildcard tests/integration/test_*.c))
HARNESS := $(filter-out $(INTEGRATION),$(wildcard tests/integration/*.c))
STRESS := $(sort $(wildcard tests/stress/*.c))
# Scripts look at what is installed and at other people's programs: once, with the server that people get.
SCRIPTS := $(if $(filter release,$(FLAVOUR)),$(sort $(wildcard tests/install/test_*.py tests/clients/test_*.py)))
FUZZ := $(sort $(wildcard tests/fuzz/fuzz_*.c))

objects = $(patsubst %.c,$(B)/%.o,$(1))
programs = $(patsubst %.c,$(B)/%,$(1))
SERVER = $(B)/flagstone-server
LIB = $(B)/libflagstone.a

.PHONY: all server run test bench lint check check-asan check-tsan check-move stress fuzz install uninstall dist clean
.PHONY: soak test-programs run-tests differential run-stress stress-programs fuzz-programs run-fuzz deps FORCE
.SECONDARY:
.DELETE_ON_ERROR:

ifeq ($(FLAVOUR),release)
all: flagstone-server
else
all: server
endif

server: $(SERVER)

flagstone-server: $(SERVER)
	$(Q)cp -f $< $@

# The compiler and its options: when they change, everything is built again.
$(B)/command: FORCE
	@mkdir -p $(@D)
	@echo '$(COMPILE) $(LINK)' | cmp -s - $@ || echo '$(COMPILE) $(LINK)' > $@

$(B)/%.o: %.c $(B)/command
	@mkdir -p $(@D)
	$(call say,CC $(FLAVOUR) $<)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(LIB): $(call objects,$(LIBSRC))
	@rm -f $@
	$(call say,AR $@)
	$(Q)ar rcs $@ $^

$(SERVER): $(call objects,server/main.c) $(LIB)
	$(call say,LINK $@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(LIB)
	$(call say,LINK $@)
	$(Q)$(LINK) -o $@ $^ -lcmocka $(LIBS)

$(B)/tests/integration/%: $(B)/tests/integration/%.o $(call objects,$(HARNESS))
	$(call say,LINK $@)
	$(Q)$(LINK) -o $@ $^ -lhiredis -lcmocka -levent_core -lpthread

$(B)/stress: $(call objects,$(STRESS) $(HARNESS))
	$(call say,LINK $@)
	$(Q)$(LINK) -o $@ $^ -lhiredis -lcmocka -lpthread

$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(LIB)
	$(call say,LINK $@)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBS)

include tests/bench/bench.mk
-include $(patsubst %.c,$(B)/%.d,$(SRC) $(UNIT) $(INTEGRATION) $(HARNESS) $(STRESS) $(FUZZ))

# ---- run and test --------------------------------------------------------------------------------------------------

deps:
	tests/tools/deps.sh run

run:
	tests/tools/deps.sh run
	+$(SUBMAKE) flagstone-server
	tests/tools/serve.sh $(PORT) $(ARGS)

test:
	tests/tools/deps.sh test
	+$(SUBMAKE) server test-programs
	+$(MAKE) --no-print-directory run-tests differential

test-programs: $(call programs,$(UNIT) $(INTEGRATION))

run-tests: server test-programs
	tests/tools/run_tests.py --flavour $(FLAVOUR) --server $(SERVER) $(call programs,$(UNIT) $(INTEGRATION)) \
	    $(SCRIPTS)

differential: server
	tests/tools/judge.sh
	tests/differential/differential.py --flavour $(FLAVOUR) --server $(SERVER) --judge build/judge/redis-server \
	    --seconds $(DIFF_SECONDS) $(if $(SEED),--seed $(SEED))

stress-programs: $(B)/stress

run-stress: server stress-programs
	tests/tools/run_tests.py --flavour $(FLAVOUR) --server $(SERVER) --results stress \
	    -- $(B)/stress --seconds $(STRESS_SECONDS) $(if $(SEED),--seed $(SEED))

stress:
	tests/tools/deps.sh test
	+$(SUBMAKE) server stress-programs
	+$(MAKE) --no-print-directory run-stress

# A day in the life of a cache, in SOAK_SECONDS: an hour, or two minutes in .ci/run.
soak:
	tests/tools/deps.sh test
	+$(SUBMAKE) server
	tests/stress/soak.py --server $(SERVER) --seconds $(SOAK_SECONDS) --out $(B)/soak $(if $(SEED),--seed $(SEED))

bench:
	tests/tools/deps.sh bench
	+$(SUBMAKE) flagstone-server
	tests/bench/run.sh

lint:
	tests/tools/deps.sh lint
	tests/lint/lint.sh

# The whole suite and the stress test in one flavour.
define check_flavour
	+$(SUBMAKE) FLAVOUR=$(1) server test-programs stress-programs
	+$(MAKE) --no-print-directory FLAVOUR=$(1) run-tests differential run-stress
endef

check-asan:
	tests/tools/deps.sh test
	$(call check_flavour,asan)

check-tsan:
	tests/tools/deps.sh test
	$(call check_flavour,tsan)

check-move:
	tests/tools/deps.sh test
	$(call check_flavour,move-asan)
	$(call check_flavour,move-tsan)

check: test lint check-asan check-tsan check-move fuzz

fuzz:
	tests/tools/deps.sh fuzz
	+$(SUBMAKE) FLAVOUR=fuzz fuzz-programs
	+$(MAKE) --no-print-directory FLAVOUR=fuzz run-fuzz

fuzz-programs: $(call programs,$(FUZZ))

run-fuzz: fuzz-programs
	tests/tools/fuzz.sh $(FUZZ_SECONDS) $(call programs,$(FUZZ))

# ---- install -------------------------------------------------------------------------------------------------------

# conf/install.sh says what goes where. An edited configuration is neither replaced nor removed.
install: flagstone-server
uninstall:
install uninstall:
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' conf/install.sh $@

VERSION = $(shell sed -n 's/.*FLAGSTONE_VERSION "\([^"]*\)".*/\1/p' server/*.h | head -n 1)

dist:
	git archive --format=tar.gz --prefix=flagstone-$(VERSION)/ -o flagstone-$(VERSION).tar.gz HEAD

clean:
	rm -rf build flagstone-server flagstone-*.tar.gz
