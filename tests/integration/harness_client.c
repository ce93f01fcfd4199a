/* Connections of the tests, and what they expect. */
#include "tests/integration/harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

redisContext *client_open(const struct test_server *s)
{
    const struct timeval limit = {.tv_sec = HARNESS_DEADLINE_S};
    redisContext *c = redisConnectWithTimeout("127.0.0.1", server_port(s), limit);
    if (!c || c->err)
        fail_msg("connect: %s", c ? c->errstr : "no memory");
    redisSetTimeout(c, limit);
    return c;
}

redisReply *next_reply(redisContext *c)
{
    void *reply = NULL;
    if (redisGetReply(c, &reply) != REDIS_OK)
        fail_msg("no reply: %s", c->errstr);
    return reply;
}

static redisReply *vask(redisContext *c, const char *format, va_list ap)
{
    if (redisvAppendCommand(c, format, ap) != REDIS_OK)
        fail_msg("not a command: %s", format);
    return next_reply(c);
}

static void expect_type(const redisReply *r, int type, const char *format)
{
    if (r->type != type)
        fail_msg("%s: reply of type %d, not %d: %s", format, r->type, type,
                 r->type == REDIS_REPLY_ERROR || r->type == REDIS_REPLY_STRING ? r->str : "");
}

static void expect_text(const redisReply *r, const char *want, size_t n, const char *format)
{
    if (r->len == n && memcmp(r->str, want, n) == 0)
        return;
    if (n > 200 || r->len > 200)
        fail_msg("%s: another value (%zu bytes, expected %zu)", format, (size_t)r->len, n);
    fail_msg("%s: \"%s\", expected \"%.*s\"", format, r->str, (int)n, want);
}

void expect_status(redisContext *c, const char *want, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = vask(c, format, ap);
    va_end(ap);
    expect_type(r, REDIS_REPLY_STATUS, format);
    expect_text(r, want, strlen(want), format);
    freeReplyObject(r);
}

void expect_int(redisContext *c, long long want, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = vask(c, format, ap);
    va_end(ap);
    expect_type(r, REDIS_REPLY_INTEGER, format);
    if (r->integer != want)
        fail_msg("%s: %lld, expected %lld", format, r->integer, want);
    freeReplyObject(r);
}

void expect_bulk(redisContext *c, const char *want, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = vask(c, format, ap);
    va_end(ap);
    expect_type(r, REDIS_REPLY_STRING, format);
    expect_text(r, want, strlen(want), format);
    freeReplyObject(r);
}

void expect_bulk_n(redisContext *c, const void *want, size_t n, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = vask(c, format, ap);
    va_end(ap);
    expect_type(r, REDIS_REPLY_STRING, format);
    expect_text(r, want, n, format);
    freeReplyObject(r);
}

void expect_nil(redisContext *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = vask(c, format, ap);
    va_end(ap);
    expect_type(r, REDIS_REPLY_NIL, format);
    freeReplyObject(r);
}

void expect_error(redisContext *c, const char *want, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = vask(c, format, ap);
    va_end(ap);
    expect_type(r, REDIS_REPLY_ERROR, format);
    if (strncmp(r->str, want, strlen(want)) != 0)
        fail_msg("%s: \"%s\", expected \"%s\"", format, r->str, want);
    freeReplyObject(r);
}

redisReply *ask(redisContext *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = vask(c, format, ap);
    va_end(ap);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, r->str);
    return r;
}

long long ask_int(redisContext *c, const char *format, ...)
{
    long long v;
    va_list ap;
    va_start(ap, format);
    redisReply *r = vask(c, format, ap);
    va_end(ap);
    expect_type(r, REDIS_REPLY_INTEGER, format);
    v = r->integer;
    freeReplyObject(r);
    return v;
}

long long info_number(redisContext *c, const char *section, const char *field)
{
    char line[128];
    const char *at;
    long long v = -1;
    redisReply *r = ask(c, "INFO %s", section);
    snprintf(line, sizeof(line), "\n%s:", field);
    at = strstr(r->str, line);
    if (at)
        v = strtoll(at + strlen(line), NULL, 10);
    freeReplyObject(r);
    return v;
}

int raw_open(const struct test_server *s)
{
    const struct timeval limit = {.tv_sec = HARNESS_DEADLINE_S};
    const int one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_port = htons((uint16_t)server_port(s));
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
        fail_msg("connect: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

int raw_open_unix(const struct test_server *s)
{
    struct timeval limit = {.tv_sec = HARNESS_DEADLINE_S};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_true((size_t)snprintf(a.sun_path, sizeof a.sun_path, "%s/socket", server_dir(s)) < sizeof a.sun_path);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

void raw_send(int fd, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent < 0)
            fail_msg("send: %s", strerror(errno));
        at += sent;
        n -= (size_t)sent;
    }
}

void raw_send_text(int fd, const char *text)
{
    raw_send(fd, text, strlen(text));
}

void raw_read(int fd, void *p, size_t n)
{
    char *at = p;
    while (n > 0) {
        ssize_t got = recv(fd, at, n, 0);
        if (got <= 0)
            fail_msg("read: %s", got ? strerror(errno) : "closed");
        at += got;
        n -= (size_t)got;
    }
}

void raw_expect(int fd, const char *want)
{
    size_t n = strlen(want);
    char *got = calloc(1, n + 1);
    size_t have = 0;
    while (have < n) {
        ssize_t more = recv(fd, got + have, n - have, 0);
        if (more <= 0)
            fail_msg("closed after \"%s\", expected \"%s\"", got, want);
        have += (size_t)more;
        if (memcmp(got, want, have) != 0)
            fail_msg("\"%s\", expected \"%s\"", got, want);
    }
    free(got);
}

void raw_expect_closed(int fd)
{
    char buf[65536];
    ssize_t n;
    while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
        ;
    if (n < 0 && errno != ECONNRESET)
        fail_msg("not closed: %s", strerror(errno));
    close(fd);
}
