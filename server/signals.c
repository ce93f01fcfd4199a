/* See signals.h. libevent turns signals into events of the main loop, so what is done here may do anything. */
#include "server/signals.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/options.h"
#include "server/options_apply.h"
#include "server/process.h"
#include "server/server.h"
#include "slab/base/log.h"

struct signals {
    struct event *term, *intr, *hup;
};

static void on_end(evutil_socket_t number, short what, void *arg)
{
    struct server *s = arg;
    (void)what;
    if (atomic_load(&s->stopping) != STOPPING_NOT) {
        log_line(LOG_WARNING, "You insist... exiting now.");
        process_remove_pid(s->opt);
        _exit(1);
    }
    log_line(LOG_WARNING, "Received %s scheduling shutdown...", number == SIGINT ? "SIGINT" : "SIGTERM");
    server_stop(s, false);
}

static void on_hup(evutil_socket_t number, short what, void *arg)
{
    struct server *s = arg;
    char why[OPTIONS_ERROR_CHARS];
    (void)number;
    (void)what;
    if (options_apply_log(s->opt, why, sizeof why))
        log_line(LOG_NOTICE, "Received SIGHUP: the log was opened anew");
    else
        log_line(LOG_WARNING, "Received SIGHUP: %s", why);
}

static struct event *watch(struct server *s, int number, event_callback_fn then)
{
    struct event *ev = evsignal_new(s->base, number, then, s);
    if (ev != NULL && event_add(ev, NULL) != 0) {
        event_free(ev);
        return NULL;
    }
    return ev;
}

struct signals *signals_new(struct server *s)
{
    struct signals *g = calloc(1, sizeof *g);
    if (g == NULL)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    g->term = watch(s, SIGTERM, on_end);
    g->intr = watch(s, SIGINT, on_end);
    g->hup = watch(s, SIGHUP, on_hup);
    if (g->term != NULL && g->intr != NULL && g->hup != NULL)
        return g;
    signals_free(g);
    return NULL;
}

void signals_free(struct signals *g)
{
    if (g == NULL)
        return;
    if (g->term != NULL)
        event_free(g->term);
    if (g->intr != NULL)
        event_free(g->intr);
    if (g->hup != NULL)
        event_free(g->hup);
    free(g);
}
