/* Access: a change of rights holds on every worker from the moment it was answered, files of users are all or nothing,
 * and a flood of wrong passwords harms nobody. Replies are compared with Redis's by the differential tests. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness.h"

enum { CLIENTS = 24, ROUNDS = 60 };

static redisContext *login(const struct test_server *s, const char *user)
{
    redisContext *c = client_open(s);
    expect_status(c, "OK", "AUTH %s pw", user);
    return c;
}

static void expect_closed(redisContext *c)
{
    redisReply *r = redisCommand(c, "PING");
    assert_null(r);
    redisFree(c);
}

/* Answers tell what holds: who hears of a change and then asks on another worker finds it made. */
static void test_changes_hold_everywhere(void **state)
{
    struct test_server *s = SERVER_START("--threads", "4");
    redisContext *admin = client_open(s), *c[CLIENTS];
    (void)state;
    expect_status(admin, "OK", "ACL SETUSER u on >pw ~k* +get +multi +exec +set +acl|whoami");
    for (int i = 0; i < CLIENTS; i++)
        c[i] = login(s, "u");
    for (int round = 0; round < ROUNDS; round++) {
        expect_status(admin, "OK", round % 2 == 0 ? "ACL SETUSER u -get" : "ACL SETUSER u +get");
        for (int i = 0; i < CLIENTS; i++) {
            if (round % 2 == 0)
                expect_error(c[i], "NOPERM this user has no permissions to run the 'get' command", "GET k");
            else
                expect_nil(c[i], "GET k");
        }
    }
    /* What was queued is looked at once more. */
    expect_status(c[0], "OK", "MULTI");
    expect_status(c[0], "QUEUED", "SET k1 v");
    expect_status(c[0], "QUEUED", "GET k1");
    expect_status(admin, "OK", "ACL SETUSER u -set");
    redisReply *r = ask(c[0], "EXEC");
    assert_int_equal(r->element[0]->type, REDIS_REPLY_ERROR);
    assert_non_null(strstr(r->element[0]->str, "NOPERM ACLs rules changed between the moment"));
    assert_int_equal(r->element[1]->type, REDIS_REPLY_NIL);
    freeReplyObject(r);
    /* One who takes a right from himself has it no longer, also in the same pipeline and in EXEC. */
    expect_status(admin, "OK", "ACL SETUSER self on >pw ~* +@all");
    redisContext *self = login(s, "self");
    redisAppendCommand(self, "ACL SETUSER self -get");
    redisAppendCommand(self, "GET k");
    redisAppendCommand(self, "MULTI");
    redisAppendCommand(self, "ACL SETUSER self -ping");
    redisAppendCommand(self, "PING");
    redisAppendCommand(self, "EXEC");
    static const int want[] = {REDIS_REPLY_STATUS, REDIS_REPLY_ERROR,  REDIS_REPLY_STATUS,
                               REDIS_REPLY_STATUS, REDIS_REPLY_STATUS, REDIS_REPLY_ARRAY};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        r = next_reply(self);
        assert_int_equal(r->type, want[i]);
        if (r->type == REDIS_REPLY_ARRAY)
            assert_int_equal(r->element[1]->type, REDIS_REPLY_ERROR);
        freeReplyObject(r);
    }
    redisFree(self);
    assert_int_equal(info_number(admin, "stats", "acl_access_denied_cmd"), CLIENTS * ROUNDS / 2 + 3);
    for (int i = 0; i < CLIENTS; i++)
        redisFree(c[i]);
    redisFree(admin);
    server_stop(s);
}

static void test_deleted_and_cut(void **state)
{
    struct test_server *s = SERVER_START("--threads", "4");
    redisContext *admin = client_open(s), *c[CLIENTS], *cut, *kept;
    (void)state;
    expect_status(admin, "OK", "ACL SETUSER u on >pw allchannels +@all");
    expect_status(admin, "OK", "ACL SETUSER v on >pw allchannels +@all");
    for (int i = 0; i < CLIENTS; i++)
        c[i] = login(s, i % 2 == 0 ? "u" : "v");
    cut = login(s, "v");
    kept = login(s, "v");
    freeReplyObject(ask(cut, "SUBSCRIBE news other"));
    freeReplyObject(next_reply(cut));
    freeReplyObject(ask(kept, "PSUBSCRIBE n*"));
    expect_int(admin, 1, "ACL DELUSER u nosuch");
    expect_status(admin, "OK", "ACL SETUSER v resetchannels &news &n*");
    for (int i = 0; i < CLIENTS; i += 2)
        expect_closed(c[i]);
    for (int i = 1; i < CLIENTS; i += 2) {
        expect_bulk(c[i], "v", "ACL WHOAMI");
        redisFree(c[i]);
    }
    expect_closed(cut);
    expect_int(admin, 1, "PUBLISH news x");
    freeReplyObject(next_reply(kept));
    redisFree(kept);
    /* One who deletes himself is answered. */
    redisContext *self = login(s, "v");
    expect_int(self, 1, "ACL DELUSER v");
    expect_closed(self);
    redisReply *r = ask(admin, "CLIENT LIST");
    assert_null(strstr(r->str, "user=u "));
    freeReplyObject(r);
    redisFree(admin);
    server_stop(s);
}

