/* The end of the server, for a worker's connections: nothing more is read, and each is closed when its replies have
 * arrived. So every command that was executed has its reply, and a command without one was not executed.
 *
 * A socket closed over unread requests is reset by the kernel, which throws away what it still had to send. Therefore a
 * TCP connection is closed only when its peer's kernel has confirmed every byte; no event tells that, so it is looked
 * at every few milliseconds. What is sent over a unix socket has arrived at once. A peer that has gone confirms nothing
 * any more, and is not waited for. */
#include <event2/event.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "server/batch.h"
#include "server/conn_private.h"
#include "server/server.h"
#include "server/worker.h"

enum { LOOK_MS = 5 };

/* The connection was reset, or timed out. Nobody reads it, so nobody else would notice. */
static bool is_gone(const struct conn *c)
{
    struct pollfd p = {.fd = c->fd};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)) != 0;
}

bool conn_is_drained(struct conn *c)
{
    int unconfirmed = 0;
    if (reply_pending(&c->out) > 0)
        return false;
    if (!c->wkr->draining || conn_has(c, CONN_UNIX))
        return true;
    return ioctl(c->fd, SIOCOUTQ, &unconfirmed) != 0 || unconfirmed == 0 || is_gone(c);
}

void conn_drain_more(struct worker *w)
{
    const struct timeval soon = {0, LOOK_MS * 1000};
    for (struct conn *c = w->clients.first, *next; c != NULL; c = next) {
        next = c->next;
        if (!conn_has(c, CONN_BLOCKED) || conn_has(c, CONN_CLOSE_ASAP | CONN_KILLED))
            conn_finish(c);
    }
    if (w->clients.first != NULL && event_add(w->drain_ev, &soon) == 0)
        return;
    if (atomic_fetch_sub(&w->srv->workers_to_drain, 1) == 1)
        server_wake(w->srv);
}

void conn_drain_all(struct worker *w)
{
    batch_run(w);
    w->draining = true;
    for (struct conn *c = w->clients.first; c != NULL; c = c->next) {
        conn_set(c, CONN_CLOSE_AFTER_REPLY);
        conn_hold(c);
    }
    conn_drain_more(w);
}
