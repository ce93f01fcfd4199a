/* COMMAND: its replies byte by byte, in both protocols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/command.h"

/* Runs one command line and returns all that it replied, terminated, to be freed. */
static char *run(int resp, const char *line)
{
    char words[256];
    struct arg argv[32];
    int argc = 0;
    assert_true(strlen(line) < sizeof(words));
    strcpy(words, line);
    char *rest;
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = (struct arg){.p = word, .len = strlen(word)};

    struct reply out;
    reply_init(&out);
    out.resp = (uint8_t)resp;
    const struct command *cmd = command_find(argv, argc);
    assert_non_null(cmd);
    struct cmd_ctx c = {.out = &out, .cmd = cmd, .argv = argv, .argc = argc};
    assert_int_equal(cmd->handler(&c), CMD_DONE);

    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    struct iovec iov[8];
    for (int n; (n = reply_iov(&out, iov, 8)) > 0;) {
        size_t sum = 0;
        for (int i = 0; i < n; i++) {
            fwrite(iov[i].iov_base, 1, iov[i].iov_len, to);
            sum += iov[i].iov_len;
        }
        reply_sent(&out, sum);
    }
    fclose(to);
    reply_free(&out);
    return text;
}

static void expect(int resp, const char *line, const char *expected)
{
    char *text = run(resp, line);
    assert_string_equal(text, expected);
    free(text);
}

static void test_info(void **state)
{
    (void)state;
    expect(2, "COMMAND INFO get",
           "*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*3\r\n+@read\r\n+@string\r\n"
           "+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\n"
           "type\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n"
           "$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n"
           "*0\r\n");
    expect(3, "COMMAND INFO TIME nosuch",
           "*2\r\n*10\r\n$4\r\ntime\r\n:1\r\n~3\r\n+loading\r\n+stale\r\n+fast\r\n:0\r\n:0\r\n:0\r\n~1\r\n+@fast\r\n"
           "~1\r\n$23\r\nnondeterministic_output\r\n~0\r\n~0\r\n_\r\n");
    expect(2, "command info nosuch config|nosuch get|x", "*3\r\n$-1\r\n$-1\r\n$-1\r\n");
}

static void test_docs(void **state)
{
    (void)state;
    expect(2, "command docs nosuch", "*0\r\n");
    expect(3, "command docs nosuch", "%0\r\n");
    expect(
        3, "command docs nosuch auth",
        "%1\r\n$4\r\nauth\r\n%6\r\n$7\r\nsummary\r\n$26\r\nAuthenticate to the server\r\n$5\r\nsince\r\n$5\r\n1.0.0"
        "\r\n$5\r\ngroup\r\n$10\r\nconnection\r\n$10\r\ncomplexity\r\n$60\r\nO(N) where N is the number of passwords "
        "defined for the user\r\n$7\r\nhistory\r\n~1\r\n*2\r\n$5\r\n6.0.0\r\n$40\r\nAdded ACL style (username and "
        "password).\r\n$9\r\narguments\r\n*2\r\n%4\r\n$4\r\nname\r\n$8\r\nusername\r\n$4\r\ntype\r\n$6\r\nstring\r\n"
        "$5\r\nsince\r\n$5\r\n6.0.0\r\n$5\r\nflags\r\n~1\r\n+optional\r\n%2\r\n$4\r\nname\r\n$8\r\npassword\r\n$4\r\n"
        "type\r\n$6\r\nstring\r\n");
}

static void test_whole_table(void **state)
{
    (void)state;
    int n;
    char expected[32];
    (void)command_table(&n);
    snprintf(expected, sizeof(expected), ":%d\r\n", n);
    expect(2, "command count", expected);
    static const char *const lines[] = {"command", "command info", "command docs"};
    for (int i = 0; i < 3; i++) {
        char *text = run(3, lines[i]);
        snprintf(expected, sizeof(expected), "%c%d\r\n", i == 2 ? '%' : '*', n);
        assert_memory_equal(text, expected, strlen(expected));
        free(text);
    }
}

