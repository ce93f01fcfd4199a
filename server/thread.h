/* Threads with small stacks of a known place, so that memory accounting can count them. */
#ifndef FLAGSTONE_SERVER_THREAD_H
#define FLAGSTONE_SERVER_THREAD_H

#include <pthread.h>

struct server;

/* Sanitizers put red zones around everything on a stack. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { THREAD_STACK_BYTES = 2048 * 1024 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { THREAD_STACK_BYTES = 2048 * 1024 };
#else
enum { THREAD_STACK_BYTES = 256 * 1024 };
#endif
#else
enum { THREAD_STACK_BYTES = 256 * 1024 };
#endif

/* Starts run(arg) on a stack of THREAD_STACK_BYTES, recorded in s->stacks; all signals are blocked in it. `name` (15
 * characters at most) is what ps and gdb show. Returns 0 or an errno value. The caller joins with pthread_join. */
int thread_start(struct server *s, pthread_t *t, const char *name, void *(*run)(void *), void *arg);

/* Asks the kernel to run the calling thread in short slices: of threads that share a core, one with shorter slices
 * gets it as soon as it wakes, without getting more of it (EEVDF, Linux 6.12 and later; sched(7), sched_setattr(2)).
 * So what a worker is sent does not wait for the end of the memory thread's slice. No effect on older kernels. */
void thread_short_slices(void);

/* Of threads that share a core, the calling one takes it from nobody when it wakes up: it waits until who runs is done,
 * or had his share (SCHED_BATCH). Its weight stays, so it is not kept from the core. */
void thread_yield_at_wake(void);

/* Sleeps of the calling thread end when they are due, not up to 50 us later (prctl(2), PR_SET_TIMERSLACK). */
void thread_exact_timers(void);

#endif
