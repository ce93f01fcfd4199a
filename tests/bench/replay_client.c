/*
 * A batch is answered whole before the next is begun, but its first requests are sent while later ones are encoded.
 * Sends do not block, and replies are taken whenever the socket is full, so that a server that stops reading until its
 * replies are read cannot deadlock with us.
 */
#include "tests/bench/replay_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 512 * 1024, PUSH_BYTES = 16 * 1024 };

static void die(const char *what)
{
    fprintf(stderr, "bench-replay: %s\n", what);
    exit(1);
}

void replay_connect(struct replay_client *c, enum bench_protocol protocol, int port, const char *pattern)
{
    memset(c, 0, sizeof *c);
    c->protocol = protocol;
    c->pattern = pattern;
    c->in = malloc(REPLY_CARRY_BYTES + READ_BYTES);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->in == NULL || c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        die(strerror(errno));
    }
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void replay_close(struct replay_client *c)
{
    close(c->fd);
    free(c->in);
    free(c->out);
}

static char *room(struct replay_client *c, size_t more)
{
    if (c->out_size + more > c->out_room) {
        c->out_room = (c->out_size + more) * 2;
        c->out = realloc(c->out, c->out_room);
        if (c->out == NULL) {
            die("out of memory");
        }
    }
    return c->out + c->out_size;
}

/* Sends what is encoded as far as the socket takes it, so that the server works while more is encoded. */
static void push(struct replay_client *c)
{
    ssize_t n = send(c->fd, c->out + c->sent, c->out_size - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) {
        die(strerror(errno));
    }
    c->sent += n > 0 ? (size_t)n : 0;
}

static void put(struct replay_client *c, const char *bytes, size_t size)
{
    memcpy(room(c, size), bytes, size);
    c->out_size += size;
}

static void put_text(struct replay_client *c, const char *text)
{
    put(c, text, strlen(text));
}

static void put_key(struct replay_client *c, uint64_t id)
{
    bench_key(room(c, BENCH_KEY_BYTES), id, 'k');
    c->out_size += BENCH_KEY_BYTES;
}

static void put_number(struct replay_client *c, uint32_t n)
{
    char digits[12];
    char *p = digits + sizeof digits;
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put(c, p, (size_t)(digits + sizeof digits - p));
}

static uint32_t add(struct replay_client *c, enum bench_verb verb, uint64_t id, uint32_t size)
{
    if (c->count == REPLAY_BATCH_MAX) {
        die("a batch too long");
    }
    if (c->out_size - c->sent >= PUSH_BYTES) {
        push(c);
    }
    c->expect[c->count] = (struct bench_expect){(uint8_t)verb, size, bench_pattern_offset(id)};
    return c->count++;
}

uint32_t replay_get(struct replay_client *c, uint64_t id, uint32_t size)
{
    bool resp = c->protocol == PROTOCOL_RESP;
    put_text(c, resp ? "*2\r\n$3\r\nGET\r\n$14\r\n" : "mg ");
    put_key(c, id);
    put_text(c, resp ? "\r\n" : " v\r\n");
    return add(c, VERB_GET, id, size);
}

uint32_t replay_set(struct replay_client *c, uint64_t id, uint32_t size)
{
    bool resp = c->protocol == PROTOCOL_RESP;
    put_text(c, resp ? "*3\r\n$3\r\nSET\r\n$14\r\n" : "ms ");
    put_key(c, id);
    put_text(c, resp ? "\r\n$" : " ");
    put_number(c, size);
    put_text(c, "\r\n");
    put(c, c->pattern + bench_pattern_offset(id), size);
    put_text(c, "\r\n");
    return add(c, VERB_SET, id, 0);
}

uint32_t replay_delete(struct replay_client *c, uint64_t id)
{
    put_text(c, c->protocol == PROTOCOL_RESP ? "*2\r\n$3\r\nDEL\r\n$14\r\n" : "md ");
    put_key(c, id);
    put_text(c, "\r\n");
    return add(c, VERB_DEL, id, 0);
}

/* Takes what has come; `done` replies of the batch are known. Their new number. */
static uint32_t take(struct replay_client *c, uint32_t done)
{
    char *base = c->in + REPLY_CARRY_BYTES;
    ssize_t got = recv(c->fd, base, READ_BYTES, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
        return done;
    }
    if (got <= 0) {
        die(got == 0 ? "the server closed the connection" : strerror(errno));
    }
    const char *p = base - c->reader.carry_size;
    memcpy(base - c->reader.carry_size, c->reader.carry, c->reader.carry_size);
    c->reader.carry_size = 0;
    while (p < base + got) {
        if (done == c->count) {
            die("a reply that nobody asked for");
        }
        uint64_t misses = c->tally.misses;
        if (bench_replies_take(&c->reader, c->protocol, &p, base + got, &c->expect[done], 1,
                               c->verify ? c->pattern : NULL, &c->tally) == 0) {
            break;
        }
        c->found[done++] = c->tally.misses == misses;
    }
    return done;
}

void replay_run(struct replay_client *c)
{
    uint32_t done = 0;
    while (done < c->count) {
        struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
        if (c->sent < c->out_size) {
            push(c);
            pfd.events |= c->sent < c->out_size ? POLLOUT : 0;
        }
        if (poll(&pfd, 1, 60000) == 0) {
            die("no reply for 60 s");
        }
        if ((pfd.revents & ~POLLOUT) != 0) {
            done = take(c, done);
        }
    }
    c->count = 0;
    c->out_size = 0;
    c->sent = 0;
}
