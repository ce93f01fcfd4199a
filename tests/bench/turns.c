/*
 * bench-turns: turns of fixed requests, and what they cost the server.
 *
 * In a turn every sender sends the same block of requests, and the turn is over when all bytes that the server owes for
 * it have arrived, at the senders and at listeners: so nothing of a turn runs into the next one. Kinds:
 *   pubsub   one sender publishes --window messages of --bytes to one channel, --conns listeners are subscribed to it
 *   set      each of --conns senders sends --window times ten SETs
 *   multi    the same in MULTI and EXEC
 * One line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/process.h"

enum { SILENT_S = 20, EVENTS = 256, BUFFER_BYTES = 256 * 1024, SETS = 10, WARM_TURNS = 3 };

struct turns {
    int port, pid;
    const char *kind;
    unsigned conns, window;
    size_t bytes;
    double seconds;
    int epoll, *fd;
    unsigned senders, all; /* fd[0, senders) send */
    char *block;
    size_t block_len;
    uint64_t owed; /* bytes that a turn brings */
    char *buffer;
};

static void die(const char *what)
{
    fprintf(stderr, "bench-turns: %s\n", what);
    exit(1);
}

static void *must(void *memory)
{
    if (memory == NULL) {
        die("out of memory");
    }
    return memory;
}

static int connect_to(const struct turns *t)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t->port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        die(strerror(errno));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            die(strerror(errno));
        }
        p += sent;
        n -= (size_t)sent;
    }
}

/* Receives what all connections are owed together. It never sleeps: waking it is not to be among the costs. */
static void receive(struct turns *t, uint64_t owed)
{
    struct epoll_event events[EVENTS];
    uint64_t heard = bench_now();
    while (owed > 0) {
        int n = epoll_wait(t->epoll, events, EVENTS, 0);
        if (n > 0) {
            heard = bench_now();
        } else if (bench_now() - heard > SILENT_S * UINT64_C(1000000000)) {
            die("the server owes bytes and is silent");
        }
        for (int i = 0; i < n; i++) {
            ssize_t got = recv(events[i].data.fd, t->buffer, BUFFER_BYTES, MSG_DONTWAIT);
            if (got <= 0 || (uint64_t)got > owed) {
                die(got <= 0 ? "a connection broke" : "the server sent more than it owed");
            }
            owed -= (uint64_t)got;
        }
    }
}

static void append(struct turns *t, size_t *room, const char *p, size_t n)
{
    if (t->block_len + n > *room) {
        *room = (t->block_len + n) * 2;
        t->block = must(realloc(t->block, *room));
    }
    memcpy(t->block + t->block_len, p, n);
    t->block_len += n;
}

static void append_bulk(struct turns *t, size_t *room, const char *p, size_t n)
{
    char head[32];
    append(t, room, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", n));
    append(t, room, p, n);
    append(t, room, "\r\n", 2);
}

static void append_words(struct turns *t, size_t *room, const char *head, const char *name, const char *key,
                         const char *value)
{
    append(t, room, head, strlen(head));
    append_bulk(t, room, name, strlen(name));
    append_bulk(t, room, key, strlen(key));
    append_bulk(t, room, value, t->bytes);
}

/* The block, and what each sender is owed for it. */
static size_t build_sets(struct turns *t, bool multi)
{
    size_t room = 0, owed = 0;
    char *value = must(malloc(t->bytes + 1));
    memset(value, 'x', t->bytes);
    for (unsigned w = 0; w < t->window; w++) {
        if (multi) {
            append(t, &room, "*1\r\n$5\r\nMULTI\r\n", 15);
        }
        for (int i = 0; i < SETS; i++) {
            char key[32];
            snprintf(key, sizeof key, "key:%08u", w * SETS + (unsigned)i);
            append_words(t, &room, "*3\r\n", "SET", key, value);
        }
        if (multi) {
            append(t, &room, "*1\r\n$4\r\nEXEC\r\n", 14);
        }
        owed += SETS * strlen("+OK\r\n");
        owed += multi ? strlen("+OK\r\n*10\r\n") + SETS * strlen("+QUEUED\r\n") : 0;
    }
    free(value);
    return owed;
}

/* The same for messages: what all are owed. */
static uint64_t build_messages(struct turns *t)
{
    size_t room = 0;
    char head[64], *text = must(malloc(t->bytes + 1));
    memset(text, 'x', t->bytes);
    for (unsigned w = 0; w < t->window; w++) {
        append_words(t, &room, "*3\r\n", "PUBLISH", "news", text);
    }
    free(text);
    size_t message = strlen("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n") + t->bytes + 2 +
                     (size_t)snprintf(head, sizeof head, "$%zu\r\n", t->bytes);
    size_t reply = (size_t)snprintf(head, sizeof head, ":%u\r\n", t->conns);
    return (uint64_t)t->window * (reply + (uint64_t)t->conns * message);
}

static void open_connections(struct turns *t)
{
    bool pubsub = strcmp(t->kind, "pubsub") == 0;
    t->senders = pubsub ? 1 : t->conns;
    t->all = pubsub ? t->conns + 1 : t->conns;
    t->fd = must(calloc(t->all, sizeof *t->fd));
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < t->all; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        event.data.fd = t->fd[i] = connect_to(t);
        if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->fd[i], &event) != 0) {
            die(strerror(errno));
        }
        if (i >= t->senders) {
            send_all(t->fd[i], "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n", 29);
            receive(t, strlen("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"));
        }
    }
}