/* A channel's name that is so long that it is received apart is denied, and kept in ACL LOG without it. */
static void test_long_channel(void **state)
{
    enum { BYTES = 300000 };
    struct test_server *s = SERVER_START("--threads", "1");
    redisContext *admin = client_open(s), *c;
    char *name = malloc(BYTES);
    (void)state;
    memset(name, 'x', BYTES);
    expect_status(admin, "OK", "ACL SETUSER u on >pw resetchannels &news +publish");
    c = login(s, "u");
    for (int i = 0; i < 2; i++)
        expect_error(c, "NOPERM this user has no permissions to access one of the channels", "PUBLISH %b x", name,
                     (size_t)BYTES);
    redisReply *r = ask(admin, "ACL LOG");
    assert_int_equal(r->elements, 1);
    assert_int_equal(r->element[0]->element[1]->integer, 2);
    freeReplyObject(r);
    free(name);
    redisFree(c);
    redisFree(admin);
    server_stop(s);
}

/* A client that never authenticated may go on when the password is taken away, and must when it comes back. */
static void test_default_user(void **state)
{
    struct test_server *s = SERVER_START("--threads", "2", "--requirepass", "pw");
    redisContext *never = client_open(s), *admin = client_open(s);
    (void)state;
    expect_status(admin, "OK", "AUTH pw");
    expect_error(never, "NOAUTH", "PING");
    expect_status(admin, "OK", "CONFIG SET requirepass %s", "");
    expect_status(never, "PONG", "PING");
    expect_status(admin, "OK", "ACL SETUSER default >other");
    expect_error(never, "NOAUTH", "PING");
    expect_status(admin, "PONG", "PING");
    expect_status(never, "OK", "AUTH other");
    expect_status(admin, "OK", "ACL SETUSER default off");
    expect_status(never, "PONG", "PING");
    expect_error(never, "WRONGPASS", "AUTH default other");
    redisFree(never);
    never = client_open(s);
    expect_error(never, "NOAUTH", "PING");
    redisFree(never);
    redisFree(admin);
    server_stop(s);
}

struct flood {
    struct test_server *s;
    int n;
};

/* Wrong passwords of users that never were, each another. */
static void *flood(void *arg)
{
    enum { AT_ONCE = 500 };
    const struct flood *f = arg;
    static const char reply[] = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    char *ask_text = malloc(AT_ONCE * 64), *answer = malloc(AT_ONCE * (sizeof reply - 1));
    int fd = raw_open(f->s);
    for (int i = 0; i < f->n; i += AT_ONCE) {
        size_t len = 0;
        for (int k = 0; k < AT_ONCE; k++)
            len += (size_t)sprintf(ask_text + len, "AUTH nobody%d-%d guess%d\r\n", i, k, k);
        raw_send(fd, ask_text, len);
        raw_read(fd, answer, AT_ONCE * (sizeof reply - 1));
        assert_memory_equal(answer, reply, sizeof reply - 1);
    }
    close(fd);
    free(ask_text);
    free(answer);
    return NULL;
}

static void test_flood_of_passwords(void **state)
{
    struct test_server *s = SERVER_START("--threads", "2");
    struct flood f = {s, flavour_is_sanitized() ? 20000 : 500000};
    redisContext *c = client_open(s);
    pthread_t t[2];
    (void)state;
    expect_status(c, "OK", "ACL SETUSER u on >pw +@all");
    long long before = info_number(c, "memory", "used_memory");
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&t[i], NULL, flood, &f), 0);
    for (int i = 0; i < 200; i++)
        expect_status(c, "OK", "AUTH u pw");
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(info_number(c, "stats", "acl_access_denied_auth"), 2LL * f.n);
    if (!flavour_is_sanitized())
        assert_true(info_number(c, "memory", "used_memory") - before < 4 << 20);
    redisReply *r = ask(c, "ACL LOG 1000");
    assert_int_equal(r->elements, 128);
    freeReplyObject(r);
    redisFree(c);
    server_stop(s);
}

