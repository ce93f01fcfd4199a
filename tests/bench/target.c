/*
 * A connection has at most one batch that is being sent and, in the closed loop, one that is outstanding. In the open
 * loop batch k goes to connection k % N, behind what is outstanding there; so the batch that a reply belongs to, and
 * with it the time it was due, follows from arithmetic, and nothing is stored for it.
 *
 * All connections share one read buffer: it stays in the cache, and 10,000 of them cost little. Before it is room for
 * the incomplete line that a connection kept from its last read.
 */
#include "tests/bench/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/process.h"

enum { READ_BYTES = 512 * 1024, MAX_EVENTS = 512, MAX_IOV = 256, LATE_NS = 1000000 };

struct bench_conn {
    int fd;
    bool waits_for_room;  /* EPOLLOUT is asked for */
    uint32_t outstanding; /* batches */
    uint32_t batch_done;  /* replies of the current batch that have come */
    uint64_t reply_batch; /* the batch that the next reply belongs to */
    uint64_t segment;     /* next to send */
    uint64_t segment_end;
    size_t segment_done; /* bytes of it already sent */
    uint64_t sent_at;
    struct bench_reader reader;
};

struct open_loop {
    uint64_t start_ns;
    double interval_ns; /* between batches */
    struct bench_window *windows;
    uint32_t window_count;
    uint64_t window_ns;
    uint32_t window;       /* the one that runs */
    uint64_t stolen_since; /* process_stolen_ns at its begin */
};

struct run {
    struct bench_target *t;
    struct bench_result *result;
    struct open_loop *open; /* NULL: closed */
    uint64_t end_ns;        /* no batch is started after this; 0: at the stream's end */
    uint32_t busy;          /* connections with something outstanding */
    uint64_t now;
};

static void die(const struct bench_target *t, const char *what)
{
    fprintf(stderr, "bench-load: %s (port %d): %s\n", t->name, t->port, what);
    exit(1);
}

static int connect_one(const struct bench_target *t)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t->port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        die(t, strerror(errno));
    }
    int on = 1;
    struct linger reset = {1, 0}; /* no TIME_WAIT: thousands of connections come and go in a run */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return fd;
}

void bench_target_connect(struct bench_target *t, uint32_t conn_count)
{
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->conns = calloc(conn_count, sizeof *t->conns);
    t->in = malloc(REPLY_CARRY_BYTES + READ_BYTES);
    t->conn_count = conn_count;
    if (t->epoll < 0 || t->conns == NULL || t->in == NULL) {
        die(t, "out of memory");
    }
    for (uint32_t i = 0; i < conn_count; i++) {
        struct bench_conn *c = &t->conns[i];
        c->fd = connect_one(t);
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
            die(t, strerror(errno));
        }
    }
}

void bench_target_disconnect(struct bench_target *t)
{
    for (uint32_t i = 0; i < t->conn_count; i++) {
        close(t->conns[i].fd);
    }
    close(t->epoll);
    free(t->conns);
    free(t->in);
    t->conns = NULL;
    t->in = NULL;
}

static void watch(struct bench_target *t, struct bench_conn *c, bool for_room)
{
    if (c->waits_for_room == for_room) {
        return;
    }
    c->waits_for_room = for_room;
    struct epoll_event ev = {.events = EPOLLIN | (for_room ? EPOLLOUT : 0u), .data.ptr = c};
    if (epoll_ctl(t->epoll, EPOLL_CTL_MOD, c->fd, &ev) != 0) {
        die(t, strerror(errno));
    }
}

