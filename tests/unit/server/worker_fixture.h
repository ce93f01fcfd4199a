/* Workers without threads: the test runs their loops itself, turn by turn, and talks to them over socket pairs. So
 * what happens in which turn is the test's to say, and nothing waits. */
#ifndef FLAGSTONE_TESTS_UNIT_SERVER_WORKER_FIXTURE_H
#define FLAGSTONE_TESTS_UNIT_SERVER_WORKER_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/acl.h"
#include "server/acl_file.h"
#include "server/conf_file.h"
#include "server/conn.h"
#include "server/options.h"
#include "server/server.h"
#include "server/store_open.h"
#include "server/telemetry.h"
#include "server/worker.h"
#include "slab/base/log.h"

enum { FIXTURE_WORKERS = 2, FIXTURE_TURNS = 12, FIXTURE_REPLY = 4 * 1024 * 1024 };

struct fixture {
    struct server *srv;
    char *reply; /* what the last fixture_ask got, terminated */
    size_t reply_len;
    uint16_t next_port;
};

/* `conf`: lines of a configuration file. */
static inline struct fixture *fixture_new(const char *conf)
{
    char err[CONF_ERROR_CHARS];
    struct fixture *f = calloc(1, sizeof *f);
    struct server *s = aligned_alloc(64, sizeof *s);
    memset(s, 0, sizeof *s);
    f->srv = s;
    f->reply = malloc(FIXTURE_REPLY + 1);
    f->next_port = 1001;
    log_set_level(LOG_NOTHING);
    s->opt = options_new();
    s->opt->user_hooks = &acl_user_hooks;
    assert_true(conf_load_text(s->opt, "test", conf, strlen(conf), false, err));
    options_resolve(s->opt);
    s->nworkers = FIXTURE_WORKERS;
    s->wake_fd = -1;
    s->executable = s->config_file = "";
    s->store = store_open(s->opt, err, sizeof err);
    assert_non_null(s->store);
    assert_true(telemetry_new(s));
    struct text errors = {0};
    s->acl = acl_new();
    assert_true(acl_load_configured(s, &errors));
    text_free(&errors);
    s->ticks = ticks_calibrate();
    s->workers = calloc(FIXTURE_WORKERS, sizeof *s->workers);
    for (int i = 0; i < FIXTURE_WORKERS; i++) {
        s->workers[i] = worker_new(s, i);
        assert_non_null(s->workers[i]);
    }
    return f;
}

static inline void fixture_free(struct fixture *f)
{
    struct server *s = f->srv;
    for (int i = 0; i < FIXTURE_WORKERS; i++)
        worker_stop(s->workers[i]);
    for (int i = 0; i < FIXTURE_WORKERS; i++)
        worker_free(s->workers[i]);
    free(s->workers);
    telemetry_free(s);
    acl_free(s->acl);
    store_close(s->store);
    options_free(s->opt);
    free(s);
    free(f->reply);
    free(f);
}

/* Some turns of all loops: enough for what was sent to be answered. */
static inline void fixture_turn(struct fixture *f)
{
    for (int t = 0; t < FIXTURE_TURNS; t++) {
        for (int i = 0; i < FIXTURE_WORKERS; i++)
            event_base_loop(f->srv->workers[i]->base, EVLOOP_NONBLOCK);
    }
}

/* A client of worker number `worker`, seeming to come from 127.0.0.1 and a port of its own; its end of the socket. */
static inline int fixture_connect(struct fixture *f, int worker)
{
    int fd[2];
    struct conn_origin origin = {.flags = CONN_LOCAL,
                                 .peer = {.ip = {127, 0, 0, 1}, .port = f->next_port++, .family = AF_INET},
                                 .local = {.ip = {127, 0, 0, 1}, .port = 6379, .family = AF_INET}};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    atomic_fetch_add(&f->srv->nclients, 1);
    assert_true(worker_adopt(f->srv->workers[worker], fd[1], &origin));
    fixture_turn(f);
    return fd[0];
}

/* Sends, as the socket takes it, with turns between; the server must take it all without its replies being read. */
static inline void fixture_send(struct fixture *f, int fd, const char *p, size_t n)
{
    for (int refused = 0; n > 0;) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0) {
            assert_int_equal(errno, EAGAIN);
            assert_true(refused++ < 1000);
            fixture_turn(f);
            continue;
        }
        p += sent;
        n -= (size_t)sent;
    }
}

/* Everything that comes until the server has no more; -1 when the connection was closed with nothing left. */
static inline ssize_t fixture_receive(struct fixture *f, int fd)
{
    size_t got = 0;
    bool closed = false;
    for (int idle = 0; idle < 3 && !closed;) {
        fixture_turn(f);
        ssize_t n = recv(fd, f->reply + got, FIXTURE_REPLY - got, 0);
        if (n > 0) {
            got += (size_t)n;
            idle = 0;
        } else if (n == 0 || errno != EAGAIN) {
            closed = true;
        } else {
            idle++;
        }
    }
    f->reply[got] = '\0';
    f->reply_len = got;
    return got == 0 && closed ? -1 : (ssize_t)got;
}

static inline const char *fixture_ask(struct fixture *f, int fd, const char *bytes)
{
    fixture_send(f, fd, bytes, strlen(bytes));
    fixture_receive(f, fd);
    return f->reply;
}

static inline void assert_asks(struct fixture *f, int fd, const char *bytes, const char *reply)
{
    assert_string_equal(fixture_ask(f, fd, bytes), reply);
}

static inline void assert_closed(struct fixture *f, int fd)
{
    assert_int_equal(fixture_receive(f, fd), -1);
    close(fd);
}

#endif
