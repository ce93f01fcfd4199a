/* Options: the table, parsing and display of every type, and changes of several as one. What options call when they
 * change is replaced by functions that count and, when told to, fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/conf_file.h"
#include "server/options_apply.h"
#include "server/options_private.h"
#include "server/server.h"
#include "slab/base/log.h"

static struct {
    int rebinds, memory, maxclients;
    bool fail_rebind, fail_maxclients, fail_password;
    char password[32];
    int64_t port_seen;
} calls;

int listener_rebind(struct server *srv, char *err, size_t size)
{
    calls.rebinds++;
    calls.port_seen = OPT(srv->opt, port);
    snprintf(err, size, "no such port");
    return calls.fail_rebind && calls.port_seen != 6379 ? -1 : 0;
}

void memory_limit_changed(struct server *srv)
{
    (void)srv;
    calls.memory++;
}

bool maxclients_changed(struct server *srv, char *err, size_t size)
{
    (void)srv;
    calls.maxclients++;
    snprintf(err, size, "too many");
    return !calls.fail_maxclients;
}

static int set_up(void **state)
{
    memset(&calls, 0, sizeof calls);
    *state = options_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    options_free(*state);
    return 0;
}

static const struct option *named(const char *name)
{
    const struct option *d = options_find(name, strlen(name));
    assert_non_null(d);
    return d;
}

static void assert_value(struct options *o, const char *name, const char *expected)
{
    char *value = option_value(o, named(name));
    assert_string_equal(value, expected);
    free(value);
}

/* CONFIG SET of one; NULL: taken, else the error. */
static const char *change(struct options *o, const char *name, const char *value)
{
    static char err[OPTIONS_ERROR_CHARS];
    struct server srv = {.opt = o};
    const struct option *d = named(name);
    char *values[] = {(char *)(uintptr_t)value};
    int failed = -1;
    return options_change(&srv, o, &d, values, 1, &failed, err) ? NULL : err;
}

