/* Threads are started with every signal blocked, so that signals reach the main thread's loop alone, and tell where
 * their stack is before they do anything else.
 *
 * The stack is left to the C library (which caches and guards it); only its size is ours. */
#include "server/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/server.h"

struct start {
    struct server *srv;
    void *(*run)(void *);
    void *arg;
};

static void record_stack(struct server *s)
{
    pthread_attr_t attr;
    void *base;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attr) != 0)
        return;
    int n = atomic_fetch_add(&s->nstacks, 1);
    if (pthread_attr_getstack(&attr, &base, &size) == 0 && n < THREADS_MAX) {
        s->stacks[n].size = size;
        atomic_store(&s->stacks[n].base, base); /* publishes the size */
    }
    pthread_attr_destroy(&attr);
}

static void *started(void *p)
{
    struct start st = *(struct start *)p;
    free(p);
    record_stack(st.srv);
    return st.run(st.arg);
}

int thread_start(struct server *s, pthread_t *t, const char *name, void *(*run)(void *), void *arg)
{
    struct start *st = malloc(sizeof *st);
    if (st == NULL)
        return ENOMEM;
    *st = (struct start){.srv = s, .run = run, .arg = arg};
    pthread_attr_t attr;
    sigset_t all, old;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int why = pthread_create(t, &attr, started, st);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (why != 0)
        free(st);
    else
        pthread_setname_np(*t, name);
    return why;
}

/* struct sched_attr of sched_setattr(2), which C libraries do not have yet. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

void thread_short_slices(void)
{
    enum { SLICE_NS = 100000 }; /* the least there is */
    struct attributes a = {.size = sizeof a};
    if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) != 0 || a.policy != 0)
        return; /* somebody chose another policy for the server */
    a.size = sizeof a;
    a.runtime_ns = SLICE_NS;
    syscall(SYS_sched_setattr, 0, &a, 0);
}

void thread_yield_at_wake(void)
{
    const struct sched_param none = {0};
    if (sched_getscheduler(0) == SCHED_OTHER)
        sched_setscheduler(0, SCHED_BATCH, &none);
}

void thread_exact_timers(void)
{
    prctl(PR_SET_TIMERSLACK, 1L, 0L, 0L, 0L);
}
