/* The server, put together: `parts` is the bill of materials. They are set up in this order and torn down in reverse.
 *
 * The main thread then listens, handles signals and runs the 100 ms timer; workers serve; the memory thread keeps
 * memory in order. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "server/acl.h"
#include "server/acl_file.h"
#include "server/command.h"
#include "server/conf_file.h"
#include "server/listener.h"
#include "server/memthread.h"
#include "server/options.h"
#include "server/options_apply.h"
#include "server/process.h"
#include "server/pubsub.h"
#include "server/server.h"
#include "server/shutdown.h"
#include "server/signals.h"
#include "server/store_open.h"
#include "server/telemetry.h"
#include "server/version.h"
#include "server/worker.h"
#include "slab/base/clock.h"
#include "slab/base/log.h"

enum { TIMER_MS = 100 };

/* What only the main thread uses. */
struct main_loop {
    struct server *srv;
    struct signals *signals;
    struct shutdown *shutdown;
    struct event *timer;
};

/* ---- parts: each *_up says by a log line why it fails ---- */

static bool process_up(struct main_loop *m)
{
    struct options *o = m->srv->opt;
    char why[OPTIONS_ERROR_CHARS];
    if (!options_apply_dir(o, why, sizeof why) || !options_apply_log(o, why, sizeof why) ||
        !options_apply_thp(o, why, sizeof why)) {
        log_line(LOG_WARNING, "%s", why);
        return false;
    }
    if (!options_apply_oom(o, why, sizeof why))
        log_line(LOG_WARNING, "%s", why);
    log_line(LOG_NOTICE, "Flagstone %s starting, pid %d, %d threads", FLAGSTONE_VERSION, (int)getpid(),
             m->srv->nworkers);
    if (m->srv->config_file[0] == '\0')
        log_line(LOG_NOTICE, "No configuration file given, using the defaults and the command line");
    return true;
}

static void process_down(struct main_loop *m)
{
    (void)m;
    log_close();
}

static bool listener_up(struct main_loop *m)
{
    return listener_new(m->srv) != NULL;
}

static void listener_down(struct main_loop *m)
{
    listener_free(m->srv->listener);
}

static bool store_up(struct main_loop *m)
{
    char why[OPTIONS_ERROR_CHARS];
    m->srv->store = store_open(m->srv->opt, why, sizeof why);
    if (m->srv->store == NULL)
        log_line(LOG_WARNING, "Could not open the store: %s", why);
    return m->srv->store != NULL;
}

static void store_down(struct main_loop *m)
{
    store_close(m->srv->store);
}

static bool acl_up(struct main_loop *m)
{
    struct text errors = {0};
    m->srv->acl = acl_new();
    bool ok = m->srv->acl != NULL && acl_load_configured(m->srv, &errors);
    if (!ok)
        log_line(LOG_WARNING, "Aborting startup because of ACL errors: %s",
                 errors.p != NULL ? errors.p : "out of memory");
    text_free(&errors);
    if (!ok)
        acl_free(m->srv->acl);
    return ok;
}

static void acl_down(struct main_loop *m)
{
    acl_free(m->srv->acl);
}

static bool telemetry_up(struct main_loop *m)
{
    bool ok = telemetry_new(m->srv);
    if (!ok)
        log_line(LOG_WARNING, "Could not set up statistics: out of memory");
    return ok;
}

static void telemetry_down(struct main_loop *m)
{
    telemetry_free(m->srv);
}

/* The last part before threads exist: forks. */
static bool daemon_up(struct main_loop *m)
{
    if (!process_daemonize(m->srv->opt))
        return false;
    process_write_pid(m->srv->opt);
    return true;
}

static void daemon_down(struct main_loop *m)
{
    process_remove_pid(m->srv->opt);
}

static void workers_down(struct main_loop *m)
{
    struct server *s = m->srv;
    for (int i = 0; i < s->nworkers && s->workers != NULL; i++) {
        if (s->workers[i] != NULL)
            worker_stop(s->workers[i]);
    }
    for (int i = 0; i < s->nworkers && s->workers != NULL; i++)
        worker_free(s->workers[i]);
    free(s->workers);
    s->workers = NULL;
    pubsub_free(s->pubsub);
    s->pubsub = NULL;
}

static bool workers_up(struct main_loop *m)
{
    struct server *s = m->srv;
    int why = ENOMEM;
    s->ticks = ticks_calibrate();
    s->workers = calloc((size_t)s->nworkers, sizeof(struct worker *));
    s->pubsub = pubsub_new(s->nworkers);
    bool ok = s->workers != NULL && s->pubsub != NULL;
    for (int i = 0; i < s->nworkers && ok; i++) {
        s->workers[i] = worker_new(s, i);
        why = errno;
        ok = s->workers[i] != NULL;
    }
    /* All are there before any runs: they look at one another. */
    for (int i = 0; i < s->nworkers && ok; i++) {
        why = worker_run(s->workers[i]);
        ok = why == 0;
    }
    if (!ok) {
        log_line(LOG_WARNING, "Could not start %d workers: %s. Fewer can be chosen with --threads.", s->nworkers,
                 strerror(why));
        workers_down(m);
    }
    return ok;
}

