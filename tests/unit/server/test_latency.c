/* The latency monitor: which samples are kept, and what the chart and the findings make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/latency.h"
#include "server/latency_report.h"
#include "server/options.h"
#include "server/server.h"

static int set_up(void **state)
{
    *state = latency_new();
    return *state == NULL;
}

static int tear_down(void **state)
{
    latency_free(*state);
    return 0;
}

static bool find(struct latency *l, const char *name, struct latency_series *s)
{
    return latency_find(l, name, strlen(name), s);
}

static void one_sample_a_second_the_longest(void **state)
{
    struct latency *l = *state;
    struct latency_series s;
    latency_add(l, "command", 100, 5);
    latency_add(l, "command", 100, 9);
    latency_add(l, "command", 100, 7);
    latency_add(l, "command", 101, 3);
    assert_true(find(l, "command", &s));
    assert_int_equal(s.n, 2);
    assert_int_equal(s.sample[0].unix_s, 100);
    assert_int_equal(s.sample[0].ms, 9);
    assert_int_equal(s.sample[1].ms, 3);
    assert_int_equal(s.max_ms, 9);
    assert_false(find(l, "comman", &s));
    assert_false(find(l, "command2", &s));
    assert_false(find(l, "", &s));
}

static void the_last_160_are_kept(void **state)
{
    struct latency *l = *state;
    struct latency_series s;
    latency_add(l, "x", 1, 1000);
    for (int64_t i = 2; i <= 300; i++)
        latency_add(l, "x", i, (uint64_t)i);
    assert_true(find(l, "x", &s));
    assert_int_equal(s.n, LATENCY_SAMPLES);
    assert_int_equal(s.sample[0].unix_s, 300 - LATENCY_SAMPLES + 1);
    assert_int_equal(s.sample[LATENCY_SAMPLES - 1].unix_s, 300);
    assert_int_equal(s.max_ms, 1000);
}

static void series_are_sorted_and_bounded(void **state)
{
    struct latency *l = *state;
    struct latency_series s;
    char name[40];
    for (int i = LATENCY_EVENTS_MAX + 5; i-- > 0;) {
        snprintf(name, sizeof name, "event-%02d", i);
        latency_add(l, name, 1, 1);
    }
    latency_add(l, "a-name-that-is-longer-than-any-series-may-have", 1, 1);
    char last[LATENCY_NAME_MAX] = "";
    unsigned n = 0;
    for (; latency_at(l, n, &s); n++) {
        assert_true(strcmp(last, s.name) < 0);
        memcpy(last, s.name, sizeof last);
    }
    assert_int_equal(n, LATENCY_EVENTS_MAX);
    assert_true(latency_reset(l, last, strlen(last)));
    assert_false(latency_reset(l, last, strlen(last)));
    assert_int_equal(latency_reset_all(l), n - 1);
    assert_int_equal(latency_reset_all(l), 0);
    assert_false(latency_at(l, 0, &s));
}

static void events_are_kept_from_the_threshold_on(void **state)
{
    struct latency_series s;
    struct options *opt = calloc(1, sizeof *opt);
    struct server *srv = aligned_alloc(_Alignof(struct server), sizeof *srv);
    assert_non_null(opt);
    assert_non_null(srv);
    memset(srv, 0, sizeof *srv);
    srv->opt = opt;
    srv->latency = *state;
    latency_event(srv, "command", 1000000); /* 0: the monitor is off */
    assert_false(find(srv->latency, "command", &s));
    atomic_store(&opt->latency_monitor_threshold, 10);
    latency_event(srv, "command", 9);
    assert_false(find(srv->latency, "command", &s));
    latency_event(srv, "command", 10);
    assert_true(find(srv->latency, "command", &s));
    assert_int_equal(s.sample[0].ms, 10);
    free(srv);
    free(opt);
}

/* Samples, and the chart that redis-server 7.0 drew of them. */
static void the_chart_is_the_one_redis_draws(void **state)
{
    struct latency *l = *state;
    static const struct {
        int64_t at;
        uint64_t ms;
    } samples[] = {{34, 100}, {35, 20},  {36, 150}, {37, 20}, {38, 300}, {39, 150}, {41, 300},
                   {42, 150}, {43, 150}, {44, 100}, {45, 4},  {46, 300}, {48, 50}};
    static const char want[] = "command - high 300 ms, low 4 ms (all time high 300 ms)\n"
                               "--------------------------------------------------------------------------------\n"
                               "    # #    # \n"
                               "    | |    | \n"
                               "_ # |#|##_ | \n"
                               "|_|_||||||_|o\n"
                               "             \n"
                               "1111118765431\n"
                               "543210sssssss\n"
                               "ssssss       \n";
    struct latency_series s;
    struct text t = {0};
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        latency_add(l, "command", samples[i].at, samples[i].ms);
    assert_true(find(l, "command", &s));
    latency_graph(&t, &s, 49);
    assert_string_equal(t.p, want);
    text_free(&t);
}

static void long_series_take_more_charts(void **state)
{
    struct latency *l = *state;
    struct latency_series s;
    struct text t = {0};
    for (int64_t i = 0; i < 100; i++)
        latency_add(l, "x", 1 + i * 3600, 7);
    assert_true(find(l, "x", &s));
    latency_graph(&t, &s, 1 + 99 * 3600);
    assert_non_null(strstr(t.p, "\n\n")); /* between the two */
    assert_non_null(strstr(t.p, "high 7 ms, low 7 ms"));
    assert_null(strchr(t.p, '#'));
    assert_non_null(strstr(t.p, "\n4444333333333333333333333333222222222222222222222222111111111111111111111111222"));
    text_free(&t);
}

static void the_doctor_sums_up(void **state)
{
    struct latency *l = *state;
    struct latency_series s;
    struct latency_facts facts = {.slowlog_usec = 10000};
    struct text t = {0};
    latency_add(l, "command", 34, 100);
    latency_add(l, "command", 35, 20);
    latency_add(l, "command", 36, 150);
    latency_add(l, "command", 37, 20);
    assert_true(find(l, "command", &s));
    latency_describe(&t, 1, &s, 38, &facts);
    assert_string_equal(t.p, "1. command: 4 latency spikes (average 72ms, mean deviation 52ms, period 1.00 sec). "
                             "Worst all time event 150ms.\n");
    assert_true(facts.seen_command);
    latency_advise(&t, &facts);
    assert_non_null(strstr(t.p, "SLOWLOG GET"));
    assert_null(strstr(t.p, "huge pages"));
    text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_sample_a_second_the_longest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_160_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(series_are_sorted_and_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_are_kept_from_the_threshold_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_chart_is_the_one_redis_draws, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_series_take_more_charts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_doctor_sums_up, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
