/* Configuration from files, the command line and standard input, what is said of bad ones, and writing a file back.
 * Files are in a directory of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/conf_file.h"
#include "server/conf_words.h"
#include "server/options_apply.h"
#include "server/options_private.h"

int listener_rebind(struct server *srv, char *err, size_t size)
{
    (void)srv, (void)err, (void)size;
    return 0;
}

void memory_limit_changed(struct server *srv)
{
    (void)srv;
}

bool maxclients_changed(struct server *srv, char *err, size_t size)
{
    (void)srv, (void)err, (void)size;
    return true;
}

struct fixture {
    char dir[64];
    struct options *o;
    char err[CONF_ERROR_CHARS];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/test_conf_file.XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->o = options_new();
    *state = f;
    return f->o ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    options_free(f->o);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    int result = system(command);
    free(f);
    return result;
}

static const char *path_of(const struct fixture *f, const char *name)
{
    static char path[4][PATH_MAX];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], PATH_MAX, "%s/%s", f->dir, name);
    return path[turn];
}

static const char *put_bytes(const struct fixture *f, const char *name, const char *text, size_t len)
{
    const char *path = path_of(f, name);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    assert_int_equal(fwrite(text, 1, len, to), len);
    assert_int_equal(fclose(to), 0);
    return path;
}

static const char *put(const struct fixture *f, const char *name, const char *text)
{
    return put_bytes(f, name, text, strlen(text));
}

static char *get(const char *path)
{
    char *text = calloc(1, 65536);
    FILE *from = fopen(path, "r");
    assert_non_null(from);
    assert_true(fread(text, 1, 65535, from) < 65535);
    fclose(from);
    return text;
}

static void assert_file(const char *path, const char *expected)
{
    char *text = get(path);
    assert_string_equal(text, expected);
    free(text);
}

static void set(struct fixture *f, const char *name, const char *value)
{
    char err[OPTIONS_ERROR_CHARS] = "";
    const struct option *d = options_find(name, strlen(name));
    char *word = (char *)(uintptr_t)value;
    assert_true(option_set(f->o, d, &word, 1, err));
}

static void assert_value(struct fixture *f, const char *name, const char *expected)
{
    char *value = option_value(f->o, options_find(name, strlen(name)));
    assert_string_equal(value, expected);
    free(value);
}

static void test_words(void **state)
{
    static const struct {
        const char *line;
        enum conf_words_status status;
        const char *words; /* joined by | */
    } cases[] = {
        {"", CONF_WORDS_OK, ""},
        {"  a\t b  ", CONF_WORDS_OK, "a|b"},
        {"a \"b c\" 'd e'", CONF_WORDS_OK, "a|b c|d e"},
        {"\"\" ''", CONF_WORDS_OK, "|"},
        {"\"\\n\\r\\t\\b\\a\\\"\\\\\\q\"", CONF_WORDS_OK, "\n\r\t\b\a\"\\q"},
        {"\"\\x41\\x4\"", CONF_WORDS_OK, "Ax4"},
        {"'\\n\\''", CONF_WORDS_OK, "\\n'"},
        {"ab\"c d\"", CONF_WORDS_OK, "abc d"},
        {"a\\b", CONF_WORDS_OK, "a\\b"},
        {"\"a", CONF_WORDS_UNBALANCED, ""},
        {"'a", CONF_WORDS_UNBALANCED, ""},
        {"\"a\"b", CONF_WORDS_UNBALANCED, ""},
        {"\"a\\", CONF_WORDS_UNBALANCED, ""},
        {"\"\\x00\"", CONF_WORDS_ZERO, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct conf_words w;
        char joined[256] = "";
        assert_int_equal(conf_words_split(cases[i].line, strlen(cases[i].line), &w), cases[i].status);
        for (int k = 0; k < w.n; k++) {
            strcat(joined, k ? "|" : "");
            strcat(joined, w.word[k]);
        }
        assert_string_equal(joined, cases[i].words);
        conf_words_free(&w);
    }
    struct conf_words w;
    assert_int_equal(conf_words_split("a\0b", 3, &w), CONF_WORDS_ZERO);
}