static void test_defaults(void **state)
{
    static const struct {
        const char *name, *value;
    } expected[] = {
        {"bind", "127.0.0.1 -::1"},
        {"port", "6379"},
        {"databases", "16"},
        {"maxmemory", "0"},
        {"maxmemory-policy", "allkeys-s3fifo"},
        {"maxmemory-samples", "5"},
        {"active-defrag-ignore-bytes", "524288"},
        {"activedefrag", "yes"},
        {"slab-growth-factor", "1.03"},
        {"unixsocketperm", "0"},
        {"proto-max-bulk-len", "536870912"},
        {"client-output-buffer-limit", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
        {"oom-score-adj-values", "0 200 800"},
        {"latency-tracking-info-percentiles", "50 99 99.9"},
        {"save", ""},
        {"appendonly", "no"},
        {"enable-debug-command", "no"},
    };
    struct options *o = *state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_value(o, expected[i].name, expected[i].value);
    assert_int_equal(OPT(o, port), 6379);
    assert_int_equal(OPT(o, loglevel), LOG_NOTICE);
    assert_int_equal(OPT(o, output_limit[CLASS_PUBSUB].soft_bytes), 8 << 20);
}

static void test_table_is_sound(void **state)
{
    struct options *o = *state;
    for (int i = 0; i < options_count(); i++) {
        const struct option *d = options_at(i);
        assert_ptr_equal(named(d->name), d); /* no name twice */
        assert_true(d->help && d->help[strlen(d->help) - 1] == '.');
        char *value = option_value(o, d);
        assert_non_null(value);
        if (d->flags & OPTION_MUTABLE) /* what is shown can be set again */
            assert_null(change(o, d->name, value));
        free(value);
    }
    assert_int_equal(calls.rebinds + calls.memory + calls.maxclients, 0); /* nothing had changed */
    assert_null(options_find("por", 3));
    assert_null(options_find("portx", 5));
    assert_ptr_equal(options_find("PORTx", 4), named("port"));
    assert_string_equal(options_choice("maxmemory-policy", POLICY_NOEVICTION), "noeviction");
}

struct value_case {
    const char *name, *value;
    const char *shown; /* NULL: refused */
    const char *error;
};

static const struct value_case value_cases[] = {
    {"port", "65535", "65535", NULL},
    {"port", "65536", NULL, "argument must be between 0 and 65535 inclusive"},
    {"port", "-1", NULL, "argument must be between 0 and 65535 inclusive"},
    {"port", "", NULL, "argument couldn't be parsed into an integer"},
    {"port", "07", NULL, "argument couldn't be parsed into an integer"},
    {"port", " 7", NULL, "argument couldn't be parsed into an integer"},
    {"port", "99999999999999999999", NULL, "argument couldn't be parsed into an integer"},
    {"hz", "0", "1", NULL},
    {"hz", "1000", "500", NULL},
    {"hz", "-1", NULL, "argument must be between 0 and 2147483647 inclusive"},
    {"slowlog-log-slower-than", "-1", "-1", NULL},
    {"slowlog-max-len", "9223372036854775807", "9223372036854775807", NULL},
    {"maxmemory", "1k", "1000", NULL},
    {"maxmemory", "1KB", "1024", NULL},
    {"maxmemory", "3g", "3000000000", NULL},
    {"maxmemory", "2Gb", "2147483648", NULL},
    {"maxmemory", "7b", "7", NULL},
    {"maxmemory", "1tb", NULL, "argument must be a memory value"},
    {"maxmemory", "1.5gb", NULL, "argument must be a memory value"},
    {"maxmemory", "-1", NULL, "argument must be a memory value"},
    {"maxmemory", "", "0", NULL},
    {"maxmemory-clients", "", "0", NULL},
    {"client-query-buffer-limit", "", NULL, "argument must be between 1048576 and 9223372036854775807 inclusive"},
    {"maxmemory", "gb", NULL, "argument must be a memory value"},
    {"maxmemory", "9223372036854775807", "9223372036854775807", NULL},
    {"maxmemory", "9223372036854775808", NULL, "argument must be between 0 and 9223372036854775807 inclusive"},
    {"maxmemory", "9999999999gb", NULL, "argument must be between 0 and 9223372036854775807 inclusive"},
    {"maxmemory", "101%", NULL, "percentage argument must be less or equal to 100"},
    {"maxmemory", "0%", "0", NULL},
    {"maxmemory-clients", "5%", "5%", NULL},
    {"maxmemory-clients", "0%", "0", NULL},
    {"maxmemory-clients", "5kb", "5120", NULL},
    {"maxmemory-clients", "-5%", NULL, "argument must be a memory or percent value"},
    {"maxmemory-clients", "101%", NULL, "percentage argument must be less or equal to 100"},
    {"client-query-buffer-limit", "1", NULL, "argument must be between 1048576 and 9223372036854775807 inclusive"},
    {"maxmemory-policy", "AllKeys-LRU", "allkeys-lru", NULL},
    {"maxmemory-policy", "lru", NULL,
     "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, "
     "allkeys-lru, allkeys-lfu, allkeys-random, noeviction, allkeys-s3fifo"},
    {"activedefrag", "NO", "no", NULL},
    {"activedefrag", "1", NULL, "argument must be 'yes' or 'no'"},
    {"bind", "* -::*", "* -::*", NULL},
    {"bind", "", "", NULL},
    {"bind", "'::1'", NULL, "Failed to bind to specified addresses."},
    {"bind", "a  b", NULL, "Failed to bind to specified addresses."},
    {"bind", "a b c d e f g h i j k l m n o p q", NULL, "Too many bind addresses specified."},
    {"client-output-buffer-limit", "normal 1mb 2kb 3",
     "normal 1048576 2048 3 slave 268435456 67108864 60 "
     "pubsub 33554432 8388608 60",
     NULL},
    {"client-output-buffer-limit", "PubSub 0 0 0 slave 1 2 3", "normal 0 0 0 slave 1 2 3 pubsub 0 0 0", NULL},
    {"client-output-buffer-limit", "normal 1 2", NULL, "Wrong number of arguments in buffer limit configuration."},
    {"client-output-buffer-limit", "foo 1 2 3", NULL, "Invalid client class specified in buffer limit configuration."},
    {"client-output-buffer-limit", "normal 1 1 1 normal 1 2 -3", NULL,
     "Error in hard, soft or soft_seconds setting in buffer limit configuration."},
    {"oom-score-adj-values", "1 2", NULL, "wrong number of arguments"},
    {"oom-score-adj-values", "1 2 3000", NULL,
     "Invalid oom-score-adj-values, elements must be between -2000 and 2000."},
    {"oom-score-adj-values", "-5 2 3", "-5 2 3", NULL},
    {"latency-tracking-info-percentiles", "50.0 99.99999999 0.1", "50 100 0.1", NULL},
    {"latency-tracking-info-percentiles", "", "", NULL},
    {"latency-tracking-info-percentiles", "101", NULL,
     "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"},
    {"latency-tracking-info-percentiles", "50  99", NULL, "Invalid latency-tracking-info-percentiles parameters"},
    {"latency-tracking-info-percentiles", "nan", NULL, "Invalid latency-tracking-info-percentiles parameters"},
    {"save", "", "", NULL},
    {"save", "60 1", NULL, "not supported: it must be \"\""},
    {"save", "60", NULL, "Invalid save parameters"},
    {"appendonly", "yes", NULL, "not supported: it must be no"},
    {"appendonly", "x", NULL, "argument must be 'yes' or 'no'"},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof value_cases / sizeof value_cases[0]; i++) {
        const struct value_case *k = &value_cases[i];
        struct options *o = options_new();
        char *before = option_value(o, named(k->name));
        const char *err = change(o, k->name, k->value);
        if (k->shown) {
            assert_null(err);
            assert_value(o, k->name, k->shown);
        } else {
            assert_non_null(err);
            assert_string_equal(err, k->error);
            assert_value(o, k->name, before);
        }
        free(before);
        options_free(o);
    }
}

