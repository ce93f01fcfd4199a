/* A mailbox is a singly linked queue under a lock, and an eventfd that makes the owner's loop readable.
 *
 * Invariant: a queue that is not empty has a wake-up on its way: whoever posts to an empty queue writes the eventfd,
 * and the owner reads the eventfd before it takes the queue. So a letter costs one system call at most, and a burst
 * of letters one in all. */
#include "server/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "slab/base/lock.h"

struct mailbox {
    struct lock lock;
    int fd;
    struct letter *first, *last;
};

struct mailbox *mailbox_new(void)
{
    struct mailbox *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (m->fd < 0) {
        int why = errno;
        free(m);
        errno = why;
        return NULL;
    }
    return m;
}

void letter_discard(struct letter *l)
{
    if (l->kind == LETTER_ADOPT)
        close(l->fd);
    free(l);
}

void mailbox_free(struct mailbox *m)
{
    if (m == NULL)
        return;
    for (struct letter *l = m->first, *next; l != NULL; l = next) {
        next = l->next;
        letter_discard(l);
    }
    close(m->fd);
    free(m);
}

int mailbox_fd(const struct mailbox *m)
{
    return m->fd;
}

struct letter *letter_new(enum letter_kind kind, uint64_t id, size_t len)
{
    struct letter *l = malloc(sizeof *l + len);
    if (l == NULL)
        return NULL;
    *l = (struct letter){.kind = kind, .fd = -1, .id = id, .len = len};
    return l;
}

bool mailbox_append(struct mailbox *m, struct letter *l)
{
    l->next = NULL;
    lock_take(&m->lock, LOCK_MAILBOX);
    bool was_empty = m->first == NULL;
    if (was_empty)
        m->first = l;
    else
        m->last->next = l;
    m->last = l;
    lock_release(&m->lock, LOCK_MAILBOX);
    return was_empty;
}

void mailbox_wake(struct mailbox *m)
{
    uint64_t one = 1;
    /* It can fail only when the counter is full, and then the owner is awake anyway. */
    ssize_t ignored = write(m->fd, &one, sizeof one);
    (void)ignored;
}

void mailbox_post(struct mailbox *m, struct letter *l)
{
    if (mailbox_append(m, l))
        mailbox_wake(m);
}

struct letter *mailbox_take(struct mailbox *m)
{
    uint64_t count;
    ssize_t ignored = read(m->fd, &count, sizeof count);
    (void)ignored;
    return mailbox_take_now(m);
}

struct letter *mailbox_take_now(struct mailbox *m)
{
    lock_take(&m->lock, LOCK_MAILBOX);
    struct letter *first = m->first;
    m->first = m->last = NULL;
    lock_release(&m->lock, LOCK_MAILBOX);
    return first;
}