static void test_quote_is_read_back(void **state)
{
    char every[256];
    char *quoted = NULL;
    size_t len;
    struct conf_words w;
    (void)state;
    for (int i = 0; i < 255; i++)
        every[i] = (char)(i + 1);
    every[255] = '\0';
    FILE *f = open_memstream(&quoted, &len);
    conf_quote(f, every, 255);
    fclose(f);
    assert_null(memchr(quoted, '\n', len));
    assert_int_equal(conf_words_split(quoted, len, &w), CONF_WORDS_OK);
    assert_int_equal(w.n, 1);
    assert_string_equal(w.word[0], every);
    conf_words_free(&w);
    free(quoted);
}

static void test_file(void **state)
{
    struct fixture *f = *state;
    const char *path = put(f, "a.conf",
                           "# comment\n\n  PORT 7000 \r\nrequirepass \"a b\"\nbind ::1 127.0.0.1\n"
                           "client-output-buffer-limit normal 1 2 3\n"
                           "client-output-buffer-limit replica 4 5 6\nsave \"\"\nhz 20");
    assert_true(conf_load(f->o, path, f->err));
    assert_value(f, "port", "7000");
    assert_value(f, "requirepass", "a b");
    assert_value(f, "bind", "::1 127.0.0.1");
    assert_value(f, "client-output-buffer-limit", "normal 1 2 3 slave 4 5 6 pubsub 33554432 8388608 60");
    assert_value(f, "hz", "20");
}

static void test_include(void **state)
{
    struct fixture *f = *state;
    char text[512];
    put(f, "b1.inc", "hz 20\n");
    put(f, "b2.inc", "timeout 7\nhz 30");
    snprintf(text, sizeof text, "hz 5\ninclude %s\ninclude '%s'\nmaxmemory-samples 9\n", path_of(f, "*.inc"),
             path_of(f, "none*.inc"));
    assert_true(conf_load(f->o, put(f, "a.conf", text), f->err));
    assert_value(f, "hz", "30");
    assert_value(f, "timeout", "7");
    assert_value(f, "maxmemory-samples", "9");
}

/* What is said of a bad line: the place, the line, the reason and what is allowed. */
static void test_line_errors(void **state)
{
    static const struct {
        const char *text;
        const char *said[4];
    } cases[] = {
        {"port 1\nfoo bar\n", {"a.conf', at line 2", ">>> 'foo bar'", "Bad directive or wrong number of arguments"}},
        {"maxmemry 1\n", {"at line 1", ">>> 'maxmemry 1'", "Did you mean 'maxmemory'?"}},
        {"\n\nport x\n", {"at line 3", ">>> 'port x'", "couldn't be parsed", "an integer from 0 to 65535"}},
        {"port\n", {">>> 'port'", "wrong number of arguments"}},
        {"port 1 2\n", {"wrong number of arguments"}},
        {"port \"1\n", {"Unbalanced quotes in configuration line"}},
        {"appendonly yes", {"not supported"}},
        {"save 60 1", {"not supported"}},
        {"requirepass my secret", {">>> 'requirepass'", "wrong number of arguments"}},
        {"include", {"include takes one path"}},
        {"include /nonexistent/x.conf", {"at line 1", "can't open config file '/nonexistent/x.conf': No such file"}},
        {"dir /nonexistent/x", {"No such file or directory"}},
        {"\x01\xff \x1b[1m", {">>> '\\x01\\xff \\x1b[1m'"}},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(conf_load(f->o, put(f, "a.conf", cases[i].text), f->err));
        assert_int_equal(strncmp(f->err, "\n*** FATAL CONFIG FILE ERROR (Flagstone ", 40), 0);
        for (int k = 0; k < 4 && cases[i].said[k]; k++)
            assert_non_null(strstr(f->err, cases[i].said[k]));
        assert_null(strstr(f->err, "secret"));
    }
}

