/*
 * The floor: the cheapest server that speaks the protocol and keeps nothing.
 *
 * One thread, one epoll set. Each ready connection is read once, the requests in what came are counted by their
 * lengths alone, and a constant answer for each goes out with one write. No key is looked at, nothing is stored.
 * What it costs is what the kernel and the wire ask of any server that reads and writes as seldom as can be, so
 * the other servers' CPU an operation is given as a ratio to it.
 *
 *   *2 GET   -> a bulk string of --value-size bytes      *N MGET -> an array of N-1 such
 *   *N SET   -> +OK                                      INCR, DEL and what else there is -> :1   PING -> +PONG
 *
 * A request is recognised by its argument count and its first letter (requests are taken to be well formed).
 * A value that is longer than the buffer is passed over (conn.skip). Small answers are copied into one buffer;
 * with values of COPY_LIMIT and more the answers are sent by writev from the constant.
 * Answers that do not fit into the socket are kept and resumed by EPOLLOUT; the connection is not read until then.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    READ_BYTES = 256 * 1024,
    CARRY_BYTES = 64 * 1024, /* an unfinished request kept for the next read */
    COPY_LIMIT = 1024,
    OUT_BYTES = 16 * 1024 * 1024, /* no read's answers, of less than COPY_LIMIT each, are longer */
    MAX_IOV = 512,
    MAX_EVENTS = 1024,
    MAX_ANSWER = 48,
};

/* A piece of the answer: a constant sent whole. */
struct piece {
    const char *bytes;
    size_t size;
};

struct conn {
    int fd;
    bool writing; /* answers are queued, reading is suspended */
    size_t skip;  /* bytes of a long value still to pass over */
    char *carry;  /* start of a request that is not complete */
    size_t carry_size;
    struct piece *queue; /* unsent pieces */
    size_t queue_count;
    size_t queue_done;
    char *rest; /* unsent part of copied answers; queue[0] points into it */
};

struct floor {
    int epoll;
    int listener;
    size_t value_size;
    char *bulk; /* "$100\r\n<value>\r\n" */
    size_t bulk_size;
    char *in; /* CARRY_BYTES + READ_BYTES; a request is parsed here */
    char *out;
    size_t out_size;
    struct piece *pieces; /* used instead of `out` when answers are large */
    size_t piece_count;
    size_t piece_room;
    uint64_t requests;
};

