/* Users and their rules: a table of rules and of what they make, the checks, the registry, files. What the judge
 * answers to the same rules is compared by the differential test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/acl.h"
#include "server/acl_file.h"
#include "server/acl_log.h"
#include "server/options.h"
#include "slab/base/log.h"

enum { WORDS_MAX = 32 };

/* Cuts at blanks, in place. */
static int split(char *text, const char *words[WORDS_MAX])
{
    int n = 0;
    char *state = NULL;
    for (char *w = strtok_r(text, " ", &state); w != NULL; w = strtok_r(NULL, " ", &state))
        words[n++] = w;
    return n;
}

/* A user by these rules; fails unless they are all fine. */
static struct acl_user *user(const char *rules)
{
    const char *words[WORDS_MAX];
    char *copy = strdup(rules);
    struct acl_user *u = acl_user_new("u", 1, false);
    int n = split(copy, words);
    for (int i = 0; i < n; i++)
        assert_int_equal(acl_user_apply(u, words[i], strlen(words[i])), ACL_FINE);
    acl_user_finish(u);
    free(copy);
    return u;
}

static void assert_described(const char *rules, const char *want)
{
    struct acl_user *u = user(rules);
    struct text t = {0};
    acl_describe(u, &t);
    assert_string_equal(t.p, want);
    text_free(&t);
    acl_user_unref(u);
}

#define FOO "#2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