static void turn(struct turns *t)
{
    for (unsigned i = 0; i < t->senders; i++) {
        send_all(t->fd[i], t->block, t->block_len);
    }
    receive(t, t->owed);
}

static void run(struct turns *t)
{
    uint64_t turns = 0;
    for (int i = 0; i < WARM_TURNS; i++) {
        turn(t);
    }
    uint64_t cpu = process_cpu(t->pid).total_ns, start = bench_now(), now = start;
    for (; (double)(now - start) < t->seconds * 1e9; now = bench_now()) {
        turn(t);
        turns++;
    }
    cpu = process_cpu(t->pid).total_ns - cpu;
    double units = (double)turns * t->window * t->senders;
    printf(
        "{\"units\":%.0f,\"seconds\":%.4f,\"cpu_seconds\":%.4f,\"units_per_second\":%.1f,\"cpu_us_per_unit\":%.4f}\n",
        units, (double)(now - start) / 1e9, (double)cpu / 1e9, units / ((double)(now - start) / 1e9),
        (double)cpu / 1e3 / units);
}

static void parse(struct turns *t, int argc, char **argv)
{
    *t = (struct turns){.kind = "pubsub", .conns = 1000, .window = 16, .bytes = 100, .seconds = 1};
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        unsigned long n = strtoul(value, NULL, 10);
        if (strcmp(name, "--port") == 0) {
            t->port = (int)n;
        } else if (strcmp(name, "--pid") == 0) {
            t->pid = (int)n;
        } else if (strcmp(name, "--kind") == 0) {
            t->kind = value;
        } else if (strcmp(name, "--conns") == 0) {
            t->conns = (unsigned)n;
        } else if (strcmp(name, "--window") == 0) {
            t->window = (unsigned)n;
        } else if (strcmp(name, "--bytes") == 0) {
            t->bytes = n;
        } else if (strcmp(name, "--seconds") == 0) {
            t->seconds = strtod(value, NULL);
        } else if (strcmp(name, "--cpu") == 0) {
            cpu_set_t set;
            CPU_ZERO(&set);
            CPU_SET(n, &set);
            sched_setaffinity(0, sizeof set, &set);
        }
    }
    if (t->port == 0 || t->pid == 0 || t->conns == 0 || t->window == 0) {
        die("usage: bench-turns --port N --pid N [--kind pubsub|set|multi] [--conns N] [--window N] [--bytes N] "
            "[--seconds N] [--cpu N]");
    }
}

int main(int argc, char **argv)
{
    struct turns t;
    struct rlimit files;
    parse(&t, argc, argv);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    t.buffer = must(malloc(BUFFER_BYTES));
    open_connections(&t);
    if (strcmp(t.kind, "pubsub") == 0) {
        t.owed = build_messages(&t);
    } else {
        t.owed = (uint64_t)t.conns * build_sets(&t, strcmp(t.kind, "multi") == 0);
    }
    run(&t);
    for (unsigned i = 0; i < t.all; i++) {
        close(t.fd[i]);
    }
    free(t.fd);
    free(t.block);
    free(t.buffer);
    return 0;
}
