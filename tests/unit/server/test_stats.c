/* Statistics: sums over workers, errors by kind, reset, rates, and that a reader may look while a worker counts. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/stats.h"

enum { WORKERS = 2, COMMANDS = 10 };

static _Atomic int64_t track = 1;

static int set_up(void **state)
{
    atomic_store(&track, 1);
    *state = stats_new(WORKERS, COMMANDS, &track);
    return *state == NULL;
}

static int tear_down(void **state)
{
    stats_free(*state);
    return 0;
}

static uint64_t total_of(struct stats *s, enum stats_counter c)
{
    uint64_t total[STATS_COUNTERS];
    stats_totals(s, total);
    return total[c];
}

static struct stats_command command_of(struct stats *s, uint16_t id)
{
    struct stats_command c;
    stats_command(s, id, &c);
    return c;
}

static uint64_t latencies_of(struct stats *s, uint16_t id)
{
    struct histogram h;
    memset(&h, 0, sizeof h);
    stats_command_latency(s, id, &h);
    uint64_t n = histogram_count(&h);
    histogram_clear(&h);
    return n;
}

static void workers_are_summed(void **state)
{
    struct stats *s = *state;
    stats_call(stats_worker(s, 0), 3, 1000, false);
    stats_call(stats_worker(s, 1), 3, 2000, true);
    stats_calls(stats_worker(s, 1), 4, 100, 50);
    stats_rejected(stats_worker(s, 0), 5);
    stats_add(stats_worker(s, 0), STATS_INPUT_BYTES, 10);
    stats_add(stats_worker(s, 1), STATS_INPUT_BYTES, 20);
    stats_add(stats_worker(s, WORKERS), STATS_CONNECTIONS, 1); /* the main thread's */
    struct stats_command c = command_of(s, 3);
    assert_int_equal(c.calls, 2);
    assert_int_equal(c.ns, 3000);
    assert_int_equal(c.failed, 1);
    assert_int_equal(c.rejected, 0);
    assert_int_equal(command_of(s, 4).calls, 100);
    assert_int_equal(command_of(s, 4).ns, 5000);
    assert_int_equal(command_of(s, 5).rejected, 1);
    assert_int_equal(latencies_of(s, 3), 2);
    assert_int_equal(latencies_of(s, 4), 100);
    assert_int_equal(latencies_of(s, 5), 0);
    assert_int_equal(total_of(s, STATS_COMMANDS), 102);
    assert_int_equal(total_of(s, STATS_INPUT_BYTES), 30);
    assert_int_equal(total_of(s, STATS_CONNECTIONS), 1);
}

static void tracking_can_be_off(void **state)
{
    struct stats *s = *state;
    atomic_store(&track, 0);
    stats_call(stats_worker(s, 0), 1, 1000, false);
    assert_int_equal(command_of(s, 1).calls, 1);
    assert_int_equal(latencies_of(s, 1), 0);
}

static void add_hits(void *arg, uint64_t total[STATS_COUNTERS])
{
    total[STATS_HITS] += *(uint64_t *)arg;
}

static void reset_begins_at_zero(void **state)
{
    struct stats *s = *state;
    uint64_t hits = 7;
    struct stats_error_kind kinds[STATS_ERROR_KINDS + 1];
    stats_set_source(s, add_hits, &hits);
    stats_call(stats_worker(s, 0), 3, 1000, true);
    stats_error(stats_worker(s, 0), "ERR");
    assert_int_equal(total_of(s, STATS_HITS), 7);
    for (int round = 0; round < 3; round++) {
        assert_true(stats_reset(s));
        assert_int_equal(command_of(s, 3).calls, 0);
        assert_int_equal(command_of(s, 3).ns, 0);
        assert_int_equal(command_of(s, 3).failed, 0);
        assert_int_equal(latencies_of(s, 3), 0);
        assert_int_equal(total_of(s, STATS_COMMANDS), 0);
        assert_int_equal(total_of(s, STATS_HITS), 0);
        assert_int_equal(stats_errors(s, kinds), 0);
        stats_call(stats_worker(s, 1), 3, 500, false);
        stats_error(stats_worker(s, 1), "ERR");
        hits += 2;
        assert_int_equal(command_of(s, 3).calls, 1);
        assert_int_equal(command_of(s, 3).ns, 500);
        assert_int_equal(latencies_of(s, 3), 1);
        assert_int_equal(total_of(s, STATS_HITS), 2);
        assert_int_equal(stats_errors(s, kinds), 1);
        assert_int_equal(kinds[0].count, 1);
    }
}

