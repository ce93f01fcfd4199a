/* See acl.h: the registry of users. */
#include "server/acl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/mailbox.h"
#include "server/options.h"

static const char default_name[] = "default";

struct acl {
    pthread_mutex_t change;
    struct lock lock;        /* rank LOCK_ACL: the array */
    struct acl_user **users; /* sorted; a reference each */
    size_t n, room;
    uint32_t lives;                 /* given so far; `change` */
    _Atomic unsigned default_flags; /* enum acl_flag */
};

/* By bytes, a shorter name before those that begin with it. */
static int compare(const struct acl_user *u, const char *name, size_t n)
{
    size_t len = strlen(u->name);
    int c = memcmp(u->name, name, len < n ? len : n);
    return c != 0 ? c : len < n ? -1 : len > n;
}

/* Where the name is, or belongs. The lock is held. */
static size_t position(const struct acl *a, const char *name, size_t n, bool *found)
{
    size_t low = 0, high = a->n;
    *found = false;
    while (low < high && !*found) {
        size_t mid = low + (high - low) / 2;
        int c = compare(a->users[mid], name, n);
        if (c == 0) {
            *found = true;
            low = mid;
        } else if (c < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct acl_user *default_new(void)
{
    static const char *const rules[] = {"on", "nopass", "allkeys", "allchannels", "allcommands"};
    struct acl_user *u = acl_user_new(default_name, sizeof default_name - 1, false);
    for (size_t i = 0; u != NULL && i < sizeof rules / sizeof *rules; i++)
        acl_user_apply(u, rules[i], strlen(rules[i]));
    if (u != NULL)
        acl_user_finish(u);
    return u;
}

static bool is_default(const struct acl_user *u)
{
    return strcmp(u->name, default_name) == 0;
}

/* Makes room for one more, so that publishing cannot fail. `change` is held. */
static bool make_room(struct acl *a)
{
    if (a->n < a->room)
        return true;
    size_t room = a->room == 0 ? 8 : a->room * 2;
    struct acl_user **users = malloc(room * sizeof *users);
    if (users == NULL)
        return false;
    lock_take(&a->lock, LOCK_ACL);
    struct acl_user **old = a->users;
    if (a->n > 0)
        memcpy(users, old, a->n * sizeof *users);
    a->users = users;
    a->room = room;
    lock_release(&a->lock, LOCK_ACL);
    free(old);
    return true;
}

/* There is room. `change` is held, or nobody else is there yet. */
static void publish(struct acl *a, struct acl_user *u)
{
    bool found;
    lock_take(&a->lock, LOCK_ACL);
    size_t at = position(a, u->name, strlen(u->name), &found);
    struct acl_user *old = found ? a->users[at] : NULL;
    if (!found) {
        memmove(&a->users[at + 1], &a->users[at], (a->n - at) * sizeof *a->users);
        a->n++;
    }
    a->users[at] = u;
    if (is_default(u))
        atomic_store_explicit(&a->default_flags, u->flags, memory_order_relaxed);
    lock_release(&a->lock, LOCK_ACL);
    acl_user_unref(old);
}

struct acl *acl_new(void)
{
    struct acl *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    pthread_mutex_init(&a->change, NULL);
    struct acl_user *u = default_new();
    if (u != NULL && make_room(a)) {
        publish(a, u);
        return a;
    }
    acl_user_unref(u);
    acl_free(a);
    return NULL;
}

void acl_free(struct acl *a)
{
    if (a == NULL)
        return;
    acl_list_free(a->users, a->n);
    pthread_mutex_destroy(&a->change);
    free(a);
}

/* Tells the workers, who bring their connections up to date. One that memory was too short to write to does so before
 * its next batch, or at its next tick. */
static void changed(struct server *s)
{
    atomic_fetch_add_explicit(&s->acl_epoch, 1, memory_order_release);
    for (int i = 0; i < s->nworkers && s->workers != NULL; i++) {
        struct letter *l = s->workers[i] == NULL ? NULL : letter_new(LETTER_ACL, 0, 0);
        if (l != NULL)
            mailbox_post(s->workers[i]->mail, l);
    }
}

struct acl_user *acl_find(struct acl *a, const char *name, size_t n)
{
    bool found;
    lock_take(&a->lock, LOCK_ACL);
    size_t at = position(a, name, n, &found);
    struct acl_user *u = found ? acl_user_ref(a->users[at]) : NULL;
    lock_release(&a->lock, LOCK_ACL);
    return u;
}

struct acl_user **acl_list(struct acl *a, size_t *n)
{
    pthread_mutex_lock(&a->change); /* the array neither grows nor shrinks meanwhile */
    struct acl_user **users = malloc((a->n + 1) * sizeof *users);
    for (*n = 0; users != NULL && *n < a->n; ++*n)
        users[*n] = acl_user_ref(a->users[*n]);
    pthread_mutex_unlock(&a->change);
    return users;
}

void acl_list_free(struct acl_user **users, size_t n)
{
    for (size_t i = 0; i < n; i++)
        acl_user_unref(users[i]);
    free(users);
}

bool acl_default_nopass(const struct acl *a)
{
    return (atomic_load_explicit(&a->default_flags, memory_order_relaxed) & ACL_NOPASS) != 0;
}

bool acl_default_open(const struct acl *a)
{
    const unsigned open = ACL_ON | ACL_NOPASS;
    return (atomic_load_explicit(&a->default_flags, memory_order_relaxed) & open) == open;
}

struct acl_user *acl_authenticate(struct acl *a, const char *name, size_t n, const char *password, size_t len)
{
    struct password given;
    password_hash(&given, password, len); /* also where there is no such user: the time does not tell */
    struct acl_user *u = acl_find(a, name, n);
    if (u == NULL)
        return NULL;
    bool ok = (u->flags & ACL_NOPASS) != 0;
    for (uint32_t i = 0; i < u->npasswords; i++)
        ok |= password_equal(&u->passwords[i], &given);
    if (ok && (u->flags & ACL_ON) != 0)
        return u;
    acl_user_unref(u);
    return NULL;
}

enum acl_error acl_set_user(struct server *s, const char *name, size_t n, const struct arg *rules, int nrules,
                            int *failed)
{
    struct acl *a = s->acl;
    enum acl_error e = ACL_FINE;
    *failed = 0;
    pthread_mutex_lock(&a->change);
    struct acl_user *old = acl_find(a, name, n);
    struct acl_user *u = old != NULL ? acl_user_copy(old) : acl_user_new(name, n, OPT(s->opt, acl_pubsub_default) != 0);
    acl_user_unref(old);
    if (u == NULL || !make_room(a))
        e = ACL_NO_MEMORY;
    if (u != NULL) {
        u->life = old != NULL ? u->life : ++a->lives;
        u->all_channels_new = OPT(s->opt, acl_pubsub_default) != 0; /* `reset` goes by what the option says now */
    }
    for (int i = 0; i < nrules && e == ACL_FINE; i++) {
        e = acl_user_apply(u, rules[i].p, rules[i].len);
        *failed = i;
    }
    if (e == ACL_FINE) {
        acl_user_finish(u);
        publish(a, u);
        changed(s);
    } else {
        acl_user_unref(u);
    }
    pthread_mutex_unlock(&a->change);
    return e;
}

bool acl_put_user(struct server *s, struct acl_user *u)
{
    struct acl *a = s->acl;
    pthread_mutex_lock(&a->change);
    bool ok = make_room(a);
    if (ok) {
        u->life = is_default(u) ? 0 : ++a->lives;
        publish(a, u);
        changed(s);
    } else {
        acl_user_unref(u);
    }
    pthread_mutex_unlock(&a->change);
    return ok;
}

bool acl_delete_user(struct server *s, const char *name, size_t n)
{
    struct acl *a = s->acl;
    bool found;
    struct acl_user *old = NULL;
    pthread_mutex_lock(&a->change);
    lock_take(&a->lock, LOCK_ACL);
    size_t at = position(a, name, n, &found);
    if (found) {
        old = a->users[at];
        memmove(&a->users[at], &a->users[at + 1], (--a->n - at) * sizeof *a->users);
    }
    lock_release(&a->lock, LOCK_ACL);
    if (found)
        changed(s);
    pthread_mutex_unlock(&a->change);
    acl_user_unref(old);
    return found;
}

static int by_name(const void *x, const void *y)
{
    struct acl_user *const *a = x, *const *b = y;
    return compare(*a, (*b)->name, strlen((*b)->name));
}

static bool same_rules(const struct acl_user *x, const struct acl_user *y)
{
    struct text a = {0}, b = {0};
    acl_describe(x, &a);
    acl_describe(y, &b);
    bool same = !a.failed && !b.failed && a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
    text_free(&a);
    text_free(&b);
    return same;
}

/* New versions that say the same as the old ones are replaced by those. `change` is held. */
static void keep_unchanged(struct acl *a, struct acl_user **users, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct acl_user *old = acl_find(a, users[i]->name, strlen(users[i]->name));
        if (old != NULL && same_rules(old, users[i])) {
            acl_user_unref(users[i]);
            users[i] = old;
        } else {
            users[i]->life = is_default(users[i]) ? 0 : ++a->lives;
            acl_user_unref(old);
        }
    }
}

bool acl_replace_users(struct server *s, struct acl_user **users, size_t n)
{
    struct acl *a = s->acl;
    struct acl_user **all = malloc((n + 1) * sizeof *all);
    bool has_default = false;
    for (size_t i = 0; i < n; i++)
        has_default = has_default || is_default(users[i]);
    struct acl_user *added = has_default ? NULL : default_new();
    if (all == NULL || (!has_default && added == NULL)) {
        free(all);
        acl_user_unref(added);
        return false;
    }
    if (n > 0)
        memcpy(all, users, n * sizeof *all);
    size_t room = n + 1;
    if (added != NULL)
        all[n++] = added;
    qsort(all, n, sizeof *all, by_name);
    pthread_mutex_lock(&a->change);
    keep_unchanged(a, all, n);
    lock_take(&a->lock, LOCK_ACL);
    struct acl_user **old = a->users;
    size_t nold = a->n;
    a->users = all;
    a->n = n;
    a->room = room;
    bool found;
    size_t at = position(a, default_name, sizeof default_name - 1, &found);
    atomic_store_explicit(&a->default_flags, all[at]->flags, memory_order_relaxed);
    lock_release(&a->lock, LOCK_ACL);
    changed(s);
    pthread_mutex_unlock(&a->change);
    acl_list_free(old, nold);
    return true;
}

bool acl_set_default_password(struct server *s, const char *password)
{
    size_t n = strlen(password);
    char *add = malloc(n + 2);
    if (add == NULL)
        return false;
    add[0] = '>';
    memcpy(add + 1, password, n + 1);
    const struct arg rules[] = {{.p = "resetpass", .len = 9},
                                {.p = n == 0 ? "nopass" : add, .len = n == 0 ? 6 : n + 1}};
    int failed;
    enum acl_error e = acl_set_user(s, default_name, sizeof default_name - 1, rules, 2, &failed);
    free(add);
    return e == ACL_FINE;
}