static void test_start_only_values(void **state)
{
    static const struct value_case cases[] = {
        {"unixsocketperm", "700", "700", NULL},
        {"unixsocketperm", "888", NULL, "argument couldn't be parsed as an octal number"},
        {"unixsocketperm", "1000", NULL, "argument must be between 0 and 777 inclusive"},
        {"slab-growth-factor", "1.01", "1.01", NULL},
        {"slab-growth-factor", "2.0", "2", NULL},
        {"slab-growth-factor", "1.009", NULL, "argument must be between 1.01 and 2.00 inclusive"},
        {"slab-growth-factor", "nan", NULL, "argument couldn't be parsed into a number"},
        {"hash-seed", "00ffAA", "00ffAA", NULL},
        {"hash-seed", "0x1", NULL, "argument must be at most 32 hexadecimal digits"},
        {"databases", "0", NULL, "argument must be between 1 and 1000 inclusive"},
        {"dir", "/nonexistent/dir", NULL, "No such file or directory"},
        {"dir", "/dev/null", NULL, "Not a directory"},
        {"logfile", "a b", "a b", NULL},
    };
    struct options *o = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char err[OPTIONS_ERROR_CHARS] = "";
        char *word = (char *)(uintptr_t)cases[i].value;
        bool ok = option_set(o, named(cases[i].name), &word, 1, err);
        assert_int_equal(ok, cases[i].shown != NULL);
        if (ok)
            assert_value(o, cases[i].name, cases[i].shown);
        else
            assert_string_equal(err, cases[i].error);
        assert_int_equal(option_refusal(named(cases[i].name)) != NULL, 1);
    }
    assert_string_equal(option_refusal(named("dir")), "can't set protected config");
    assert_string_equal(option_refusal(named("databases")), "can't set immutable config");
}

static void test_change_is_all_or_nothing(void **state)
{
    struct options *o = *state;
    struct server srv = {.opt = o};
    char err[OPTIONS_ERROR_CHARS];
    int failed = -1;
    const struct option *d[] = {named("requirepass"), named("hz"), named("maxmemory"), named("port")};
    char *bad_value[] = {"secret", "20", "x", "7000"};
    assert_false(options_change(&srv, o, d, bad_value, 4, &failed, err));
    assert_int_equal(failed, 2);
    assert_int_equal(OPT(o, hz), 10);
    assert_string_equal(o->requirepass, "");
    assert_int_equal(calls.memory + calls.rebinds, 0);

    /* The last of them cannot be done: what was done is done again with the old values. */
    char *values[] = {"secret", "20", "1gb", "7000"};
    calls.fail_rebind = true;
    assert_false(options_change(&srv, o, d, values, 4, &failed, err));
    assert_int_equal(failed, 3);
    assert_string_equal(err, "no such port");
    assert_int_equal(calls.memory, 2);
    assert_int_equal(OPT(o, port), 6379);
    assert_int_equal(OPT(o, maxmemory), 0);
    assert_string_equal(o->requirepass, "");

    calls.fail_rebind = false;
    assert_true(options_change(&srv, o, d, values, 4, &failed, err));
    assert_int_equal(calls.port_seen, 7000);
    assert_int_equal(OPT(o, maxmemory), 1 << 30);
    assert_string_equal(o->requirepass, "secret");
}