static void test_list(void **state)
{
    (void)state;
    char *text = run(2, "command list");
    assert_int_equal(strtol(text + 1, NULL, 10), command_count());
    free(text);
    expect(3, "command list filterby module x", "*0\r\n");
    expect(2, "command LIST FilterBy AclCat nosuch", "*0\r\n");
    expect(2, "command list filterby aclcat GEO", "*0\r\n");
    expect(2, "command list filterby pattern SETN*", "*1\r\n$5\r\nsetnx\r\n");
    expect(2, "command list filterby pattern config|g*", "*1\r\n$10\r\nconfig|get\r\n");
    expect(2, "command list filterby aclcat bitmap",
           "*7\r\n$6\r\nsetbit\r\n$6\r\ngetbit\r\n$8\r\nbitcount\r\n$6\r\nbitpos\r\n$5\r\nbitop\r\n$8\r\nbitfield\r\n"
           "$11\r\nbitfield_ro\r\n");
    expect(2, "command list x", "-ERR syntax error\r\n");
    expect(2, "command list filterby aclcat", "-ERR syntax error\r\n");
    expect(2, "command list filterby foo x", "-ERR syntax error\r\n");
    expect(2, "command list filterby aclcat read x", "-ERR syntax error\r\n");
}

static void test_getkeys(void **state)
{
    (void)state;
    expect(2, "command getkeys get k", "*1\r\n$1\r\nk\r\n");
    expect(2, "command getkeys mset a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    expect(2, "command getkeys object encoding k", "*1\r\n$1\r\nk\r\n");
    expect(2, "command getkeys nosuch a", "-ERR Invalid command specified\r\n");
    expect(2, "command getkeys object nosuch k", "-ERR Invalid command specified\r\n");
    expect(2, "command getkeys ping a", "-ERR The command has no key arguments\r\n");
    expect(2, "command getkeys config a", "-ERR Invalid command specified\r\n");
    expect(2, "command getkeys get a b", "-ERR Invalid number of arguments specified for command\r\n");
    expect(2, "command getkeys bitop and d", "-ERR Invalid number of arguments specified for command\r\n");
}

static void test_getkeys_of_many_keys(void **state)
{
    (void)state;
    enum { KEYS = 1000 };
    struct arg argv[KEYS + 3] = {{"command", 7, NULL}, {"getkeys", 7, NULL}, {"del", 3, NULL}};
    for (int i = 0; i < KEYS; i++)
        argv[3 + i] = (struct arg){"k", 1, NULL};
    struct reply out;
    reply_init(&out);
    struct cmd_ctx c = {.out = &out, .argv = argv, .argc = KEYS + 3};
    assert_int_equal(command_find(argv, KEYS + 3)->handler(&c), CMD_DONE);
    assert_int_equal(reply_pending(&out), strlen("*1000\r\n") + KEYS * strlen("$1\r\nk\r\n"));
    reply_free(&out);
}

static void test_flags_of_keys_go_by_the_options(void **state)
{
    (void)state;
    static const char rw[] = "*1\r\n*2\r\n$1\r\nk\r\n*3\r\n+RW\r\n+access\r\n+update\r\n";
    static const char ow[] = "*1\r\n*2\r\n$1\r\nk\r\n*2\r\n+OW\r\n+update\r\n";
    static const char ro[] = "*1\r\n*2\r\n$1\r\nk\r\n*2\r\n+RO\r\n+access\r\n";
    expect(2, "command getkeysandflags set k v", ow);
    expect(2, "command getkeysandflags set k get", ow);
    expect(2, "command getkeysandflags set k v nx GET", rw);
    expect(2, "command getkeysandflags bitfield k", ro);
    expect(2, "command getkeysandflags bitfield k get u8 0 overflow sat get u8 8", ro);
    expect(2, "command getkeysandflags bitfield k get u8 0 set u8 0 1", rw);
    expect(2, "command getkeysandflags bitfield k get u8", rw);
    expect(2, "command getkeysandflags bitfield_ro k get u8 0", ro);
    expect(2, "command getkeysandflags getex k", rw);
    expect(3, "command getkeysandflags copy a b",
           "*2\r\n*2\r\n$1\r\na\r\n~2\r\n+RO\r\n+access\r\n*2\r\n$1\r\nb\r\n~2\r\n+OW\r\n+update\r\n");
}

static void test_help(void **state)
{
    (void)state;
    char *text = run(2, "command help");
    static const char begin[] = "*21\r\n+COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n";
    assert_memory_equal(text, begin, strlen(begin));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),    cmocka_unit_test(test_docs),
        cmocka_unit_test(test_list),    cmocka_unit_test(test_whole_table),
        cmocka_unit_test(test_getkeys), cmocka_unit_test(test_getkeys_of_many_keys),
        cmocka_unit_test(test_help),    cmocka_unit_test(test_flags_of_keys_go_by_the_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