static void fail(const char *what)
{
    fprintf(stderr, "bench-floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *must(void *memory)
{
    if (memory == NULL) {
        fail("out of memory");
    }
    return memory;
}

/* Reads the number after the mark at *p ("*2\r\n", "$14\r\n") and steps over the line. False: not all here yet. */
static inline bool take_number(const char **p, const char *end, size_t *number)
{
    const char *q = *p + 1;
    size_t n = 0;
    while (q < end && *q >= '0') {
        n = n * 10 + (size_t)(*q++ - '0');
    }
    if (end - q < 2) {
        return false;
    }
    *p = q + 2;
    *number = n;
    return true;
}

static inline void add_piece(struct floor *f, const char *bytes, size_t size)
{
    if (f->bulk_size < COPY_LIMIT) {
        memcpy(f->out + f->out_size, bytes, size);
        f->out_size += size;
        return;
    }
    if (f->piece_count + 2 > f->piece_room) {
        f->piece_room = f->piece_room == 0 ? 1024 : f->piece_room * 2;
        f->pieces = must(realloc(f->pieces, f->piece_room * sizeof *f->pieces));
    }
    f->pieces[f->piece_count++] = (struct piece){bytes, size};
}

static void answer(struct floor *f, char letter, size_t argc)
{
    static const char ok[] = "+OK\r\n";
    static const char one[] = ":1\r\n";
    static const char pong[] = "+PONG\r\n";
    static const char headers[][8] = {"*8\r\n", "*16\r\n", "*32\r\n", "*64\r\n"};
    f->requests++;
    switch (letter) {
    case 'G':
        add_piece(f, f->bulk, f->bulk_size);
        break;
    case 'S':
    case 'F':
        add_piece(f, ok, sizeof ok - 1);
        break;
    case 'P':
        add_piece(f, pong, sizeof pong - 1);
        break;
    case 'M': {
        size_t keys = argc - 1;
        unsigned which = keys == 8 ? 0 : keys == 16 ? 1 : keys == 32 ? 2 : 3;
        add_piece(f, headers[which], strlen(headers[which]));
        for (size_t i = 0; i < keys; i++) {
            add_piece(f, f->bulk, f->bulk_size);
        }
        break;
    }
    default:
        add_piece(f, one, sizeof one - 1);
        break;
    }
}

/*
 * Passes over one request at *p. False: it is not complete; if what is missing is the rest of its last argument,
 * *missing says how many bytes (the caller need not keep what is here), otherwise it is 0.
 */
static inline bool pass_request(struct floor *f, const char **p, const char *end, size_t *missing)
{
    const char *q = *p;
    size_t argc;
    *missing = 0;
    if (!take_number(&q, end, &argc)) {
        return false;
    }
    char letter = 0;
    for (size_t i = 0; i < argc; i++) {
        size_t size;
        if (q >= end || !take_number(&q, end, &size)) {
            return false;
        }
        if (i == 0) {
            letter = q < end ? *q : 0;
        }
        if ((size_t)(end - q) < size + 2) {
            if (i + 1 == argc && argc == 3 && letter == 'S') {
                *missing = size + 2 - (size_t)(end - q);
                *p = end;
            }
            return false;
        }
        q += size + 2;
    }
    *p = q;
    answer(f, letter, argc);
    return true;
}

static void watch(struct floor *f, struct conn *c, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = c};
    if (epoll_ctl(f->epoll, EPOLL_CTL_MOD, c->fd, &ev) != 0) {
        fail("epoll_ctl");
    }
}

static void close_conn(struct conn *c)
{
    close(c->fd);
    free(c->carry);
    free(c->queue);
    free(c->rest);
    free(c);
}

/* Keeps what could not be sent. The pieces are copied; their bytes are constants or c->rest. */
static void enqueue(struct floor *f, struct conn *c, const struct piece *pieces, size_t count)
{
    c->queue = must(realloc(c->queue, count * sizeof *c->queue));
    memcpy(c->queue, pieces, count * sizeof *pieces);
    c->queue_count = count;
    c->queue_done = 0;
    c->writing = true;
    watch(f, c, EPOLLOUT);
}

/* Sends pieces until the socket is full. Returns how many were sent whole, and moves the next one's start; -1: gone. */
static ssize_t send_pieces(struct conn *c, struct piece *pieces, size_t count)
{
    size_t done = 0;
    while (done < count) {
        struct iovec iov[MAX_IOV];
        int n = 0;
        for (; n < MAX_IOV && done + (size_t)n < count; n++) {
            iov[n] = (struct iovec){(void *)(uintptr_t)pieces[done + (size_t)n].bytes, pieces[done + (size_t)n].size};
        }
        ssize_t sent = writev(c->fd, iov, n);
        if (sent < 0) {
            return errno == EAGAIN ? (ssize_t)done : -1;
        }
        size_t left = (size_t)sent;
        while (done < count && left >= pieces[done].size) {
            left -= pieces[done++].size;
        }
        if (left > 0) {
            pieces[done].bytes += left;
            pieces[done].size -= left;
            return (ssize_t)done;
        }
    }
    return (ssize_t)done;
}

/* Sends the answers of one read with one write. False: the connection is gone. */
static bool flush_answers(struct floor *f, struct conn *c)
{
    if (f->piece_count == 0) {
        size_t size = f->out_size;
        f->out_size = 0;
        ssize_t sent = size == 0 ? 0 : send(c->fd, f->out, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            return false;
        }
        size_t done = sent < 0 ? 0 : (size_t)sent;
        if (done < size) {
            c->rest = must(malloc(size - done));
            memcpy(c->rest, f->out + done, size - done);
            struct piece piece = {c->rest, size - done};
            enqueue(f, c, &piece, 1);
        }
        return true;
    }
    ssize_t done = send_pieces(c, f->pieces, f->piece_count);
    if (done >= 0 && (size_t)done < f->piece_count) {
        enqueue(f, c, f->pieces + done, f->piece_count - (size_t)done);
    }
    f->piece_count = 0;
    return done >= 0;
}

static void handle_writable(struct floor *f, struct conn *c)
{
    ssize_t done = send_pieces(c, c->queue + c->queue_done, c->queue_count - c->queue_done);
    if (done < 0) {
        close_conn(c);
        return;
    }
    c->queue_done += (size_t)done;
    if (c->queue_done == c->queue_count) {
        free(c->rest);
        c->rest = NULL;
        c->writing = false;
        watch(f, c, EPOLLIN);
    }
}

static void keep_rest(struct conn *c, const char *p, size_t size)
{
    if (size > CARRY_BYTES) {
        fprintf(stderr, "bench-floor: a request of more than %d bytes before its value\n", CARRY_BYTES);
        exit(1);
    }
    if (size > 0) {
        if (c->carry == NULL) {
            c->carry = must(malloc(CARRY_BYTES));
        }
        memcpy(c->carry, p, size);
    }
    c->carry_size = size;
}

static void handle_readable(struct floor *f, struct conn *c)
{
    char *base = f->in + CARRY_BYTES - c->carry_size;
    if (c->carry_size > 0) {
        memcpy(base, c->carry, c->carry_size);
    }
    ssize_t got = recv(c->fd, f->in + CARRY_BYTES, READ_BYTES, 0);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        close_conn(c);
        return;
    }
    const char *p = base;
    const char *end = f->in + CARRY_BYTES + got;
    if (c->skip > 0) {
        size_t pass = c->skip < (size_t)(end - p) ? c->skip : (size_t)(end - p);
        p += pass;
        c->skip -= pass;
        if (c->skip == 0) {
            answer(f, 'S', 3);
        }
    }
    size_t missing = 0;
    while (p < end && pass_request(f, &p, end, &missing)) {
    }
    c->skip += missing;
    keep_rest(c, p, (size_t)(end - p));
    if (!flush_answers(f, c)) {
        close_conn(c);
    }
}