static void test_rules(void **state)
{
    static const struct {
        const char *rules, *want;
    } table[] = {
        {"", "user u off resetchannels -@all"},
        {"on ON", "user u on resetchannels -@all"},
        {"on off", "user u off resetchannels -@all"},
        {"nopass", "user u off nopass resetchannels -@all"},
        {">foo", "user u off " FOO " resetchannels -@all"},
        {">foo >foo", "user u off " FOO " resetchannels -@all"},
        {FOO, "user u off " FOO " resetchannels -@all"},
        {"nopass >foo", "user u off " FOO " resetchannels -@all"},
        {">foo nopass", "user u off nopass resetchannels -@all"},
        {">foo >bar <bar", "user u off " FOO " resetchannels -@all"},
        {">foo !2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "user u off resetchannels -@all"},
        {">foo resetpass", "user u off resetchannels -@all"},
        {"~a ~b", "user u off ~a ~b resetchannels -@all"},
        {"~a %R~a %W~b %RW~c %w~b %r~d", "user u off ~a %W~b ~c %R~d resetchannels -@all"},
        {"%R~a %W~a", "user u off ~a resetchannels -@all"},
        {"%R~* %W~*", "user u off ~* resetchannels -@all"},
        {"~a allkeys", "user u off ~* resetchannels -@all"},
        {"~a ~*", "user u off ~* resetchannels -@all"},
        {"~* ~*", "user u off ~* resetchannels -@all"},
        {"%RW~* ~b", "user u off %RW~* ~b resetchannels -@all"},
        {"%RW~*", "user u off ~* resetchannels -@all"},
        {"~* resetkeys ~b", "user u off ~b resetchannels -@all"},
        {"&a &b &a", "user u off resetchannels &a &b -@all"},
        {"&a allchannels", "user u off &* -@all"},
        {"&* resetchannels &b", "user u off resetchannels &b -@all"},
        {"+@all", "user u off resetchannels +@all"},
        {"allcommands nocommands", "user u off resetchannels -@all"},
        {"+GET +Config|GET", "user u off resetchannels -@all +get +config|get"},
        {"+get +@read", "user u off resetchannels -@all +@read"},
        {"+@read -get", "user u off resetchannels -@all +@read -get"},
        {"+@read -get +get", "user u off resetchannels -@all +@read"},
        {"+@read -@read", "user u off resetchannels -@all"},
        {"+@all -@dangerous -@dangerous", "user u off resetchannels +@all -@dangerous"},
        {"+@all +get", "user u off resetchannels +@all"},
        {"-get", "user u off resetchannels -@all"},
        {"+@LIST", "user u off resetchannels -@all +@list"}, /* no such command yet, and yet it says something */
        {"+config -config|set", "user u off resetchannels -@all +config -config|set"},
        {"+config|get +config", "user u off resetchannels -@all +config"},
        {"+@all -config +config|get", "user u off resetchannels +@all -config +config|get"},
        {"+config|get -config", "user u off resetchannels -@all"},
        {"+select|0 +select|1 +select|0", "user u off resetchannels -@all +select|1 +select|0"},
        {"+select|0 +select", "user u off resetchannels -@all +select"},
        {"+select +select|0", "user u off resetchannels -@all +select"},
        {"+select|0 -select", "user u off resetchannels -@all"},
        {"+select|0 -@all", "user u off resetchannels -@all"},
        {"+select|0 +@connection", "user u off resetchannels -@all +@connection"},
        {"skip-sanitize-payload", "user u off skip-sanitize-payload resetchannels -@all"},
        {"on >foo ~a &b +get reset", "user u off sanitize-payload resetchannels -@all"},
        {"clearselectors", "user u off resetchannels -@all"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_described(table[i].rules, table[i].want);
}

/* Each is refused, and the user stays as it was. */
static void test_bad_rules(void **state)
{
    static const struct {
        const char *rule;
        enum acl_error why;
    } table[] = {
        {"foo", ACL_SYNTAX},
        {"onn", ACL_SYNTAX},
        {"+", ACL_UNKNOWN_COMMAND},
        {"-", ACL_UNKNOWN_COMMAND},
        {"+@", ACL_UNKNOWN_COMMAND},
        {"+nosuch", ACL_UNKNOWN_COMMAND},
        {"-nosuch", ACL_UNKNOWN_COMMAND},
        {"+@nosuch", ACL_UNKNOWN_COMMAND},
        {"+@all|x", ACL_UNKNOWN_COMMAND},
        {"+config|nosuch", ACL_UNKNOWN_COMMAND},
        {"+config|", ACL_SYNTAX},
        {"+|get", ACL_UNKNOWN_COMMAND},
        {"-get|x", ACL_UNKNOWN_COMMAND},
        {"+config|get|x", ACL_FIRST_ARG_OF_SUB},
        {"+get|", ACL_SYNTAX},
        {"%", ACL_SYNTAX},
        {"%~a", ACL_SYNTAX},
        {"%X~a", ACL_SYNTAX},
        {"%RR~a", ACL_SYNTAX},
        {"~a b", ACL_SYNTAX},
        {"&a\tb", ACL_SYNTAX},
        {"<foo", ACL_NO_SUCH_PASSWORD},
        {"!"
         "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
         ACL_NO_SUCH_PASSWORD},
        {"#2c26", ACL_BAD_HASH},
        {"#2C26B46B68FFC68FF99B453C1D30413413422D706483BFA0F98A5E886266E7AE", ACL_BAD_HASH},
        {"(+get)", ACL_SELECTOR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct acl_user *u = user("on >bar ~k &c +@read -get");
        struct text before = {0}, after = {0};
        acl_describe(u, &before);
        assert_int_equal(acl_user_apply(u, table[i].rule, strlen(table[i].rule)), table[i].why);
        assert_true(strlen(acl_error_text(table[i].why)) > 0);
        acl_user_finish(u);
        acl_describe(u, &after);
        assert_string_equal(before.p, after.p);
        text_free(&before);
        text_free(&after);
        acl_user_unref(u);
    }
    struct acl_user *u = user("allkeys allchannels");
    assert_int_equal(acl_user_apply(u, "~a", 2), ACL_KEY_AFTER_ALL);
    assert_int_equal(acl_user_apply(u, "%R~a", 4), ACL_KEY_AFTER_ALL);
    assert_int_equal(acl_user_apply(u, "&a", 2), ACL_CHANNEL_AFTER_ALL);
    assert_int_equal(acl_user_apply(u, "~a\0b", 4), ACL_KEY_AFTER_ALL);
    acl_user_unref(u);
}

/* Any bytes as rules: an answer, and a description by which the same user is made again. */
static void test_any_rules(void **state)
{
    static const char *const parts[] = {"+",   "-",     "@all", "@read", "get",  "|",    "config", "select", "~",
                                        "%R",  "%W~",   "&",    "*",     "a",    "on",   ">",      "#",      "reset",
                                        "set", "@list", "acl",  "help",  "\xff", "\001", "("};
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct acl_user *u = acl_user_new("u", 1, round % 2 != 0);
        for (int r = 0; r < 8; r++) {
            char rule[64] = "";
            seed = seed * 1103515245 + 12345;
            for (unsigned p = 0; p < 1 + (seed >> 8) % 4; p++)
                strncat(rule, parts[(seed >> (9 + 4 * p)) % (sizeof parts / sizeof *parts)],
                        sizeof rule - strlen(rule) - 1);
            enum acl_error e = acl_user_apply(u, rule, strlen(rule));
            assert_true(e == ACL_FINE || strlen(acl_error_text(e)) > 0);
        }
        acl_user_finish(u);
        struct text t = {0}, again = {0};
        acl_describe(u, &t);
        const char *words[WORDS_MAX * 2];
        char *copy = strdup(t.p);
        int n = split(copy, words);
        struct acl_user *twin = acl_user_new("u", 1, false);
        for (int i = 2; i < n; i++)
            assert_int_equal(acl_user_apply(twin, words[i], strlen(words[i])), ACL_FINE);
        acl_user_finish(twin);
        acl_describe(twin, &again);
        assert_string_equal(t.p, again.p);
        assert_memory_equal(u->allowed, twin->allowed, sizeof u->allowed);
        free(copy);
        text_free(&t);
        text_free(&again);
        acl_user_unref(twin);
        acl_user_unref(u);
    }
}

static enum acl_verdict check(const char *rules, const char *command)
{
    const char *words[WORDS_MAX];
    struct arg argv[WORDS_MAX];
    char *copy = strdup(command);
    int n = split(copy, words), at;
    for (int i = 0; i < n; i++)
        argv[i] = (struct arg){words[i], strlen(words[i]), NULL};
    const struct command *cmd = command_find(argv, n);
    assert_non_null(cmd);
    struct acl_user *u = user(rules);
    enum acl_verdict v = acl_check(u, cmd, argv, n, &at);
    acl_user_unref(u);
    free(copy);
    return v;
}

static void test_checks(void **state)
{
    static const struct {
        const char *rules, *command;
        enum acl_verdict want;
    } table[] = {
        {"", "get a", ACL_NO_COMMAND},
        {"+@all ~* &*", "flushall", ACL_ALLOWED},
        {"+get", "get a", ACL_NO_KEY},
        {"+get ~a*", "get abc", ACL_ALLOWED},
        {"+get %W~a*", "get abc", ACL_NO_KEY},
        {"+get %R~a*", "get abc", ACL_ALLOWED},
        {"+set %R~a", "set a 1", ACL_NO_KEY},
        {"+set %W~a", "set a 1", ACL_ALLOWED},
        {"+set %W~a", "set a 1 get", ACL_NO_KEY},
        {"+set ~a", "set a 1 get", ACL_ALLOWED},
        {"+exists %W~a", "exists a", ACL_ALLOWED},
        {"+exists %W~a", "exists a b", ACL_NO_KEY},
        {"+copy %R~r* %W~w*", "copy r1 w1", ACL_ALLOWED},
        {"+copy %R~r* %W~w*", "copy w1 r1", ACL_NO_KEY},
        {"+rename ~a", "rename a b", ACL_NO_KEY},
        {"+mset ~a ~c", "mset a 1 c 2", ACL_ALLOWED},
        {"+mset ~a ~c", "mset a 1 b 2", ACL_NO_KEY},
        {"+bitfield %R~a", "bitfield a get u8 0", ACL_ALLOWED},
        {"+bitfield %R~a", "bitfield a set u8 0 1", ACL_NO_KEY},
        {"+bitop ~d ~s", "bitop and d s x", ACL_NO_KEY},
        {"+publish &a*", "publish ab x", ACL_ALLOWED},
        {"+publish &a*", "publish b x", ACL_NO_CHANNEL},
        {"+publish", "publish b x", ACL_NO_CHANNEL},
        {"+spublish &a", "spublish a x", ACL_ALLOWED},
        {"+spublish &b", "spublish a x", ACL_NO_CHANNEL},
        {"+subscribe &a &b", "subscribe a b c", ACL_NO_CHANNEL},
        {"+subscribe &a &b", "subscribe a b", ACL_ALLOWED},
        {"+psubscribe &a*", "psubscribe ab*", ACL_NO_CHANNEL},
        {"+psubscribe &a*", "psubscribe a*", ACL_ALLOWED},
        {"+ssubscribe &a*", "ssubscribe ab", ACL_ALLOWED},
        {"+unsubscribe", "unsubscribe a", ACL_ALLOWED},
        {"+config|get", "config get x", ACL_ALLOWED},
        {"+config|get", "config set x y", ACL_NO_COMMAND},
        {"+config -config|set", "config set x y", ACL_NO_COMMAND},
        {"+select|0", "select 0", ACL_ALLOWED},
        {"+select|0", "select 1", ACL_NO_COMMAND},
        {"", "auth a b", ACL_ALLOWED}, /* what is allowed before AUTH always is */
        {"", "hello 3", ACL_ALLOWED},
        {"+object", "object encoding a", ACL_NO_KEY},
        {"+watch ~a", "watch a b", ACL_NO_KEY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (check(table[i].rules, table[i].command) != table[i].want)
            fail_msg("'%s' by '%s': not as expected", table[i].command, table[i].rules);
    }
}

/* Only who may do everything is spared the look at each command. */
static void test_unlimited(void **state)
{
    static const struct {
        const char *rules;
        bool unlimited;
    } table[] = {
        {"+@all ~* &*", true},           {"+@all ~*", false},    {"+@all &*", false},      {"+@all ~* &* -get", false},
        {"+@all -get +get ~* &*", true}, {"~* &* -@all", false}, {"+@all %R~* &*", false}, {"+@all %R~* %W~* &*", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct acl_user *u = user(table[i].rules);
        assert_int_equal((u->flags & ACL_UNLIMITED) != 0, table[i].unlimited);
        acl_user_unref(u);
    }
}

/* ---- the registry and files -------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    struct server *s = aligned_alloc(64, sizeof *s);
    memset(s, 0, sizeof *s);
    s->opt = options_new();
    s->opt->user_hooks = &acl_user_hooks;
    s->acl = acl_new();
    log_set_level(LOG_NOTHING);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct server *s = *state;
    acl_free(s->acl);
    options_free(s->opt);
    free(s);
    return 0;
}

static void set_user(struct server *s, const char *name, const char *rules)
{
    const char *words[WORDS_MAX];
    struct arg args[WORDS_MAX];
    char *copy = strdup(rules);
    int n = split(copy, words), failed;
    for (int i = 0; i < n; i++)
        args[i] = (struct arg){words[i], strlen(words[i]), NULL};
    assert_int_equal(acl_set_user(s, name, strlen(name), args, n, &failed), ACL_FINE);
    free(copy);
}

/* Names of all users, separated by blanks. */
static void assert_users(struct server *s, const char *want)
{
    size_t n;
    struct text t = {0};
    struct acl_user **users = acl_list(s->acl, &n);
    for (size_t i = 0; i < n; i++)
        text_printf(&t, "%s%s", i > 0 ? " " : "", users[i]->name);
    assert_string_equal(t.p, want);
    text_free(&t);
    acl_list_free(users, n);
}

static bool authenticates(struct server *s, const char *name, const char *password)
{
    struct acl_user *u = acl_authenticate(s->acl, name, strlen(name), password, strlen(password));
    acl_user_unref(u);
    return u != NULL;
}

static void test_registry(void **state)
{
    struct server *s = *state;
    uint32_t epoch = s->acl_epoch;
    set_user(s, "b", "on >pw");
    set_user(s, "abc", "on >one >two");
    set_user(s, "ab", "nopass");
    set_user(s, "a", "on nopass");
    assert_users(s, "a ab abc b default");
    assert_int_equal(s->acl_epoch, epoch + 4);
    assert_true(authenticates(s, "b", "pw"));
    assert_false(authenticates(s, "b", "pw "));
    assert_false(authenticates(s, "b", ""));
    assert_true(authenticates(s, "abc", "one") && authenticates(s, "abc", "two"));
    assert_false(authenticates(s, "ab", "any")); /* it is off */
    assert_true(authenticates(s, "a", "any"));
    assert_false(authenticates(s, "nosuch", "any"));
    assert_true(acl_delete_user(s, "ab", 2));
    assert_false(acl_delete_user(s, "ab", 2));
    assert_users(s, "a abc b default");
    assert_true(acl_default_open(s->acl));
    set_user(s, "default", "off");
    assert_true(acl_default_nopass(s->acl));
    assert_false(acl_default_open(s->acl));
    /* A version that somebody holds does not change. */
    struct acl_user *held = acl_find(s->acl, "b", 1);
    set_user(s, "b", "off resetpass");
    assert_int_equal(held->flags & ACL_ON, ACL_ON);
    assert_int_equal(held->npasswords, 1);
    acl_user_unref(held);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static void use_file(struct server *s, const char *path)
{
    char err[OPTIONS_ERROR_CHARS];
    assert_true(option_set(s->opt, options_find("aclfile", 7), (char *[]){(char *)(uintptr_t)path}, 1, err));
}

static void test_file(void **state)
{
    struct server *s = *state;
    struct text errors = {0};
    char dir[] = "/tmp/flagstone-acl-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/users", dir);
    use_file(s, path);
    write_file(path, "user alice on >pw ~* +@all\r\n\n  user bob\t  off \nuser default on nopass +@all ~* &*");
    assert_true(acl_load_file(s, &errors));
    assert_users(s, "alice bob default");
    assert_true(authenticates(s, "alice", "pw"));

    /* A second blank is behind an empty name. */
    write_file(path, "user  bob on\n");
    assert_false(acl_load_file(s, &errors));
    assert_non_null(strstr(errors.p, ":1: Syntax error. "));
    text_free(&errors);

    /* Unchanged users keep their version, changed ones are others. */
    struct acl_user *alice = acl_find(s->acl, "alice", 5), *bob = acl_find(s->acl, "bob", 3);
    write_file(path, "user alice on >pw ~* +@all\nuser bob on\n");
    assert_true(acl_load_file(s, &errors));
    struct acl_user *alice2 = acl_find(s->acl, "alice", 5), *bob2 = acl_find(s->acl, "bob", 3);
    assert_ptr_equal(alice, alice2);
    assert_int_not_equal(bob->life, bob2->life);
    acl_user_unref(alice);
    acl_user_unref(alice2);
    acl_user_unref(bob);
    acl_user_unref(bob2);

    /* What is saved reads back as the same, without a plain password; links stay, and so do modes. */
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(acl_save_file(s), 0);
    struct stat st;
    char saved[4096] = "";
    FILE *f = fopen(path, "r");
    assert_true(fread(saved, 1, sizeof saved - 1, f) > 0);
    fclose(f);
    assert_null(strstr(saved, "pw"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    alice = acl_find(s->acl, "alice", 5);
    assert_true(acl_load_file(s, &errors));
    alice2 = acl_find(s->acl, "alice", 5);
    assert_ptr_equal(alice, alice2);
    acl_user_unref(alice);
    acl_user_unref(alice2);

    /* No room for all of it: an error, and the old file is as it was. */
    struct rlimit none = {16, 16}, as_before;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &as_before);
    none.rlim_max = as_before.rlim_max;
    set_user(s, "another", "on >pw");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_int_equal(acl_save_file(s), EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &as_before), 0);
    char after[4096] = "";
    f = fopen(path, "r");
    assert_true(fread(after, 1, sizeof after - 1, f) > 0);
    fclose(f);
    assert_string_equal(after, saved);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);           /* nothing was left beside it */
    assert_int_not_equal(acl_save_file(s), 0); /* its directory is gone */
    assert_false(acl_load_file(s, &errors));
    text_free(&errors);
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *text, *error;
    } table[] = {
        {"foo bar", ":1 should start with user keyword followed by the username. "},
        {"user", ":1 should start with user keyword followed by the username. "},
        {"\n\nuser a onx", ":3: Syntax error. "},
        {"user a +nosuch", ":1: Error in applying operation '+nosuch': Unknown command or category name in ACL. "},
        {"user a (+get ~b)", ":1: Selectors are not supported"},
        {"user a #12", ":1: The password hash must be exactly 64 characters"},
        {"user a on\nuser a off", "Duplicate user 'a' found on line 2. "},
        {"user b on\nuser a fff\nuser c ~* ~a", ":3: Adding a pattern after the * pattern"},
    };
    struct server *s = *state;
    char path[] = "/tmp/flagstone-acl-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    use_file(s, path);
    set_user(s, "old", "on >pw");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct text errors = {0};
        write_file(path, table[i].text);
        assert_false(acl_load_file(s, &errors));
        if (strstr(errors.p, table[i].error) == NULL)
            fail_msg("'%s': %s", table[i].text, errors.p);
        assert_non_null(strstr(errors.p, "no change to the previously active ACL rules was performed"));
        text_free(&errors);
        assert_users(s, "default old");
        assert_true(authenticates(s, "old", "pw"));
    }
    unlink(path);
}

/* Many users, and more errors than anybody reads. */
static void test_large_files(void **state)
{
    enum { USERS = 20000 };
    struct server *s = *state;
    struct text errors = {0};
    char path[] = "/tmp/flagstone-acl-XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    use_file(s, path);
    for (int i = 0; i < USERS; i++)
        fprintf(f, "user u%d on >pw +@read\n", i);
    fflush(f);
    assert_true(acl_load_file(s, &errors));
    struct acl_user **users;
    size_t n;
    users = acl_list(s->acl, &n);
    assert_int_equal(n, USERS + 1);
    acl_list_free(users, n);
    for (int i = 0; i < USERS; i++)
        fprintf(f, "user u%d onn\n", i);
    fclose(f);
    assert_false(acl_load_file(s, &errors));
    assert_true(errors.len < 64 * 1024);
    assert_non_null(strstr(errors.p, "Duplicate user 'u0' found on line 20001. "));
    assert_non_null(strstr(errors.p, " errors more. "));
    text_free(&errors);
    unlink(path);
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

static void deny(struct acl_log *l, const char *user, int64_t now_ms, size_t max_len)
{
    struct acl_denied d = {.why = ACL_NO_AUTH,
                           .object = "AUTH",
                           .object_len = 4,
                           .user = user,
                           .user_len = strlen(user),
                           .client = "id=1",
                           .client_len = 4,
                           .now_ms = now_ms};
    acl_log_add(l, &d, max_len);
}

static void assert_log(struct acl_log *l, size_t count, const char *want)
{
    struct reply r;
    struct iovec iov[16];
    char got[8192] = "", short_form[1024] = "";
    reply_init(&r);
    r.resp = 2;
    acl_log_reply(l, &r, count, 100000);
    int n = reply_iov(&r, iov, 16);
    size_t len = 0;
    for (int i = 0; i < n; i++) {
        memcpy(got + len, iov[i].iov_base, iov[i].iov_len);
        len += iov[i].iov_len;
    }
    got[len] = '\0';
    for (char *p = got; (p = strstr(p, "count\r\n:")) != NULL; p++) {
        const char *user = strstr(p, "username\r\n$");
        user = strstr(user + 11, "\r\n") + 2;
        snprintf(short_form + strlen(short_form), sizeof short_form - strlen(short_form), "%.*s:%d ",
                 (int)strcspn(user, "\r"), user, atoi(p + 8));
    }
    assert_string_equal(short_form, want);
    reply_free(&r);
}

static void test_log(void **state)
{
    struct acl_log *l = acl_log_new();
    char name[16];
    (void)state;
    assert_log(l, 10, "");
    deny(l, "a", 1000, 128);
    deny(l, "b", 2000, 128);
    deny(l, "a", 3000, 128);
    assert_log(l, 10, "a:2 b:1 ");
    assert_log(l, 1, "a:2 ");
    deny(l, "b", 63000, 128); /* more than a minute later */
    assert_log(l, 10, "b:1 a:2 b:1 ");
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "u%d", i % 50);
        deny(l, name, 64000, 3);
    }
    assert_log(l, 10, "u49:1 u48:1 u47:1 ");
    for (int i = 0; i < 1000000; i++)
        deny(l, "same", 65000, 3);
    assert_log(l, 10, "same:1000000 u49:1 u48:1 ");
    deny(l, "none", 65000, 0);
    assert_log(l, 10, "");
    acl_log_reset(l);
    acl_log_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_bad_rules),
        cmocka_unit_test(test_any_rules),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_unlimited),
        cmocka_unit_test_setup_teardown(test_registry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large_files, set_up, tear_down),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