static void assert_refused(struct fixture *f, const char *path, const char *why)
{
    assert_false(conf_load(f->o, path, f->err));
    assert_non_null(strstr(f->err, why));
}

static void test_hostile_files(void **state)
{
    struct fixture *f = *state;
    char text[512];
    size_t size = 10 << 20;
    char *large = malloc(size);
    memset(large, '1', size);
    memcpy(large, "port ", 5);
    assert_refused(f, put_bytes(f, "line", large, size), "longer than 65536 bytes");
    memset(large, '\n', size);
    assert_true(conf_load(f->o, put_bytes(f, "empty", large, size), f->err));
    free(large);
    assert_refused(f, "/dev/zero", "larger than 16 MB");
    assert_refused(f, f->dir, "Is a directory");
    assert_refused(f, path_of(f, "missing"), "No such file or directory");
    assert_refused(f, "", "No such file or directory");
    assert_refused(f, put_bytes(f, "zero", "port \0 1\n", 9), "A zero byte in configuration line");
    if (geteuid() != 0) {
        assert_int_equal(chmod(put(f, "locked", "hz 1\n"), 0), 0);
        assert_refused(f, path_of(f, "locked"), "Permission denied");
    }
    snprintf(text, sizeof text, "\ninclude %s\n", path_of(f, "loop.conf"));
    assert_refused(f, put(f, "loop.conf", text), "include loop");
    snprintf(text, sizeof text, "include %s\n", path_of(f, "l1"));
    put(f, "l2", text);
    snprintf(text, sizeof text, "include %s\n", path_of(f, "l2"));
    assert_refused(f, put(f, "l1", text), "include loop");
    for (int i = 0; i < 20; i++) {
        char name[16], next[16];
        snprintf(name, sizeof name, "d%d", i);
        snprintf(next, sizeof next, "d%d", i + 1);
        snprintf(text, sizeof text, "include %s\n", path_of(f, next));
        put(f, name, text);
    }
    assert_refused(f, path_of(f, "d0"), "nested too deeply");
    put(f, "e7", "\n");
    for (int i = 6; i >= 0; i--) {
        char name[16], next[16], line[128];
        snprintf(name, sizeof name, "e%d", i);
        snprintf(next, sizeof next, "e%d", i + 1);
        snprintf(line, sizeof line, "include %s\n", path_of(f, next));
        snprintf(text, sizeof text, "%s%s%s", line, line, line);
        put(f, name, text);
    }
    assert_refused(f, path_of(f, "e0"), "too many files");
}

struct outcome {
    enum conf_action action;
    char *path, *out, *err;
};

static struct outcome run(struct fixture *f, const char *const *words)
{
    struct outcome r = {.path = NULL};
    char *argv[16] = {(char *)(uintptr_t) "flagstone-server"};
    size_t out_len, err_len;
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    FILE *out = open_memstream(&r.out, &out_len);
    FILE *err = open_memstream(&r.err, &err_len);
    r.action = conf_command_line(f->o, argc, argv, &r.path, out, err);
    fclose(out);
    fclose(err);
    return r;
}

static void forget(struct outcome *r)
{
    free(r->path);
    free(r->out);
    free(r->err);
}

static void test_command_line(void **state)
{
    struct fixture *f = *state;
    const char *file = put(f, "a.conf", "port 7001\nhz 20\n");
    const char *words[] = {file, "--port", "7000", "--bind", "a", "b", "--requirepass", "--x", "--save", "", NULL};
    struct outcome r = run(f, words);
    assert_int_equal(r.action, CONF_SERVE);
    assert_string_equal(r.err, "");
    char *real = realpath(file, NULL);
    assert_string_equal(r.path, real);
    free(real);
    assert_value(f, "port", "7000");
    assert_value(f, "hz", "20");
    assert_value(f, "bind", "a b");
    assert_value(f, "requirepass", "--x");
    forget(&r);
}

