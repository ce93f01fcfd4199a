/* Listening sockets: opened by what the options say, changed while the server runs.
 *
 * A change keeps the sockets whose address and port stay, closes the others and opens what is new; the old ones go
 * first, because an address and its wildcard exclude each other. If something new cannot be opened, the old ones
 * come back. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/listener_private.h"
#include "server/server.h"
#include "slab/base/log.h"

static bool watch(struct listener *l, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

/* An address of one family is bound to; IPv6 sockets leave IPv4 to others. Returns the socket or -1, with the name of
 * the call that failed in *step and errno. */
static int bind_one(const struct addrinfo *ai, int backlog, const char **step)
{
    int one = 1;
    *step = "socket";
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    *step = "setsockopt";
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0) {
        *step = "bind";
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0) {
            *step = "listen";
            if (listen(fd, backlog) == 0)
                return fd;
        }
    }
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* Does this failure mean that the machine does not have the protocol, or (an address with '-') the address? */
static bool may_be_missing(int why, bool optional)
{
    return why == ENOPROTOOPT || why == EPROTONOSUPPORT || why == ESOCKTNOSUPPORT || why == EPFNOSUPPORT ||
           why == EAFNOSUPPORT || (optional && why == EADDRNOTAVAIL);
}

/* Opens one address. 1: done, 0: it may be missing, and is, -1: failed with `err`. */
static int open_address(struct listener *l, const char *address, int port, char *err, size_t size)
{
    bool optional = address[0] == '-';
    const char *shown = address + optional, *step = "getaddrinfo", *node = shown;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    char service[8];
    int fd = -1, why = 0;
    if (strcmp(shown, "*") == 0) {
        node = NULL;
        hints.ai_family = AF_INET;
    } else if (strcmp(shown, "::*") == 0) {
        node = NULL;
        hints.ai_family = AF_INET6;
    }
    snprintf(service, sizeof service, "%d", port);
    int lookup = getaddrinfo(node, service, &hints, &found);
    if (lookup == 0) {
        for (struct addrinfo *ai = found; ai != NULL && fd < 0; ai = ai->ai_next)
            fd = bind_one(ai, (int)OPT(l->srv->opt, tcp_backlog), &step);
        why = errno;
        freeaddrinfo(found);
    }
    if (fd < 0 && lookup == 0 && may_be_missing(why, optional))
        return 0;
    if (fd < 0 || !watch(l, fd)) {
        snprintf(err, size, "Could not create server TCP listening socket %s:%d: %s: %s", shown, port, step,
                 lookup == 0 ? strerror(why) : gai_strerror(lookup));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    struct listen_socket *sock = &l->tcp[l->ntcp++];
    *sock = (struct listen_socket){.port = port, .fd = fd};
    snprintf(sock->address, sizeof sock->address, "%s", address);
    return 1;
}

struct wanted {
    char address[OPTIONS_BIND_MAX][OPTIONS_ADDRESS_CHARS];
    int port[OPTIONS_BIND_MAX];
    int n;
};

static bool wants(const struct wanted *w, const struct listen_socket *sock)
{
    for (int i = 0; i < w->n; i++) {
        if (w->port[i] == sock->port && strcmp(w->address[i], sock->address) == 0)
            return true;
    }
    return false;
}

static bool has(const struct listener *l, const char *address, int port)
{
    for (int i = 0; i < l->ntcp; i++) {
        if (l->tcp[i].port == port && strcmp(l->tcp[i].address, address) == 0)
            return true;
    }
    return false;
}

/* Closes what is not wanted, opens what is. */
static bool become(struct listener *l, const struct wanted *w, char *err, size_t size)
{
    int kept = 0;
    for (int i = 0; i < l->ntcp; i++) {
        if (wants(w, &l->tcp[i])) {
            listen(l->tcp[i].fd, (int)OPT(l->srv->opt, tcp_backlog)); /* the backlog may have changed */
            l->tcp[kept++] = l->tcp[i];
        } else {
            close(l->tcp[i].fd);
        }
    }
    l->ntcp = kept;
    bool any = w->n == 0;
    for (int i = 0; i < w->n; i++) {
        int st = has(l, w->address[i], w->port[i]) ? 1 : open_address(l, w->address[i], w->port[i], err, size);
        if (st < 0)
            return false;
        any = any || st > 0;
    }
    if (!any)
        snprintf(err, size, "None of the addresses of 'bind' exists on this machine");
    return any;
}

bool listen_open(struct listener *l, char *err, size_t size)
{
    struct wanted now, before = {.n = l->ntcp};
    int port = (int)OPT(l->srv->opt, port);
    for (int i = 0; i < l->ntcp; i++) {
        memcpy(before.address[i], l->tcp[i].address, OPTIONS_ADDRESS_CHARS);
        before.port[i] = l->tcp[i].port;
    }
    now.n = port == 0 ? 0 : options_bind(l->srv->opt, now.address);
    for (int i = 0; i < now.n; i++)
        now.port[i] = port;
    if (become(l, &now, err, size))
        return true;
    log_line(LOG_WARNING, "Warning: %s", err);
    if (before.n == 0) {
        log_line(LOG_WARNING, "Failed listening on port %d (TCP), aborting. Another port can be chosen with --port.",
                 port);
        return false;
    }
    char ignored[OPTIONS_ERROR_CHARS];
    if (!become(l, &before, ignored, sizeof ignored))
        log_line(LOG_WARNING, "Could not listen again as before: %s", ignored);
    return false;
}

static bool unix_failed(int fd, const char *step, const char *path)
{
    log_line(LOG_WARNING, "Could not create server Unix listening socket %s: %s: %s", path, step, strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

/* A socket file that nobody listens on is left from a server that was killed; one that answers is another server's. */
static bool is_stale(const struct sockaddr_un *un)
{
    struct stat st;
    if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, (const struct sockaddr *)un, sizeof *un) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

bool listen_open_unix(struct listener *l)
{
    struct options *o = l->srv->opt;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char path[OPTIONS_TEXT_CHARS];
    size_t n = options_text(o, &o->unixsocket, path, sizeof path);
    if (n == 0)
        return true;
    if (n >= sizeof un.sun_path) {
        errno = ENAMETOOLONG;
        return unix_failed(-1, "bind", path);
    }
    memcpy(un.sun_path, path, n + 1);
    if (is_stale(&un))
        unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return unix_failed(fd, "socket", path);
    if (bind(fd, (struct sockaddr *)&un, sizeof un) != 0)
        return unix_failed(fd, "bind", path);
    mode_t mode = (mode_t)OPT(o, unixsocketperm);
    if (mode != 0 && chmod(path, mode) != 0)
        return unix_failed(fd, "chmod", path);
    if (listen(fd, (int)OPT(o, tcp_backlog)) != 0 || !watch(l, fd))
        return unix_failed(fd, "listen", path);
    l->unix_fd = fd;
    memcpy(l->srv->unix_path, path, n + 1);
    return true;
}

void listen_close(struct listener *l)
{
    for (int i = 0; i < l->ntcp; i++)
        close(l->tcp[i].fd);
    l->ntcp = 0;
    if (l->unix_fd != 0) {
        close(l->unix_fd);
        unlink(l->srv->unix_path);
    }
    l->unix_fd = 0;
}