static bool memory_up(struct main_loop *m)
{
    m->srv->memthread = memthread_new(m->srv);
    return m->srv->memthread != NULL;
}

static void memory_down(struct main_loop *m)
{
    memthread_free(m->srv->memthread);
    m->srv->memthread = NULL;
}

static bool memthread_up(struct main_loop *m)
{
    return memthread_start(m->srv->memthread);
}

static void memthread_down(struct main_loop *m)
{
    memthread_stop(m->srv->memthread);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct main_loop *m = arg;
    (void)fd;
    (void)what;
    telemetry_tick(m->srv);
    listener_tick(m->srv->listener);
}

static void loop_down(struct main_loop *m)
{
    signals_free(m->signals);
    shutdown_free(m->shutdown);
    if (m->timer != NULL)
        event_free(m->timer);
    listener_stop(m->srv->listener);
    if (m->srv->base != NULL)
        event_base_free(m->srv->base);
    libevent_global_shutdown();
}

static bool loop_up(struct main_loop *m)
{
    struct server *s = m->srv;
    struct timeval timer = {0, TIMER_MS * 1000};
    s->base = event_base_new();
    if (s->base != NULL) {
        m->shutdown = shutdown_new(s);
        m->timer = event_new(s->base, -1, EV_PERSIST, on_timer, m);
        m->signals = signals_new(s);
    }
    if (m->signals != NULL && m->shutdown != NULL && m->timer != NULL && event_add(m->timer, &timer) == 0 &&
        listener_start(s->listener))
        return true;
    log_line(LOG_WARNING, "Could not set up the main loop: %s", strerror(errno));
    loop_down(m);
    return false;
}

static const struct stage {
    bool (*up)(struct main_loop *m);
    void (*down)(struct main_loop *m);
} parts[] = {
    {process_up, process_down},     /* working directory, log, huge pages, OOM score */
    {listener_up, listener_down},   /* sockets are bound: a used port is told before anything else costs */
    {acl_up, acl_down},             /* users */
    {store_up, store_down},         /* the address range and the index */
    {telemetry_up, telemetry_down}, /* statistics, slow log, latency */
    {daemon_up, daemon_down},       /* background, pid file */
    {memory_up, memory_down},       /* what workers wake the memory thread by */
    {workers_up, workers_down},     /* threads that serve */
    {memthread_up, memthread_down}, /* the thread that keeps memory in order */
    {loop_up, loop_down},           /* signals, timer, accepting */
};
enum { PARTS = sizeof parts / sizeof *parts };

static int serve(struct main_loop *m)
{
    int up = 0;
    while (up < PARTS && parts[up].up(m))
        up++;
    if (up == PARTS) {
        log_line(LOG_NOTICE, "Ready to accept connections");
        process_ready(m->srv->opt);
        process_drop_start();
        event_base_dispatch(m->srv->base);
        log_line(LOG_WARNING, "Flagstone is now ready to exit, bye bye...");
    }
    for (int i = up; i-- > 0;)
        parts[i].down(m);
    return up == PARTS ? 0 : 1;
}

/* ---- before the parts: who we are and what is asked for ---- */

static void make_run_id(char id[SERVER_RUN_ID_CHARS + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char random[SERVER_RUN_ID_CHARS / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memset(random, 0, sizeof random);
    for (int i = 0; i < SERVER_RUN_ID_CHARS; i++)
        id[i] = hex[(random[i / 2] >> (i % 2 * 4)) & 15];
    id[SERVER_RUN_ID_CHARS] = '\0';
}

static int configure_and_serve(struct server *s, int argc, char **argv)
{
    char *conf_path = NULL, executable[4096];
    ssize_t n = readlink("/proc/self/exe", executable, sizeof executable - 1);
    executable[n > 0 ? n : 0] = '\0';
    enum conf_action action = conf_command_line(s->opt, argc, argv, &conf_path, stdout, stderr);
    int status = action == CONF_EXIT ? 0 : 1;
    if (action == CONF_PRINT_COMMANDS) {
        command_print_table(stdout);
        status = ferror(stdout) != 0;
    }
    if (action == CONF_SERVE) {
        struct main_loop m = {.srv = s};
        options_resolve(s->opt);
        int64_t threads = OPT(s->opt, threads);
        s->nworkers = threads > WORKERS_MAX ? WORKERS_MAX : (int)threads;
        s->start_wall_ms = clock_wall_ms();
        s->start_mono_ns = clock_mono_ns();
        s->executable = n > 0 ? executable : argv[0];
        s->config_file = conf_path == NULL ? "" : conf_path;
        make_run_id(s->run_id);
        status = serve(&m);
    }
    free(conf_path);
    return status;
}

int main(int argc, char **argv)
{
    struct server *s = aligned_alloc(64, sizeof *s);
    if (s == NULL)
        return 1;
    memset(s, 0, sizeof *s);
    s->opt = options_new();
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int status = 1;
    if (s->opt != NULL)
        s->opt->user_hooks = &acl_user_hooks;
    if (s->opt != NULL && s->wake_fd >= 0)
        status = configure_and_serve(s, argc, argv);
    else
        fprintf(stderr, "flagstone-server: %s\n", strerror(errno));
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    options_free(s->opt);
    free(s);
    return status;
}