static void test_command_line_errors(void **state)
{
    static const struct {
        const char *words[5];
        const char *said;
    } cases[] = {
        {{"-p", "7000"}, ">>> '-p'\nAn option begins with --"},
        {{"--port"}, ">>> '--port'\nwrong number of arguments"},
        {{"--port", "--hz", "3"}, "wrong number of arguments"},
        {{"--hz", "x"}, ">>> '--hz \"x\"'\nargument couldn't be parsed into an integer"},
        {{"--nothing"}, "Bad directive"},
        {{"--"}, "Bad directive"},
        {{"/nonexistent/file"}, "can't open config file '/nonexistent/file': No such file"},
        {{"--include", "/nonexistent/file"}, "can't open config file"},
        {{"--check-conf", "--hz", "x"}, "integer"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome r = run(f, cases[i].words);
        assert_int_equal(r.action, CONF_FAILED);
        assert_non_null(strstr(r.err, cases[i].said));
        assert_string_equal(r.out, "");
        assert_null(r.path);
        forget(&r);
    }
}

static void test_command_line_answers(void **state)
{
    static const struct {
        const char *words[4];
        const char *said;
    } cases[] = {
        {{"--version"}, "Flagstone server v="},
        {{"-v"}, "Flagstone server v="},
        {{"--help"}, "--maxmemory-policy"},
        {{"-h"}, "Usage: flagstone-server"},
        {{"--print-conf"}, "\nmaxmemory-policy allkeys-s3fifo\n"},
        {{"--print-man"}, "\n.It Cm maxmemory\\-policy\n"},
        {{"--check-conf"}, "The configuration is right."},
        {{"--hz", "3", "--check-conf"}, "The configuration is right."},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome r = run(f, cases[i].words);
        assert_int_equal(r.action, CONF_EXIT);
        assert_non_null(strstr(r.out, cases[i].said));
        forget(&r);
    }
    struct outcome r = run(f, (const char *[]){"--print-commands", NULL});
    assert_int_equal(r.action, CONF_PRINT_COMMANDS);
    assert_string_equal(r.out, "");
    forget(&r);
}

static void test_standard_input(void **state)
{
    struct fixture *f = *state;
    const char *words[] = {"-", "--hz", "7", NULL};
    const char *last[] = {"--hz", "8", "-", NULL};
    int keep = dup(STDIN_FILENO);
    assert_non_null(freopen(put(f, "in", "port 7002\nhz 9\n"), "r", stdin));
    struct outcome r = run(f, words);
    assert_int_equal(r.action, CONF_SERVE);
    assert_null(r.path);
    assert_value(f, "port", "7002");
    assert_value(f, "hz", "7");
    forget(&r);
    assert_non_null(freopen(put(f, "in", "port x\n"), "r", stdin));
    r = run(f, last);
    assert_int_equal(r.action, CONF_FAILED);
    assert_non_null(strstr(r.err, "standard input', at line 1"));
    forget(&r);
    dup2(keep, STDIN_FILENO);
    close(keep);
}

static void rewrite(struct fixture *f, const char *path)
{
    char err[256] = "";
    bool ok = conf_rewrite(f->o, path, NULL, err, sizeof err);
    assert_string_equal(err, "");
    assert_true(ok);
}

static void test_rewrite(void **state)
{
    static const char before[] = "# first\n  hz   10  \n# second\nmaxmemory 1gb\n\nhz 20\ntimeout 3\n"
                                 "client-output-buffer-limit normal 0 0 0\n# end";
    struct fixture *f = *state;
    const char *path = put(f, "a.conf", before);
    assert_int_equal(chmod(path, 0640), 0);
    assert_true(conf_load(f->o, path, f->err));
    rewrite(f, path);
    assert_file(path, before); /* nothing changed */

    set(f, "hz", "30");
    set(f, "requirepass", "a \"b\"");
    set(f, "client-output-buffer-limit", "pubsub 1mb 0 5");
    set(f, "timeout", "0");
    rewrite(f, path);
    assert_file(path, "# first\nhz 30\n# second\nmaxmemory 1gb\n\ntimeout 0\n"
                      "client-output-buffer-limit normal 0 0 0\nclient-output-buffer-limit replica 256mb 64mb 60\n"
                      "client-output-buffer-limit pubsub 1mb 0 5\n# end\n"
                      "\n# Generated by CONFIG REWRITE\nrequirepass \"a \\\"b\\\"\"\n");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);

    set(f, "maxmemory", "75%");
    set(f, "maxmemory-samples", "7");
    rewrite(f, path);
    char *text = get(path);
    assert_non_null(strstr(text, "\nmaxmemory 75%\n"));
    assert_non_null(strstr(text, "\nmaxmemory-samples 7\n"));
    assert_ptr_equal(strstr(strstr(text, "# Generated") + 1, "# Generated"), NULL);
    free(text);
}