/* Whatever is asked, in whatever order: an answer, or the end of a connection whose user went. */
static void *mix(void *arg)
{
    static const char *const commands[] = {
        "AUTH u0 pw",
        "AUTH u1 pw",
        "AUTH default any",
        "GET k",
        "SET k v",
        "PUBLISH c x",
        "ACL SETUSER u0 on >pw ~* &* +@all",
        "ACL SETUSER u1 on >pw ~k* &c +@all -flushall",
        "ACL SETUSER u1 resetchannels -get",
        "ACL SETUSER u0 %R~k %W~k",
        "ACL DELUSER u0",
        "ACL DELUSER u1",
        "ACL LIST",
        "ACL GETUSER u1",
        "ACL LOG 5",
        "CLIENT LIST",
        "CLIENT INFO",
        "CLIENT KILL USER u1",
        "CONFIG SET acllog-max-len 3",
        "CONFIG SET requirepass %b",
        "MULTI",
        "EXEC",
        "RESET",
        "SUBSCRIBE c",
        "PING",
    };
    const struct test_server *s = arg;
    uint32_t seed = (uint32_t)(uintptr_t)&seed;
    redisContext *c = client_open(s);
    for (int i = 0; i < 3000; i++) {
        seed = seed * 1103515245 + 12345;
        redisReply *r = redisCommand(c, commands[(seed >> 16) % (sizeof commands / sizeof *commands)], "", (size_t)0);
        if (r != NULL) {
            freeReplyObject(r);
            continue;
        }
        redisFree(c);
        c = client_open(s);
    }
    redisFree(c);
    return NULL;
}

