/* Mailboxes: how threads talk to a worker. A queue under a lock, and an eventfd that wakes the worker's loop.
 *
 * Letters are delivered in the order of posting and run on the worker's thread, outside of any command. */
#ifndef FLAGSTONE_SERVER_MAILBOX_H
#define FLAGSTONE_SERVER_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mailbox;
struct worker;

enum letter_kind {
    LETTER_ADOPT,   /* a new connection: fd, and in `data` a struct conn_origin */
    LETTER_KILL,    /* close the connection `id` */
    LETTER_MONITOR, /* append data to every monitoring connection of the worker */
    LETTER_MESSAGE, /* publish: id is the address of a struct message, which counts who has it (pubsub.h) */
    LETTER_PURGED,  /* purge number `id` is over; data: struct purge_report (purge.h) */
    LETTER_ACL,     /* users changed (acl.h) */
    LETTER_UNPAUSE, /* look at paused connections again */
    LETTER_DRAIN,   /* read no more, part with connections as they have their replies */
    LETTER_STOP,    /* end the loop */
};

/* Owned by whoever holds it; `data` lies behind it in the same allocation. */
struct letter {
    struct letter *next;
    enum letter_kind kind;
    int fd;
    uint64_t id;
    size_t len;
    char data[];
};

/* NULL: out of memory or descriptors (errno). */
struct mailbox *mailbox_new(void);
void mailbox_free(struct mailbox *m); /* letters left inside are dropped, their descriptors closed */
int mailbox_fd(const struct mailbox *m);

/* A letter with room for `len` bytes; NULL: memory is short. */
struct letter *letter_new(enum letter_kind kind, uint64_t id, size_t len);

/* Posts (the letter is taken over). Any thread; rank LOCK_MAILBOX. */
void mailbox_post(struct mailbox *m, struct letter *l);

/* The same in two steps: mailbox_append is true where the owner is to be woken, which the poster then must do. */
bool mailbox_append(struct mailbox *m, struct letter *l);
void mailbox_wake(struct mailbox *m);

/* Takes all letters, first posted first; the caller frees each. Only the owner's thread. mailbox_take_now leaves the
 * descriptor as it is: the owner may be woken for nothing later. */
struct letter *mailbox_take(struct mailbox *m);
struct letter *mailbox_take_now(struct mailbox *m);

/* Frees a letter that nobody will read, and closes the connection that it brings. A message in it is the caller's. */
void letter_discard(struct letter *l);

#endif
