/* Configuration: the file, the command line, standard input, CONFIG GET/SET/REWRITE, and what bad ones are told. */
#include "tests/integration/harness.h"

#include <unistd.h>

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static char *read_file(const char *path)
{
    char *text = calloc(1, 65536);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, 65535, f) > 0);
    fclose(f);
    return text;
}

/* CONFIG GET of one option. */
static void expect_option(redisContext *c, const char *name, const char *want)
{
    redisReply *r = ask(c, "CONFIG GET %s", name);
    assert_int_equal(r->elements, 2);
    assert_string_equal(r->element[1]->str, want);
    freeReplyObject(r);
}

static char dir[] = "/tmp/flagstone-conf-XXXXXX";
static char conf[64], included[64];

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(conf, sizeof(conf), "%s/flagstone.conf", dir);
    snprintf(included, sizeof(included), "%s/more.conf", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(conf);
    unlink(included);
    return rmdir(dir);
}

static void test_file_and_rewrite(void **state)
{
    struct test_server *s;
    redisContext *c;
    char text[512], *after;
    (void)state;
    write_file(included, "maxmemory-samples 7\n");
    snprintf(text, sizeof(text),
             "# a comment\n\nmaxmemory \"64mb\"\n  timeout   90\n"
             "include %s\n# the last word\nslowlog-max-len 5\n",
             included);
    write_file(conf, text);
    s = SERVER_START(conf, "--slowlog-max-len", "6");
    c = client_open(s);
    expect_option(c, "maxmemory", "67108864");
    expect_option(c, "timeout", "90");
    expect_option(c, "maxmemory-samples", "7");
    expect_option(c, "slowlog-max-len", "6");
    expect_status(c, "OK", "CONFIG SET timeout 91 maxmemory 128mb latency-monitor-threshold 15");
    expect_status(c, "OK", "CONFIG REWRITE");
    after = read_file(conf);
    assert_int_equal(strncmp(after, "# a comment\n\nmaxmemory 128mb\n", 29), 0);
    assert_non_null(strstr(after, "\ntimeout 91\n"));
    assert_non_null(strstr(after, "\n# the last word\n"));
    assert_non_null(strstr(after, "\nlatency-monitor-threshold 15\n"));
    assert_non_null(strstr(after, "include "));
    free(after);
    redisFree(c);
    server_stop(s);
    /* What was written starts a server again, with the same options. */
    s = SERVER_START(conf);
    c = client_open(s);
    expect_option(c, "timeout", "91");
    expect_option(c, "maxmemory", "134217728");
    expect_option(c, "latency-monitor-threshold", "15");
    redisFree(c);
    server_stop(s);
}

static void test_set_all_or_none(void **state)
{
    struct test_server *s = SERVER_START_PLAIN();
    redisContext *c = client_open(s);
    redisReply *r;
    (void)state;
    expect_status(c, "OK", "CONFIG SET timeout 10 maxmemory-samples 3");
    expect_error(c, "ERR CONFIG SET failed", "CONFIG SET timeout 20 maxmemory-samples 0");
    expect_option(c, "timeout", "10");
    expect_error(c, "ERR Unknown option", "CONFIG SET timeout 20 nosuch 1");
    expect_option(c, "timeout", "10");
    expect_error(c, "ERR CONFIG SET failed", "CONFIG SET databases 3");
    r = ask(c, "CONFIG GET timeout maxmemory-s* nosuch");
    assert_int_equal(r->elements, 4);
    freeReplyObject(r);
    expect_error(c, "ERR The server is running without a config file", "CONFIG REWRITE");
    redisFree(c);
    server_stop(s);
}

/* Unreadable, unwritable, hostile: the error names file, line and option, and the status is not 0. */
static void test_bad_files(void **state)
{
    static const char *const cases[][2] = {
        {"timeout 10\nnosuchoption 1\n", "nosuchoption"},
        {"\n\ntimeout abc\n", "timeout"},
        {"maxmemory 12parsecs\n", "maxmemory"},
        {"maxmemory-policy nosuch\n", "maxmemory-policy"},
        {"timeout \"10\n", "nbalanced quotes"},
        {"include /nonexistent/file.conf\n", "/nonexistent/file.conf"},
        {"save 900 1\n", "save"},
        {"appendonly yes\n", "appendonly"},
        {"port 99999\n", "port"},
        {"databases 0\n", "databases"},
        {"port 1 2 3\n", "port"},
        {"\x01\x02\xff\n", "1"},
    };
    char *output;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(conf, cases[i][0]);
        assert_int_not_equal(SERVER_RUN(NULL, &output, conf, "--port", "0"), 0);
        if (!strstr(output, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], output);
        free(output);
    }
    assert_true(SERVER_RUN(NULL, &output, "/nonexistent/flagstone.conf") > 0);
    assert_non_null(strstr(output, "/nonexistent/flagstone.conf"));
    free(output);
    assert_true(SERVER_RUN(NULL, &output, dir) > 0);
    free(output);
}

/* A file that includes itself ends with an error rather than never. */
static void test_include_loop(void **state)
{
    char text[128], *output;
    (void)state;
    snprintf(text, sizeof(text), "include %s\n", conf);
    write_file(conf, text);
    assert_true(SERVER_RUN(NULL, &output, conf) > 0);
    assert_non_null(strstr(output, "include"));
    free(output);
}

static void test_bad_arguments(void **state)
{
    static const char *const cases[][3] = {
        {"--nosuch", "1", "nosuch"},
        {"--timeout", "abc", "timeout"},
        {"--maxmemory", "-5", "maxmemory"},
        {"--loglevel", "loud", "loglevel"},
        {"--save", "60 1", "save"},
        {"--bind", "not-an-address.invalid", "not-an-address.invalid"},
        {"--unixsocket", "/nonexistent/dir/sock", "/nonexistent/dir/sock"},
        {"--logfile", "/nonexistent/dir/log", "/nonexistent/dir/log"},
    };
    char *output;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = SERVER_RUN(NULL, &output, "--port", strcmp(cases[i][0], "--bind") == 0 ? "65431" : "0",
                                cases[i][0], cases[i][1]);
        if (status <= 0 || !strstr(output, cases[i][2]))
            fail_msg("%s %s: status %d, %s", cases[i][0], cases[i][1], status, output);
        free(output);
    }
}

static void test_check_only(void **state)
{
    char *output;
    (void)state;
    write_file(conf, "timeout 5\n");
    assert_int_equal(SERVER_RUN(NULL, &output, conf, "--check-conf"), 0);
    free(output);
    write_file(conf, "timeout x\n");
    assert_true(SERVER_RUN(NULL, &output, conf, "--check-conf") > 0);
    free(output);
    assert_int_equal(SERVER_RUN("timeout 7\n", &output, "-", "--check-conf"), 0);
    free(output);
    assert_true(SERVER_RUN("timeout x\n", &output, "-", "--check-conf") > 0);
    assert_non_null(strstr(output, "timeout"));
    free(output);
    assert_int_equal(SERVER_RUN(NULL, &output, "--version"), 0);
    assert_non_null(strstr(output, "lagstone"));
    free(output);
    assert_int_equal(SERVER_RUN(NULL, &output, "--help"), 0);
    assert_non_null(strstr(output, "--port"));
    free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_and_rewrite), cmocka_unit_test(test_set_all_or_none),
        cmocka_unit_test(test_bad_files),        cmocka_unit_test(test_include_loop),
        cmocka_unit_test(test_bad_arguments),    cmocka_unit_test(test_check_only),
    };
    return cmocka_run_group_tests_name("configuration", tests, make_dir, remove_dir);
}