static void test_all_at_once(void **state)
{
    enum { THREADS = 6 };
    struct test_server *s = SERVER_START("--threads", "3");
    pthread_t t[THREADS];
    (void)state;
    redisContext *admin = client_open(s);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, mix, s), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    expect_status(admin, "OK", "ACL SETUSER last on nopass +ping");
    redisContext *c = client_open(s);
    expect_status(c, "OK", "AUTH last any");
    expect_status(c, "PONG", "PING");
    redisFree(c);
    redisFree(admin);
    server_stop(s);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static char *read_file(const char *path)
{
    static char text[8192];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void test_file(void **state)
{
    char dir[] = "/tmp/flagstone-acl-XXXXXX", sub[64], path[80], moved[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(sub, sizeof sub, "%s/users", dir);
    snprintf(moved, sizeof moved, "%s/moved", dir);
    assert_int_equal(mkdir(sub, 0700), 0);
    snprintf(path, sizeof path, "%s/acl", sub);
    write_file(path, "user alice on >pw ~* +@all\nuser default on nopass ~* &* +@all\nuser bob on >pw +ping\n");
    struct test_server *s = SERVER_START("--threads", "2", "--aclfile", path);
    redisContext *c = client_open(s), *alice = login(s, "alice"), *bob = login(s, "bob");

    write_file(path, "user alice on >pw ~* +@all\nuser default on nopass ~* &* +@all\nuser bob onn\n");
    expect_error(c, "ERR", "ACL LOAD");
    redisReply *r = redisCommand(c, "ACL LOAD");
    assert_non_null(strstr(r->str, "users/acl:3: Syntax error. "));
    freeReplyObject(r);
    expect_status(bob, "PONG", "PING");

    /* Who is not changed stays. */
    write_file(path, "user alice on >pw ~* +@all\nuser default on nopass ~* &* +@all\nuser bob on >pw +get\n");
    expect_status(c, "OK", "ACL LOAD");
    expect_closed(bob);
    expect_bulk(alice, "alice", "ACL WHOAMI");

    expect_status(alice, "OK", "ACL SETUSER carol on >secret +@read");
    expect_status(alice, "OK", "ACL SAVE");
    char *saved = read_file(path);
    assert_non_null(strstr(saved, "user carol on #"));
    assert_null(strstr(saved, "secret"));
    assert_null(strstr(saved, ">"));

    /* The directory is gone: an error, and nothing is lost when it is there again. */
    assert_int_equal(rename(sub, moved), 0);
    expect_status(alice, "OK", "ACL SETUSER dave on");
    expect_error(alice, "ERR There was an error trying to save the ACLs", "ACL SAVE");
    expect_error(alice, "ERR Error loading ACLs, opening file", "ACL LOAD");
    assert_int_equal(rename(moved, sub), 0);
    assert_non_null(strstr(read_file(path), "user carol on #"));
    expect_status(alice, "OK", "ACL LOAD");
    expect_nil(alice, "ACL GETUSER dave");
    redisFree(alice);
    redisFree(c);
    server_stop(s);
    unlink(path);
    rmdir(sub);
    rmdir(dir);
}

/* The server does not start, and says where and why. */
static void test_refuses_to_start(void **state)
{
    static const struct {
        const char *file, *config, *want;
    } table[] = {
        {"user a on\n\nuser b onn\n", "", "acl:3: Syntax error. "},
        {"alice on\n", "", "acl:1 should start with user keyword followed by the username. "},
        {"user a +nosuch", "", "acl:1: Error in applying operation '+nosuch': Unknown command or category name in ACL"},
        {"", "user a on\n", "'user' lines and an aclfile at the same time"},
        {NULL, "user a on +nosuch\n",
         "at line 1\n>>> 'user a ... +nosuch'\nError in user declaration 'a': Unknown command or category name in ACL"},
        {NULL, "port 0\nuser a >secret (+get)\n",
         "at line 2\n>>> 'user a ... (+get)'\nError in user declaration 'a': Selec"},
        {NULL, "user a on\nuser a off\n",
         "at line 2\n>>> 'user a'\nError in user declaration 'a': Duplicate user found."},
        {NULL, "user\n", "Bad directive or wrong number of arguments"},
    };
    char dir[] = "/tmp/flagstone-acl-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/acl", dir);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *output, config[512];
        snprintf(config, sizeof config, "%s\nport 0\nunixsocket %s/socket\n%s%s\n", table[i].config, dir,
                 table[i].file != NULL ? "aclfile " : "", table[i].file != NULL ? path : "");
        if (table[i].file != NULL)
            write_file(path, table[i].file);
        assert_int_equal(SERVER_RUN(config, &output, "--check-conf", "-"), 1);
        if (strstr(output, table[i].want) == NULL)
            fail_msg("--check-conf does not say '%s': %s", table[i].want, output);
        free(output);
        assert_int_equal(SERVER_RUN(config, &output, "-"), 1);
        if (strstr(output, table[i].want) == NULL)
            fail_msg("not '%s': %s", table[i].want, output);
        assert_null(strstr(output, "secret"));
        free(output);
    }
    unlink(path);
    rmdir(dir);
}

static void test_user_lines(void **state)
{
    char path[] = "/tmp/flagstone-acl-XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    write_file(path, "# users\nuser alice on >pw ~a:* +@read\nhz 20\n");
    struct test_server *s = SERVER_START(path);
    redisContext *c = client_open(s);
    expect_status(c, "OK", "CONFIG REWRITE");
    assert_non_null(strstr(read_file(path), "# users\nuser alice on >pw ~a:* +@read\nhz 20\n")); /* nothing changed */
    expect_status(c, "OK", "ACL SETUSER alice +set");
    expect_status(c, "OK", "ACL SETUSER bob on nopass -@all +ping");
    expect_status(c, "OK", "CONFIG SET requirepass secret");
    expect_status(c, "OK", "CONFIG REWRITE");
    char *text = read_file(path);
    assert_non_null(strstr(text,
                           "# users\nuser alice on #30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4 "
                           "~a:* resetchannels -@all +@read +set\nuser bob on nopass resetchannels -@all +ping\n"
                           "hz 20\n"));
    assert_null(strstr(text, "user default"));
    redisFree(c);
    server_stop(s);
    s = SERVER_START(path);
    c = client_open(s);
    expect_error(c, "NOAUTH", "PING");
    expect_status(c, "OK", "AUTH bob any");
    expect_status(c, "PONG", "PING");
    expect_error(c, "NOPERM", "GET a");
    expect_status(c, "OK", "AUTH secret");
    expect_status(c, "OK", "ACL SETUSER default >second");
    expect_status(c, "OK", "CONFIG REWRITE");
    assert_non_null(strstr(read_file(path), "\nuser default on #"));
    redisFree(c);
    server_stop(s);
    unlink(path);
}

