/* See acl.h: whose right a connection acts by. */
#include "server/acl.h"

#include <string.h>

#include "server/clients.h"
#include "server/conn_private.h"
#include "server/pubsub.h"

/* Others read the user's name under the registry's lock. */
static void set_user(struct conn *c, struct acl_user *u)
{
    struct clients *cl = &c->wkr->clients;
    lock_take(&cl->lock, LOCK_CLIENTS);
    struct acl_user *old = c->user;
    c->user = u;
    lock_release(&cl->lock, LOCK_CLIENTS);
    acl_user_unref(old);
    if (u != NULL && (u->flags & ACL_UNLIMITED) == 0)
        conn_set(c, CONN_LIMITED);
    else
        conn_clear(c, CONN_LIMITED);
}

void acl_welcome(struct conn *c)
{
    struct acl *a = c->wkr->srv->acl;
    set_user(c, acl_find(a, "default", 7));
    if (acl_default_open(a))
        conn_set(c, CONN_AUTHENTICATED);
}

void acl_become(struct conn *c, struct acl_user *u)
{
    set_user(c, u);
    conn_set(c, CONN_AUTHENTICATED);
    conn_clear(c, CONN_AUTH_LENT);
}

void acl_reset(struct conn *c)
{
    conn_clear(c, CONN_AUTHENTICATED | CONN_AUTH_LENT);
    acl_welcome(c);
}

void acl_forget(struct conn *c)
{
    acl_user_unref(c->user);
    c->user = NULL;
}

/* A connection that never authenticated may run commands while the default user is open, as in Redis. */
static void lend(struct conn *c, bool open)
{
    if (open && !conn_has(c, CONN_AUTHENTICATED))
        conn_set(c, CONN_AUTHENTICATED | CONN_AUTH_LENT);
    else if (!open && conn_has(c, CONN_AUTH_LENT))
        conn_clear(c, CONN_AUTHENTICATED | CONN_AUTH_LENT);
}

struct hearing {
    const struct acl_user *user;
    bool pattern;
};

static bool may_hear(void *arg, const char *name, size_t n)
{
    const struct hearing *h = arg;
    return acl_check_channel(h->user, name, n, h->pattern);
}

static bool may_hear_all(const struct conn *c)
{
    for (int kind = 0; kind < TOPIC_KINDS; kind++) {
        struct hearing h = {c->user, kind == TOPIC_PATTERN};
        if (!pubsub_each(c, (enum topic_kind)kind, may_hear, &h))
            return false;
    }
    return true;
}

/* The command that is running may be another's, in whose way nothing must be freed: a letter does it. */
static void kill_conn(struct conn *c, struct conn *self)
{
    if (c == self) {
        conn_close_after_reply(c);
    } else {
        clients_kill(c);
        if (!conn_has(c, CONN_KILLED)) /* no memory for the letter */
            conn_set(c, CONN_CLOSE_ASAP);
    }
}

void acl_refresh(struct worker *w, struct conn *self)
{
    struct acl *a = w->srv->acl;
    struct acl_user *from = NULL, *to = NULL; /* most connections share a user: it is looked up once */
    w->acl_epoch = atomic_load_explicit(&w->srv->acl_epoch, memory_order_acquire);
    bool open = acl_default_open(a);
    for (struct conn *c = w->clients.first; c != NULL; c = c->next) {
        if (c->user != from) {
            acl_user_unref(from);
            acl_user_unref(to);
            from = acl_user_ref(c->user);
            to = acl_find(a, from->name, strlen(from->name));
        }
        lend(c, open);
        if (to == NULL || to->life != from->life) {
            kill_conn(c, self);
        } else if (to != from) {
            set_user(c, acl_user_ref(to));
            if (conn_has(c, CONN_PUBSUB) && !may_hear_all(c))
                kill_conn(c, self);
        }
    }
    acl_user_unref(from);
    acl_user_unref(to);
}