static void errors_are_kept_by_kind_and_sorted(void **state)
{
    struct stats *s = *state;
    struct stats_error_kind kinds[STATS_ERROR_KINDS + 1];
    stats_error(stats_worker(s, 0), "WRONGTYPE");
    stats_error(stats_worker(s, 1), "ERR");
    stats_error(stats_worker(s, 0), "ERR");
    stats_error(stats_worker(s, 0), "A-CODE-THAT-IS-FAR-LONGER-THAN-ANY-THAT-EXISTS-TODAY");
    assert_int_equal(stats_errors(s, kinds), 3);
    assert_string_equal(kinds[1].name, "ERR");
    assert_int_equal(kinds[1].count, 2);
    assert_string_equal(kinds[2].name, "WRONGTYPE");
    assert_int_equal(kinds[2].count, 1);
    assert_int_equal(strlen(kinds[0].name), STATS_ERROR_NAME - 1);
    assert_int_equal(total_of(s, STATS_ERRORS), 4);
}

static void kinds_of_errors_are_bounded(void **state)
{
    struct stats *s = *state;
    struct stats_error_kind kinds[STATS_ERROR_KINDS + 1];
    char name[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "E%04d", i);
        stats_error(stats_worker(s, i % WORKERS), name);
    }
    unsigned n = stats_errors(s, kinds);
    assert_true(n <= STATS_ERROR_KINDS + 1);
    for (unsigned i = 1; i < n; i++)
        assert_true(strcmp(kinds[i - 1].name, kinds[i].name) < 0);
    assert_int_equal(total_of(s, STATS_ERRORS), 1000);
}

static void rates_are_of_the_last_samples(void **state)
{
    struct stats *s = *state;
    const uint64_t tenth = 100000000;
    assert_true(stats_rate(s, STATS_RATE_COMMANDS) == 0);
    for (uint64_t i = 0; i < 40; i++) {
        stats_sample(s, i * tenth);
        assert_true(i == 0 ||
                    (stats_rate(s, STATS_RATE_COMMANDS) > 99.9 && stats_rate(s, STATS_RATE_COMMANDS) < 100.1));
        stats_calls(stats_worker(s, 0), 1, 10, 100);
    }
    for (uint64_t i = 40; i < 60; i++)
        stats_sample(s, i * tenth);
    assert_true(stats_rate(s, STATS_RATE_COMMANDS) == 0);
}

/* One thread counts while another reads and resets; the reader never sees more than there is. */
enum { CALLS = 200000 };

static void *count_calls(void *arg)
{
    struct stats_worker *w = arg;
    for (uint64_t i = 0; i < CALLS; i++) {
        stats_call(w, (uint16_t)(i % COMMANDS), i, false);
        if (i % 1000 == 0)
            stats_error(w, i % 2000 == 0 ? "ERR" : "WRONGTYPE");
    }
    return NULL;
}

static void readers_may_look_while_a_worker_counts(void **state)
{
    struct stats *s = *state;
    struct stats_error_kind kinds[STATS_ERROR_KINDS + 1];
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, count_calls, stats_worker(s, 0)), 0);
    for (int i = 0; i < 200; i++) {
        assert_true(total_of(s, STATS_COMMANDS) <= CALLS);
        assert_true(latencies_of(s, 1) <= CALLS / COMMANDS);
        assert_true(stats_errors(s, kinds) <= 2);
        if (i % 50 == 49)
            assert_true(stats_reset(s));
    }
    pthread_join(thread, NULL);
    assert_true(stats_reset(s));
    assert_int_equal(total_of(s, STATS_COMMANDS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(workers_are_summed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tracking_can_be_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reset_begins_at_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_are_kept_by_kind_and_sorted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kinds_of_errors_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rates_are_of_the_last_samples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_may_look_while_a_worker_counts, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
