/* Threads with small stacks of a known place, so that memory accounting can count them. */
#ifndef FLAGSTONE_SERVER_THREAD_H
#define FLAGSTONE_SERVER_THREAD_H

#include <pthread.h>

struct server;

enum { THREAD_STACK_BYTES = 256 * 1024 };

/* Starts run(arg) on a stack of THREAD_STACK_BYTES, recorded in s->stacks; all signals are blocked in it. `name` (15
 * characters at most) is what ps and gdb show. Returns 0 or an errno value. The caller joins with pthread_join. */
int thread_start(struct server *s, pthread_t *t, const char *name, void *(*run)(void *), void *arg);

#endif
