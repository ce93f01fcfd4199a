/* Access: which users there are, and whose right each connection acts by.
 *
 * The registry holds the users' published versions, sorted by name, under a lock (LOCK_ACL) that is taken to look one
 * up (AUTH, a new connection, ACL), never by other commands. A connection keeps a reference to the version it acts by
 * and a flag (CONN_LIMITED) that says whether commands need to be looked at at all; both are its worker's own, so that
 * no command touches a line that workers share. A change publishes a new version, raises srv->acl_epoch and writes to
 * all workers: each looks at the epoch before a batch (it lies with what a batch reads anyway) and brings its
 * connections up to date by itself. What is sent after the change was answered runs by the new rules.
 *
 * Changes are one at a time (`change`, a mutex held over reading, copying and publishing a user). */
#ifndef FLAGSTONE_SERVER_ACL_H
#define FLAGSTONE_SERVER_ACL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/acl_user.h"
#include "server/server.h"
#include "server/worker.h"
#include "slab/base/assert.h"

struct acl;
struct conn;

/* With the user "default", who may do everything without a password. NULL: memory is short. */
struct acl *acl_new(void);
void acl_free(struct acl *a); /* NULL is allowed; all connections are closed */

/* A reference to the user's present version, NULL: there is none. Any thread. */
struct acl_user *acl_find(struct acl *a, const char *name, size_t n);

/* References to all, by name; free them with acl_list_free. NULL: memory is short. */
struct acl_user **acl_list(struct acl *a, size_t *n);
void acl_list_free(struct acl_user **users, size_t n);

/* The default user needs no password; and is on besides: then connections need not authenticate. Any thread. */
bool acl_default_nopass(const struct acl *a);
bool acl_default_open(const struct acl *a);

/* A reference to the user if that is the password, else NULL (no such user, it is off, a wrong password); in a time
 * that does not depend on what is stored. */
struct acl_user *acl_authenticate(struct acl *a, const char *name, size_t n, const char *password, size_t len);

/* Applies the rules to the user, who is made where there is none, and publishes it; all or nothing. ACL_FINE, or what
 * is wrong with rule *failed. */
enum acl_error acl_set_user(struct server *s, const char *name, size_t n, const struct arg *rules, int nrules,
                            int *failed);
/* Publishes a user as it is (taken over). False: memory is short. */
bool acl_put_user(struct server *s, struct acl_user *u);
/* False: there is no such user. "default" cannot be deleted. */
bool acl_delete_user(struct server *s, const char *name, size_t n);
/* Replaces all users by these (taken over; without a "default", one as acl_new makes is added). Those of whom nothing
 * is changed keep their version; connections of others are killed, but for the default user's. False: memory is short,
 * nothing was changed, the users are still the caller's. */
bool acl_replace_users(struct server *s, struct acl_user **users, size_t n);
/* requirepass: the default user's only password, none if empty. False: memory is short. */
bool acl_set_default_password(struct server *s, const char *password);

/* ---- connections (acl_conn.c); the connection's worker ---- */

/* A new connection, not in the registry of clients yet: it acts as the default user. */
void acl_welcome(struct conn *c);
/* Authenticated: acts as this user from now on (the reference is taken over). */
void acl_become(struct conn *c, struct acl_user *u);
/* RESET: as if it were new. */
void acl_reset(struct conn *c);
void acl_forget(struct conn *c); /* it is being freed, and in no registry */

/* Brings the worker's connections up to date: those of deleted users, and subscribers of channels that they may not
 * hear any more, are killed. `self` (may be NULL) runs the command that changed something, and is answered before. */
void acl_refresh(struct worker *w, struct conn *self);

/* Before commands are run. */
static inline void acl_catch_up(struct worker *w)
{
    if (UNLIKELY(w->acl_epoch != atomic_load_explicit(&w->srv->acl_epoch, memory_order_acquire)))
        acl_refresh(w, NULL);
}

#endif
