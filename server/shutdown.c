/* See shutdown.h. The main loop goes on while workers drain, so a second signal is heard; each worker that is done, or
 * whoever asks for an end at once (SHUTDOWN NOW), wakes it by server_wake. */
#include "server/shutdown.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/listener.h"
#include "server/mailbox.h"
#include "server/options.h"
#include "server/process.h"
#include "server/server.h"
#include "server/worker.h"
#include "slab/base/log.h"

struct shutdown {
    struct server *srv;
    struct event *wake, *timeout;
    bool begun;
};

static void end_loop(struct shutdown *sd)
{
    event_base_loopbreak(sd->srv->base);
}

/* Asks all workers to drain; a worker that cannot be asked is not waited for. */
static void ask_workers(struct server *s)
{
    atomic_store(&s->workers_to_drain, s->nworkers);
    for (int i = 0; i < s->nworkers; i++) {
        struct letter *l = letter_new(LETTER_DRAIN, 0, 0);
        if (l != NULL)
            mailbox_post(s->workers[i]->mail, l);
        else if (atomic_fetch_sub(&s->workers_to_drain, 1) == 1)
            server_wake(s);
    }
}

static void begin(struct shutdown *sd)
{
    struct server *s = sd->srv;
    struct timeval patience = {(time_t)OPT(s->opt, shutdown_timeout), 0};
    sd->begun = true;
    process_stopping(s->opt);
    listener_stop(s->listener);
    if (patience.tv_sec == 0 || event_add(sd->timeout, &patience) != 0)
        end_loop(sd);
    else
        ask_workers(s);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct shutdown *sd = arg;
    struct server *s = sd->srv;
    uint64_t times;
    ssize_t ignored = read(fd, &times, sizeof times);
    (void)ignored;
    (void)what;
    int stopping = atomic_load(&s->stopping);
    if (stopping == STOPPING_DRAIN && !sd->begun)
        begin(sd);
    else if (stopping == STOPPING_NOW && !sd->begun)
        process_stopping(s->opt);
    if (stopping == STOPPING_NOW || (sd->begun && atomic_load(&s->workers_to_drain) == 0))
        end_loop(sd);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct shutdown *sd = arg;
    (void)fd;
    (void)what;
    log_line(LOG_WARNING, "%u clients did not take their replies within shutdown-timeout (%lld seconds), closing them",
             atomic_load(&sd->srv->nclients), (long long)OPT(sd->srv->opt, shutdown_timeout));
    end_loop(sd);
}

struct shutdown *shutdown_new(struct server *s)
{
    struct shutdown *sd = calloc(1, sizeof *sd);
    if (sd == NULL)
        return NULL;
    sd->srv = s;
    sd->wake = event_new(s->base, s->wake_fd, EV_READ | EV_PERSIST, on_wake, sd);
    sd->timeout = event_new(s->base, -1, 0, on_timeout, sd);
    if (sd->wake != NULL && sd->timeout != NULL && event_add(sd->wake, NULL) == 0)
        return sd;
    shutdown_free(sd);
    return NULL;
}

void shutdown_free(struct shutdown *sd)
{
    if (sd == NULL)
        return;
    if (sd->wake != NULL)
        event_free(sd->wake);
    if (sd->timeout != NULL)
        event_free(sd->timeout);
    free(sd);
}
