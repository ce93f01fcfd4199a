/*
 * bench-large: one very large value is SET and then GET by one connection, while another asks for a small key every
 * millisecond. What does the value cost beyond itself in resident memory, and how long do others wait?
 *
 * Both connections are driven by one loop. The large one moves at most SLICE_BYTES a turn, so that the other is looked
 * at every few tens of microseconds and its waits are the server's, not ours. The large value is `x` throughout and is
 * counted, not kept. Three phases, each with its own histogram: idle, SET, GET. One line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/histogram.h"
#include "tests/bench/process.h"

enum { SLICE_BYTES = 128 * 1024, PROBE_NS = 1000000, IDLE_NS = 2000000000 };

enum phase { PHASE_IDLE, PHASE_SET, PHASE_GET, PHASES };

struct large {
    int port;
    int pid;
    uint64_t size;
    int bulk_fd;
    int probe_fd;
    char *buffer; /* SLICE_BYTES of x */
    char *scratch;
    uint64_t probe_at; /* when the probe in flight was due; 0: none is in flight */
    uint64_t next_probe;
    char probe_buffer[64];
    size_t probe_got;
    struct bench_histogram waits[PHASES];
    double seconds[PHASES];
    uint64_t peak[PHASES]; /* RSS high-water mark of the phase */
    uint64_t rss[PHASES];  /* at its end */
    double cpu_seconds[PHASES];
};

static const char probe_request[] = "*2\r\n$3\r\nGET\r\n$5\r\nprobe\r\n";
static const char probe_reply[] = "$5\r\nsmall\r\n";

static void die(const char *what)
{
    fprintf(stderr, "bench-large: %s\n", what);
    exit(1);
}

static int connect_to(int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        die(strerror(errno));
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* Sends and receives what is there, without waiting. Bytes moved; 0: it would have to wait. */
static size_t moved(ssize_t n)
{
    if (n == 0) {
        die("the server closed a connection");
    }
    if (n < 0) {
        if (errno != EAGAIN) {
            die(strerror(errno));
        }
        return 0;
    }
    return (size_t)n;
}

static void probe(struct large *l, enum phase phase)
{
    uint64_t now = bench_now();
    if (l->probe_at == 0) {
        if (now < l->next_probe) {
            return;
        }
        moved(send(l->probe_fd, probe_request, sizeof probe_request - 1, MSG_NOSIGNAL));
        l->probe_at = now;
        l->probe_got = 0;
        return;
    }
    l->probe_got +=
        moved(recv(l->probe_fd, l->probe_buffer + l->probe_got, sizeof l->probe_buffer - l->probe_got, MSG_DONTWAIT));
    if (l->probe_got >= sizeof probe_reply - 1) {
        if (memcmp(l->probe_buffer, probe_reply, sizeof probe_reply - 1) != 0) {
            die("a wrong reply to the probe");
        }
        now = bench_now();
        bench_histogram_add(&l->waits[phase], now - l->probe_at, 1);
        l->next_probe = l->probe_at + PROBE_NS > now ? l->probe_at + PROBE_NS : now;
        l->probe_at = 0;
    }
}

/* Sends one whole small piece. */
static void send_all(struct large *l, const char *bytes, size_t size, enum phase phase)
{
    while (size > 0) {
        size_t n = moved(send(l->bulk_fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT));
        bytes += n;
        size -= n;
        probe(l, phase);
    }
}

/* Receives up to a line's end into `line`. */
static void receive_line(struct large *l, char *line, size_t room, enum phase phase)
{
    size_t size = 0;
    while (size < room - 1 && (size == 0 || line[size - 1] != '\n')) {
        size += moved(recv(l->bulk_fd, line + size, 1, MSG_DONTWAIT));
        probe(l, phase);
    }
    line[size] = '\0';
}

static void run_idle(struct large *l)
{
    uint64_t until = bench_now() + IDLE_NS;
    while (bench_now() < until || l->probe_at != 0) {
        probe(l, PHASE_IDLE);
    }
}

static void run_set(struct large *l)
{
    char line[128];
    int n = snprintf(line, sizeof line, "*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$%lu\r\n", (unsigned long)l->size);
    send_all(l, line, (size_t)n, PHASE_SET);
    uint64_t left = l->size;
    while (left > 0) {
        size_t most = left < SLICE_BYTES ? (size_t)left : SLICE_BYTES;
        left -= moved(send(l->bulk_fd, l->buffer, most, MSG_NOSIGNAL | MSG_DONTWAIT));
        probe(l, PHASE_SET);
    }
    send_all(l, "\r\n", 2, PHASE_SET);
    receive_line(l, line, sizeof line, PHASE_SET);
    if (strcmp(line, "+OK\r\n") != 0) {
        die(line);
    }
}

static void run_get(struct large *l)
{
    static const char request[] = "*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n";
    char line[128];
    char expected[64];
    snprintf(expected, sizeof expected, "$%lu\r\n", (unsigned long)l->size);
    send_all(l, request, sizeof request - 1, PHASE_GET);
    receive_line(l, line, sizeof line, PHASE_GET);
    if (strcmp(line, expected) != 0) {
        die(line);
    }
    uint64_t left = l->size;
    while (left > 0) {
        size_t most = left < SLICE_BYTES ? (size_t)left : SLICE_BYTES;
        size_t n = moved(recv(l->bulk_fd, l->scratch, most, MSG_DONTWAIT));
        if (memcmp(l->scratch, l->buffer, n) != 0) {
            die("the value's bytes are wrong");
        }
        left -= n;
        probe(l, PHASE_GET);
    }
    receive_line(l, line, sizeof line, PHASE_GET);
}

/* Starts the kernel's high-water mark anew. */
static void reset_peak(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/clear_refs", pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, "5", 1) != 1) {
            fprintf(stderr, "bench-large: the high-water mark could not be reset\n");
        }
        close(fd);
    }
}

