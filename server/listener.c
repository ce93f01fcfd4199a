/* The listener: which sockets there are, and what happens to a connection that comes in.
 *
 * The listening sockets are in an epoll set of their own, and the main loop watches that set. So CONFIG SET bind or
 * port, which runs on a worker, may open and close sockets without touching the main thread's loop: only `lock`
 * guards them. When descriptors run out, the set is left alone until the next tick (a socket with a connection
 * waiting would keep the loop busy), and one line is logged until it goes on. */
#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/acl.h"
#include "server/conn.h"
#include "server/listener_private.h"
#include "server/options.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/worker.h"
#include "slab/base/log.h"

enum { ACCEPTS_A_TURN = 1000, FDS_BESIDE_CLIENTS = 32, FDS_A_WORKER = 4 };

static const char too_many[] = "-ERR max number of clients reached\r\n";
static const char protected_text[] =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
    "default "
    "user. In this mode connections are only accepted from the loopback interface. If you want to connect from "
    "external "
    "computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the "
    "command "
    "'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server "
    "is "
    "running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to "
    "make "
    "this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis "
    "configuration "
    "file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server "
    "manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication "
    "password "
    "for the default user. NOTE: You only need to do one of the above things in order for the server to start "
    "accepting "
    "connections from the outside.\r\n";

static void refuse(int fd, const char *text, size_t n)
{
    ssize_t ignored = send(fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)ignored;
    close(fd);
}

static void set_address(struct conn_addr *a, const struct sockaddr_storage *ss)
{
    memset(a, 0, sizeof *a);
    if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)ss;
        a->family = AF_INET;
        a->port = ntohs(in->sin_port);
        memcpy(a->ip, &in->sin_addr, sizeof in->sin_addr);
    } else if (ss->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)ss;
        a->family = AF_INET6;
        a->port = ntohs(in6->sin6_port);
        memcpy(a->ip, &in6->sin6_addr, sizeof in6->sin6_addr);
    }
}

static bool is_loopback(const struct conn_addr *a)
{
    struct in6_addr in6 = {0};
    if (a->family == AF_INET)
        return a->ip[0] == 127;
    memcpy(&in6, a->ip, sizeof in6);
    return a->family == AF_INET6 && (IN6_IS_ADDR_LOOPBACK(&in6) || (IN6_IS_ADDR_V4MAPPED(&in6) && a->ip[12] == 127));
}

static void set_socket_options(struct server *s, int fd)
{
    int one = 1, probes = 3, idle = (int)OPT(s->opt, tcp_keepalive), interval = idle / 3 > 0 ? idle / 3 : 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (idle <= 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static struct worker *least_loaded(struct server *s)
{
    struct worker *least = s->workers[0];
    uint32_t fewest = UINT32_MAX;
    for (int i = 0; i < s->nworkers; i++) {
        uint32_t n = atomic_load_explicit(&s->workers[i]->clients.count, memory_order_relaxed);
        if (n < fewest) {
            fewest = n;
            least = s->workers[i];
        }
    }
    return least;
}

static void welcome(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
    struct server *s = l->srv;
    struct stats_worker *stats = stats_worker(s->stats, (unsigned)s->nworkers);
    struct conn_origin origin = {0};
    struct sockaddr_storage local = {0};
    socklen_t len = sizeof local;
    set_address(&origin.peer, peer);
    if (peer->ss_family == AF_UNIX)
        origin.flags = CONN_UNIX | CONN_LOCAL;
    else if (is_loopback(&origin.peer))
        origin.flags = CONN_LOCAL;
    if ((int64_t)atomic_load_explicit(&s->nclients, memory_order_relaxed) >= OPT(s->opt, maxclients)) {
        stats_add(stats, STATS_CONNECTIONS_REJECTED, 1);
        refuse(fd, too_many, sizeof too_many - 1);
        return;
    }
    stats_add(stats, STATS_CONNECTIONS, 1);
    if ((origin.flags & CONN_LOCAL) == 0 && OPT(s->opt, protected_mode) && acl_default_nopass(s->acl)) {
        stats_add(stats, STATS_CONNECTIONS_REJECTED, 1);
        refuse(fd, protected_text, sizeof protected_text - 1);
        return;
    }
    if (getsockname(fd, (struct sockaddr *)&local, &len) == 0)
        set_address(&origin.local, &local);
    if (peer->ss_family != AF_UNIX)
        set_socket_options(s, fd);
    atomic_fetch_add_explicit(&s->nclients, 1, memory_order_relaxed);
    if (!worker_adopt(least_loaded(s), fd, &origin)) {
        atomic_fetch_sub_explicit(&s->nclients, 1, memory_order_relaxed);
        close(fd);
    }
}

/* Takes one connection from a socket. False: there is none, or no descriptor for it. */
static bool accept_one(struct listener *l, int listening)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    memset(&peer, 0, sizeof peer);
    int fd = accept4(listening, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        l->starved_logged = false;
        welcome(l, fd, &peer);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        if (!l->starved_logged)
            log_line(LOG_WARNING, "Accepting client connection: %s (new ones wait until others close)",
                     strerror(errno));
        l->starved_logged = true;
        l->starved = true;
        event_del(l->event);
        return false;
    }
    /* A connection that died while it waited says nothing about the next. */
    return errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;
    struct epoll_event ready[LISTEN_MAX];
    (void)what;
    pthread_mutex_lock(&l->lock);
    int n = epoll_wait(fd, ready, LISTEN_MAX, 0);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < ACCEPTS_A_TURN && !l->starved && accept_one(l, ready[i].data.fd); k++)
            ;
    }
    pthread_mutex_unlock(&l->lock);
}

