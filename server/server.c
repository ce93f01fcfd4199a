/* See server.h. What is not set-up or tear-down (main.c): apart from it, so that tests of commands need no main. */
#include "server/server.h"

#include <unistd.h>

void server_stop(struct server *s)
{
    uint64_t one = 1;
    atomic_store(&s->stopping, true);
    ssize_t ignored = write(s->wake_fd, &one, sizeof one);
    (void)ignored;
}