static void run_phase(struct large *l, enum phase phase)
{
    static void (*const run[PHASES])(struct large *) = {run_idle, run_set, run_get};
    reset_peak(l->pid);
    uint64_t cpu = process_cpu(l->pid).total_ns;
    uint64_t start = bench_now();
    run[phase](l);
    while (l->probe_at != 0) {
        probe(l, phase);
    }
    l->seconds[phase] = (double)(bench_now() - start) / 1e9;
    l->cpu_seconds[phase] = (double)(process_cpu(l->pid).total_ns - cpu) / 1e9;
    l->peak[phase] = process_peak_rss(l->pid);
    l->rss[phase] = process_rss(l->pid);
}

static void print_result(const struct large *l)
{
    static const char *const names[PHASES] = {"idle", "set", "get"};
    printf("{\"bytes\":%lu", (unsigned long)l->size);
    for (int i = 0; i < PHASES; i++) {
        const struct bench_histogram *h = &l->waits[i];
        printf(",\"%s\":{\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"peak_rss\":%lu,\"rss\":%lu,\"probes\":%lu,"
               "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}",
               names[i], l->seconds[i], l->cpu_seconds[i], (unsigned long)l->peak[i], (unsigned long)l->rss[i],
               (unsigned long)h->count, (double)bench_histogram_percentile(h, 0.5) / 1e3,
               (double)bench_histogram_percentile(h, 0.99) / 1e3, (double)h->max_ns / 1e3);
    }
    printf("}\n");
}

static void parse(struct large *l, int argc, char **argv)
{
    l->size = 512u << 20;
    for (int i = 1; i + 1 < argc; i += 2) {
        unsigned long long n = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--port") == 0) {
            l->port = (int)n;
        } else if (strcmp(argv[i], "--pid") == 0) {
            l->pid = (int)n;
        } else if (strcmp(argv[i], "--bytes") == 0) {
            l->size = n;
        } else if (strcmp(argv[i], "--cpu") == 0) {
            cpu_set_t set;
            CPU_ZERO(&set);
            CPU_SET((unsigned)n, &set);
            sched_setaffinity(0, sizeof set, &set);
        }
    }
    if (l->port == 0 || l->pid == 0) {
        die("usage: bench-large --port N --pid N [--bytes N] [--cpu N]");
    }
}

/* Connects, and stores the small key; no probe is sent before it is there. */
static void set_up(struct large *l)
{
    static const char set_probe[] = "*3\r\n$3\r\nSET\r\n$5\r\nprobe\r\n$5\r\nsmall\r\n";
    char line[64];
    l->buffer = malloc(SLICE_BYTES);
    l->scratch = calloc(1, SLICE_BYTES);
    if (l->buffer == NULL || l->scratch == NULL) {
        die("out of memory");
    }
    memset(l->buffer, 'x', SLICE_BYTES);
    l->bulk_fd = connect_to(l->port);
    l->probe_fd = connect_to(l->port);
    l->next_probe = UINT64_MAX;
    send_all(l, set_probe, sizeof set_probe - 1, PHASE_IDLE);
    receive_line(l, line, sizeof line, PHASE_IDLE);
    l->next_probe = 0;
}

int main(int argc, char **argv)
{
    struct large *l = calloc(1, sizeof *l);
    if (l == NULL) {
        die("out of memory");
    }
    parse(l, argc, argv);
    set_up(l);
    for (int phase = 0; phase < PHASES; phase++) {
        run_phase(l, (enum phase)phase);
    }
    print_result(l);
    free(l->buffer);
    free(l->scratch);
    free(l);
    return 0;
}