static void test_shared_action_runs_once(void **state)
{
    struct options *o = *state;
    struct server srv = {.opt = o};
    char err[OPTIONS_ERROR_CHARS];
    int failed;
    const struct option *d[] = {named("port"), named("bind"), named("maxclients")};
    char *values[] = {"7000", "::1", "10000"};
    assert_true(options_change(&srv, o, d, values, 3, &failed, err));
    assert_int_equal(calls.rebinds, 1);
    assert_int_equal(calls.maxclients, 0); /* it was 10000 before */
}

static bool take_password(struct server *srv, const char *password)
{
    (void)srv;
    snprintf(calls.password, sizeof calls.password, "%s", password);
    return !calls.fail_password;
}

static const struct user_hooks hooks = {.set_password = take_password};

static void test_password(void **state)
{
    struct options *o = *state;
    o->user_hooks = &hooks;
    assert_null(change(o, "requirepass", "se cret"));
    assert_string_equal(calls.password, "se cret");
    assert_null(change(o, "requirepass", ""));
    assert_string_equal(calls.password, "");
    calls.fail_password = true;
    assert_non_null(change(o, "requirepass", "other"));
    assert_string_equal(o->requirepass, "");
}

static void test_texts(void **state)
{
    struct options *o = *state;
    char four[4];
    char addresses[OPTIONS_BIND_MAX][OPTIONS_ADDRESS_CHARS];
    double percentiles[OPTIONS_PERCENTILES_MAX];
    assert_int_equal(options_text(o, &o->bind, four, sizeof four), strlen("127.0.0.1 -::1"));
    assert_string_equal(four, "127");
    assert_int_equal(options_bind(o, addresses), 2);
    assert_string_equal(addresses[1], "-::1");
    assert_int_equal(options_percentiles(o, percentiles), 3);
    assert_true(percentiles[2] > 99.8 && percentiles[2] < 99.95);
    assert_null(change(o, "latency-tracking-info-percentiles", ""));
    assert_int_equal(options_percentiles(o, percentiles), 0);
    assert_null(change(o, "bind", ""));
    assert_int_equal(options_bind(o, addresses), 0);
}

static void test_per_cent(void **state)
{
    struct options *o = *state;
    assert_true(OPT(o, memory_available) > 0);
    assert_null(change(o, "maxmemory", "50%"));
    assert_int_equal(OPT(o, maxmemory), OPT(o, memory_available) / 100 * 50);
    assert_null(change(o, "maxmemory-clients", "10%"));
    assert_int_equal(options_maxmemory_clients(o), OPT(o, maxmemory) / 100 * 10);
    assert_null(change(o, "maxmemory", "100"));
    assert_int_equal(OPT(o, maxmemory_percent), 0);
    options_resolve(o);
    assert_int_equal(OPT(o, maxmemory), 100);
    assert_true(OPT(o, threads) > 0);
    assert_value(o, "threads", "0");
}

static char *read_text(const char *path, size_t *len)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    *len = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    return text;
}

/* conf/flagstone.conf is what the table prints, and says nothing but defaults. */
static void test_conf_file_is_generated(void **state)
{
    struct options *o = *state;
    char err[CONF_ERROR_CHARS] = "";
    char *printed = NULL;
    size_t printed_len, len;
    FILE *f = open_memstream(&printed, &printed_len);
    options_print_conf(f);
    fclose(f);
    char *text = read_text("conf/flagstone.conf", &len);
    assert_string_equal(text, printed);
    assert_true(conf_load_text(o, "printed", printed, printed_len, false, err));
    struct options *standard = options_new();
    for (int i = 0; i < options_count(); i++) {
        char *value = option_value(standard, options_at(i));
        assert_value(o, option_name(options_at(i)), value);
        assert_non_null(strstr(printed, option_name(options_at(i))));
        free(value);
    }
    options_free(standard);
    free(text);
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_table_is_sound, set_up, tear_down),
        cmocka_unit_test(test_values),
        cmocka_unit_test_setup_teardown(test_start_only_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_change_is_all_or_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shared_action_runs_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_password, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_per_cent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_conf_file_is_generated, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
