/* See server.h. What is not set-up or tear-down (main.c): apart from it, so that tests of commands need no main. */
#include "server/server.h"

#include <unistd.h>

void server_wake(struct server *s)
{
    uint64_t one = 1;
    ssize_t ignored = write(s->wake_fd, &one, sizeof one);
    (void)ignored;
}

void server_stop(struct server *s, bool now)
{
    int not_yet = STOPPING_NOT;
    if (now)
        atomic_store(&s->stopping, STOPPING_NOW);
    else
        atomic_compare_exchange_strong(&s->stopping, &not_yet, STOPPING_DRAIN);
    server_wake(s);
}