/* Names and patterns that files would take for something else. */
static void make_odd_users(redisContext *c)
{
    static const char *const names[] = {"", "a\"b", "a'b", "#c", "d\\n", "on", "user", "\xff\x01"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect_status(c, "OK", "ACL SETUSER %s on nopass ~k\"x ~#y &'c +get +select|\"q", names[i]);
    expect_error(c, "ERR Error in ACL SETUSER modifier '+select|a b': Syntax error", "ACL SETUSER e %s", "+select|a b");
    expect_error(c, "ERR Error in ACL SETUSER modifier '+select|a b': Syntax error", "ACL SETUSER e %s",
                 "+select|a\nb");
}

static void expect_same_users(redisContext *c, const redisReply *want)
{
    redisReply *r = ask(c, "ACL LIST");
    assert_int_equal(r->elements, want->elements);
    for (size_t i = 0; i < r->elements; i++)
        assert_string_equal(r->element[i]->str, want->element[i]->str);
    freeReplyObject(r);
}

/* What ACL SAVE and CONFIG REWRITE write, the server reads back, whatever users are called. */
static void test_odd_users_are_kept(void **state)
{
    static const char *const keep[] = {"ACL SAVE", "CONFIG REWRITE"};
    (void)state;
    for (int by_lines = 0; by_lines < 2; by_lines++) {
        char path[] = "/tmp/flagstone-acl-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        close(fd);
        const char *const options[] = {by_lines ? path : "--aclfile", by_lines ? NULL : path, NULL};
        struct test_server *s = server_start(options);
        redisContext *c = client_open(s);
        make_odd_users(c);
        redisReply *users = ask(c, "ACL LIST");
        expect_status(c, "OK", keep[by_lines]);
        if (!by_lines)
            expect_status(c, "OK", "ACL LOAD");
        expect_same_users(c, users);
        redisFree(c);
        server_stop(s);
        s = server_start(options);
        c = client_open(s);
        expect_same_users(c, users);
        freeReplyObject(users);
        redisFree(c);
        server_stop(s);
        unlink(path);
    }
}

/* An address of this machine that is not the loopback's, NULL: it has none. */
static const char *own_address(void)
{
    static char text[INET_ADDRSTRLEN];
    const char *found = NULL;
    struct ifaddrs *all;
    assert_int_equal(getifaddrs(&all), 0);
    for (struct ifaddrs *i = all; i != NULL && found == NULL; i = i->ifa_next) {
        const struct sockaddr_in *in = (const void *)i->ifa_addr;
        if (in != NULL && in->sin_family == AF_INET && (i->ifa_flags & IFF_UP) && !(i->ifa_flags & IFF_LOOPBACK))
            found = inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    }
    freeifaddrs(all);
    return found;
}

static void test_protected_mode(void **state)
{
    static const char denied[] = "DENIED Redis is running in protected mode because protected mode is enabled and no "
                                 "password is set for the default user. In this mode ";
    const char *address = own_address();
    (void)state;
    if (address == NULL)
        skip();
    struct test_server *s = SERVER_START("--bind", "0.0.0.0");
    redisContext *local = client_open(s), *c = redisConnect(address, server_port(s));
    redisReply *r;
    assert_int_equal(redisGetReply(c, (void **)&r), REDIS_OK);
    assert_memory_equal(r->str, denied, sizeof denied - 1);
    freeReplyObject(r);
    assert_int_not_equal(redisGetReply(c, (void **)&r), REDIS_OK); /* closed */
    redisFree(c);
    expect_status(local, "OK", "ACL SETUSER default >pw");
    c = redisConnect(address, server_port(s));
    expect_error(c, "NOAUTH", "PING");
    expect_status(c, "OK", "AUTH pw");
    redisFree(c);
    expect_status(local, "OK", "ACL SETUSER default nopass");
    expect_status(local, "OK", "CONFIG SET protected-mode no");
    c = redisConnect(address, server_port(s));
    expect_status(c, "PONG", "PING");
    redisFree(c);
    redisFree(local);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_hold_everywhere),
        cmocka_unit_test(test_deleted_and_cut),
        cmocka_unit_test(test_long_channel),
        cmocka_unit_test(test_default_user),
        cmocka_unit_test(test_flood_of_passwords),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_refuses_to_start),
        cmocka_unit_test(test_user_lines),
        cmocka_unit_test(test_odd_users_are_kept),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_protected_mode),
    };
    return cmocka_run_group_tests_name("acl", tests, NULL, NULL);
}