static void accept_conns(struct floor *f)
{
    for (;;) {
        int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct conn *c = must(calloc(1, sizeof *c));
        c->fd = fd;
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
            fail("epoll_ctl");
        }
    }
}

static void start(struct floor *f, int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (f->listener < 0 || bind(f->listener, (struct sockaddr *)&addr, sizeof addr) != 0 ||
        listen(f->listener, 4096) != 0) {
        fail("cannot listen");
    }
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    if (f->epoll < 0 || epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->listener, &ev) != 0) {
        fail("epoll");
    }
    f->bulk = must(malloc(f->value_size + MAX_ANSWER));
    int head = snprintf(f->bulk, MAX_ANSWER, "$%zu\r\n", f->value_size);
    memset(f->bulk + head, 'x', f->value_size);
    memcpy(f->bulk + head + f->value_size, "\r\n", 2);
    f->bulk_size = (size_t)head + f->value_size + 2;
    f->in = must(malloc(CARRY_BYTES + READ_BYTES));
    f->out = must(malloc(OUT_BYTES));
}

int main(int argc, char **argv)
{
    struct floor f = {.value_size = 100};
    int port = 6400;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0) {
            port = atoi(argv[i + 1]);
        } else if (strcmp(argv[i], "--value-size") == 0) {
            f.value_size = strtoul(argv[i + 1], NULL, 10);
        } else {
            fprintf(stderr, "usage: bench-floor [--port N] [--value-size BYTES]\n");
            return 2;
        }
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    start(&f, port);
    struct epoll_event events[MAX_EVENTS];
    for (;;) {
        int n = epoll_wait(f.epoll, events, MAX_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (c == NULL) {
                accept_conns(&f);
            } else if (c->writing) {
                handle_writable(&f, c);
            } else {
                handle_readable(&f, c);
            }
        }
    }
}