void listener_tick(struct listener *l)
{
    if (l->starved && event_add(l->event, NULL) == 0)
        l->starved = false;
}

static rlim_t descriptors_needed(const struct server *s)
{
    return (rlim_t)OPT(s->opt, maxclients) + FDS_BESIDE_CLIENTS + (rlim_t)(s->nworkers * FDS_A_WORKER);
}

/* Raises the limit on open files to what maxclients needs, as far as the system lets us. True: it is enough. */
static bool raise_descriptors(const struct server *s, rlim_t *have)
{
    struct rlimit lim;
    rlim_t need = descriptors_needed(s);
    if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
        return true;
    if (lim.rlim_cur < need) {
        struct rlimit more = {need, lim.rlim_max > need ? lim.rlim_max : need};
        if (setrlimit(RLIMIT_NOFILE, &more) != 0) { /* not privileged: as far as the hard limit goes */
            more = (struct rlimit){lim.rlim_max < need ? lim.rlim_max : need, lim.rlim_max};
            setrlimit(RLIMIT_NOFILE, &more);
        }
        getrlimit(RLIMIT_NOFILE, &lim);
    }
    *have = lim.rlim_cur;
    return lim.rlim_cur >= need;
}

bool maxclients_changed(struct server *srv, char *err, size_t size)
{
    rlim_t have = 0;
    if (raise_descriptors(srv, &have))
        return true;
    snprintf(err, size, "The operating system is not able to handle the specified number of clients, try with %lld",
             (long long)(have - (descriptors_needed(srv) - (rlim_t)OPT(srv->opt, maxclients))));
    return false;
}

static bool fit_maxclients(struct server *s)
{
    rlim_t have = 0;
    if (raise_descriptors(s, &have))
        return true;
    int64_t wanted = OPT(s->opt, maxclients);
    int64_t possible = (int64_t)have - (int64_t)descriptors_needed(s) + wanted;
    if (possible < 1) {
        log_line(LOG_WARNING,
                 "The limit of %lld open files is not enough to start. Please raise it (ulimit -n) to at least %lld",
                 (long long)have, (long long)descriptors_needed(s));
        return false;
    }
    log_line(LOG_WARNING,
             "maxclients has been reduced to %lld to compensate for the limit of %lld open files. If you need higher "
             "maxclients increase 'ulimit -n'.",
             (long long)possible, (long long)have);
    atomic_store(&s->opt->maxclients, possible);
    return true;
}

struct listener *listener_new(struct server *s)
{
    struct listener *l = calloc(1, sizeof *l);
    char why[OPTIONS_ERROR_CHARS];
    if (l == NULL)
        return NULL;
    l->srv = s;
    pthread_mutex_init(&l->lock, NULL);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->listener = l;
    if (l->epoll >= 0 && fit_maxclients(s) && listen_open(l, why, sizeof why) && listen_open_unix(l)) {
        if (l->ntcp > 0 || l->unix_fd != 0)
            return l;
        log_line(LOG_WARNING, "Configured to not listen anywhere, exiting.");
    }
    s->listener = NULL;
    listener_free(l);
    return NULL;
}

bool listener_start(struct listener *l)
{
    l->event = event_new(l->srv->base, l->epoll, EV_READ | EV_PERSIST, on_connection, l);
    return l->event != NULL && event_add(l->event, NULL) == 0;
}

void listener_stop(struct listener *l)
{
    if (l->event != NULL)
        event_free(l->event);
    l->event = NULL;
    pthread_mutex_lock(&l->lock);
    listen_close(l);
    pthread_mutex_unlock(&l->lock);
}

void listener_free(struct listener *l)
{
    if (l == NULL)
        return;
    listen_close(l);
    if (l->epoll >= 0)
        close(l->epoll);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

int listener_rebind(struct server *srv, char *err, size_t size)
{
    struct listener *l = srv->listener;
    pthread_mutex_lock(&l->lock);
    bool ok = listen_open(l, err, size);
    pthread_mutex_unlock(&l->lock);
    return ok ? 0 : -1;
}