static ssize_t send_some(struct bench_target *t, struct bench_conn *c)
{
    const struct iovec *first = &t->stream->segments[c->segment];
    if (c->segment + 1 == c->segment_end) {
        return send(c->fd, (char *)first->iov_base + c->segment_done, first->iov_len - c->segment_done,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    struct iovec iov[MAX_IOV];
    size_t n = 0;
    for (uint64_t i = c->segment; i < c->segment_end && n < MAX_IOV; i++) {
        iov[n++] = t->stream->segments[i];
    }
    iov[0].iov_base = (char *)iov[0].iov_base + c->segment_done;
    iov[0].iov_len -= c->segment_done;
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = n};
    return sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_batch(struct bench_target *t, struct bench_conn *c)
{
    while (c->segment < c->segment_end) {
        ssize_t sent = send_some(t, c);
        if (sent < 0) {
            if (errno == EAGAIN) {
                watch(t, c, true);
                return;
            }
            die(t, strerror(errno));
        }
        size_t left = (size_t)sent;
        while (c->segment < c->segment_end) {
            size_t rest = t->stream->segments[c->segment].iov_len - c->segment_done;
            if (left < rest) {
                c->segment_done += left;
                break;
            }
            left -= rest;
            c->segment++;
            c->segment_done = 0;
        }
    }
    watch(t, c, false);
}

static void start_batch(struct run *run, struct bench_conn *c, uint64_t batch)
{
    const struct bench_stream *s = run->t->stream;
    uint64_t b = batch % s->batches;
    if (c->outstanding++ == 0) {
        c->reply_batch = batch;
        c->batch_done = 0;
        run->busy++;
    }
    c->segment = s->first_segment[b];
    c->segment_end = s->first_segment[b + 1];
    c->segment_done = 0;
    c->sent_at = run->now;
    send_batch(run->t, c);
}

static void start_next_closed(struct run *run, struct bench_conn *c)
{
    if (run->end_ns == 0 ? run->t->cursor >= run->t->stream->batches : run->now >= run->end_ns) {
        return;
    }
    start_batch(run, c, run->t->cursor++);
}

static uint64_t due_ns(const struct open_loop *open, uint64_t batch)
{
    return open->start_ns + (uint64_t)((double)batch * open->interval_ns);
}

/* Counts the latency of n replies, of which e is the first. */
static void record(struct run *run, const struct bench_conn *c, const struct bench_expect *e, uint32_t n)
{
    if (run->open == NULL) {
        bench_histogram_add(&run->result->reads, run->now - c->sent_at, n);
        return;
    }
    uint64_t due = due_ns(run->open, c->reply_batch);
    uint64_t latency = run->now > due ? run->now - due : 0;
    uint64_t window = run->open->window_ns > 0 ? (due - run->open->start_ns) / run->open->window_ns : 0;
    for (uint32_t i = 0; i < n; i++) {
        if (e[i].verb != VERB_GET && e[i].verb != VERB_MGET && e[i].verb != VERB_PING) {
            bench_histogram_add(&run->result->writes, latency, 1);
            continue;
        }
        bench_histogram_add(&run->result->reads, latency, 1);
        if (window < run->open->window_count) {
            bench_histogram_add(&run->open->windows[window].reads, latency, 1);
        }
    }
}

/* Takes the replies in p .. end, batch after batch. */
static void take_replies(struct run *run, struct bench_conn *c, const char *p, const char *end)
{
    struct bench_target *t = run->t;
    const struct bench_stream *s = t->stream;
    while (p < end) {
        if (c->outstanding == 0) {
            die(t, "a reply that nobody asked for");
        }
        uint64_t first = (c->reply_batch % s->batches) * s->depth;
        uint64_t size = s->operations - first < s->depth ? s->operations - first : s->depth;
        const struct bench_expect *e = &s->expect[first + c->batch_done];
        uint32_t n = bench_replies_take(&c->reader, t->protocol, &p, end, e, (uint32_t)size - c->batch_done, t->pattern,
                                        &t->tally);
        record(run, c, e, n);
        c->batch_done += n;
        if (c->batch_done < size) {
            return;
        }
        c->batch_done = 0;
        c->reply_batch += t->conn_count; /* meaningful in the open loop only */
        if (--c->outstanding == 0) {
            run->busy--;
        }
    }
}

static void receive(struct run *run, struct bench_conn *c)
{
    struct bench_target *t = run->t;
    char *base = t->in + REPLY_CARRY_BYTES;
    ssize_t got = recv(c->fd, base, READ_BYTES, MSG_DONTWAIT);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        die(t, got == 0 ? "the server closed a connection" : strerror(errno));
    }
    const char *start = base - c->reader.carry_size;
    memcpy(base - c->reader.carry_size, c->reader.carry, c->reader.carry_size);
    c->reader.carry_size = 0;
    run->now = bench_now();
    take_replies(run, c, start, base + got);
}

/* Waits for events (timeout in ms; 0: only looks) and handles them. */
static void turn(struct run *run, int timeout_ms)
{
    struct epoll_event events[MAX_EVENTS];
    int n = epoll_wait(run->t->epoll, events, MAX_EVENTS, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct bench_conn *c = events[i].data.ptr;
        if ((events[i].events & EPOLLOUT) != 0) {
            send_batch(run->t, c);
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
            receive(run, c);
            if (run->open == NULL && c->outstanding == 0) {
                start_next_closed(run, c);
            }
        }
    }
    if (n == 0 && timeout_ms > 0) {
        die(run->t, "no reply for 60 s");
    }
}

static void begin(struct run *run, struct process_cpu *cpu)
{
    *cpu = process_cpu(run->t->pid);
    run->now = bench_now();
    run->result->operations = run->t->tally.replies;
    run->result->elapsed_ns = run->now;
}

static void finish(struct run *run, const struct process_cpu *before)
{
    struct process_cpu cpu = process_cpu(run->t->pid);
    run->result->elapsed_ns = bench_now() - run->result->elapsed_ns;
    run->result->operations = run->t->tally.replies - run->result->operations;
    run->result->cpu_ns = cpu.total_ns - before->total_ns;
    run->result->busiest_ns = cpu.busiest_ns - before->busiest_ns;
}

void bench_run_closed(struct bench_target *t, double seconds, struct bench_result *result)
{
    struct run run = {.t = t, .result = result};
    struct process_cpu cpu;
    begin(&run, &cpu);
    run.end_ns = seconds > 0 ? run.now + (uint64_t)(seconds * 1e9) : 0;
    for (uint32_t i = 0; i < t->conn_count; i++) {
        start_next_closed(&run, &t->conns[i]);
    }
    while (run.busy > 0) {
        turn(&run, 60000);
    }
    finish(&run, &cpu);
}

/* Sends what is due. A connection that is still sending its last batch holds up those after it. */
static void send_due(struct run *run, uint64_t *next)
{
    for (;;) {
        uint64_t due = due_ns(run->open, *next);
        run->now = bench_now();
        if (due > run->now || due >= run->end_ns) {
            return;
        }
        struct bench_conn *c = &run->t->conns[*next % run->t->conn_count];
        if (c->segment < c->segment_end) {
            return;
        }
        run->result->late += run->now - due > LATE_NS;
        start_batch(run, c, (*next)++);
    }
}

/* At a window's end: how much time was stolen in it. */
static void end_window(struct run *run)
{
    struct open_loop *open = run->open;
    uint64_t now = run->now > open->start_ns ? run->now - open->start_ns : 0;
    if (open->window >= open->window_count || now < (open->window + UINT64_C(1)) * open->window_ns) {
        return;
    }
    uint64_t stolen = process_stolen_ns();
    open->windows[open->window++].stolen_ns = stolen - open->stolen_since;
    open->stolen_since = stolen;
}

void bench_run_open(struct bench_target *t, double seconds, double rate, struct bench_result *result,
                    struct bench_window *windows, uint32_t window_count, uint64_t window_ns)
{
    struct open_loop open = {.windows = windows, .window_count = window_count, .window_ns = window_ns};
    struct run run = {.t = t, .result = result, .open = &open};
    struct process_cpu cpu;
    begin(&run, &cpu);
    open.interval_ns = 1e9 * (double)t->stream->depth / rate;
    open.start_ns = run.now;
    open.stolen_since = process_stolen_ns();
    run.end_ns = run.now + (uint64_t)(seconds * 1e9);
    uint64_t next = 0;
    uint64_t give_up = run.end_ns + 60000000000u;
    while (run.now < run.end_ns || run.busy > 0) {
        send_due(&run, &next);
        turn(&run, 0);
        end_window(&run);
        if (run.now > give_up) {
            die(t, "no reply for 60 s");
        }
    }
    finish(&run, &cpu);
}