static void test_rewrite_with_include(void **state)
{
    struct fixture *f = *state;
    char text[256], expected[512];
    put(f, "b.inc", "hz 20\ntimeout 5\n");
    snprintf(text, sizeof text, "hz 10\ninclude %s\n", path_of(f, "b.inc"));
    const char *path = put(f, "a.conf", text);
    assert_true(conf_load(f->o, path, f->err));
    rewrite(f, path);
    assert_file(path, text);
    set(f, "timeout", "0"); /* its default, but not what the include says */
    set(f, "hz", "40");
    rewrite(f, path);
    snprintf(expected, sizeof expected, "hz 40\ninclude %s\n\n# Generated by CONFIG REWRITE\ntimeout 0\nhz 40\n",
             path_of(f, "b.inc"));
    assert_file(path, expected);
    assert_file(path_of(f, "b.inc"), "hz 20\ntimeout 5\n");
}

static void test_rewrite_of_what_is_gone(void **state)
{
    struct fixture *f = *state;
    set(f, "hz", "30");
    rewrite(f, path_of(f, "new.conf"));
    assert_file(path_of(f, "new.conf"), "\n# Generated by CONFIG REWRITE\nhz 30\n");
}

static void test_rewrite_keeps_links(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    const char *path = put(f, "real.conf", "hz 10\n");
    const char *link = path_of(f, "link.conf");
    assert_int_equal(symlink(path, link), 0);
    set(f, "hz", "30");
    rewrite(f, link);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_file(path, "hz 30\n");
}

static void assert_not_rewritten(struct fixture *f, const char *path, const char *why)
{
    char err[256] = "";
    assert_false(conf_rewrite(f->o, path, NULL, err, sizeof err));
    assert_non_null(strstr(err, why));
}

static void test_rewrite_failures(void **state)
{
    struct fixture *f = *state;
    const char *path = put(f, "a.conf", "hz 10\n");
    struct rlimit old, none;
    set(f, "hz", "30");
    assert_not_rewritten(f, path_of(f, "no/such/dir.conf"), strerror(ENOENT));
    assert_not_rewritten(f, f->dir, strerror(EISDIR));
    assert_not_rewritten(f, "/dev/null", "not a regular file");

    /* A full disk. */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none = old;
    none.rlim_cur = 2;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    char err[256] = "";
    bool ok = conf_rewrite(f->o, path, NULL, err, sizeof err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(ok);
    assert_string_equal(err, strerror(EFBIG));
    assert_file(path, "hz 10\n");
    assert_not_rewritten(f, put(f, "bad.conf", "foo\n"), "--check-conf");

    /* Nothing temporary is left. */
    char command[128];
    snprintf(command, sizeof command, "test $(ls '%s' | wc -l) = 2", f->dir);
    assert_int_equal(system(command), 0);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_quote_is_read_back),
        WITH_FILES(test_file),
        WITH_FILES(test_include),
        WITH_FILES(test_line_errors),
        WITH_FILES(test_hostile_files),
        WITH_FILES(test_command_line),
        WITH_FILES(test_command_line_errors),
        WITH_FILES(test_command_line_answers),
        WITH_FILES(test_standard_input),
        WITH_FILES(test_rewrite),
        WITH_FILES(test_rewrite_with_include),
        WITH_FILES(test_rewrite_of_what_is_gone),
        WITH_FILES(test_rewrite_keeps_links),
        WITH_FILES(test_rewrite_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
