/* See acl_file.h. A file is read whole and turned into users before anything changes; all its faults are told, each
 * with its line. */
#include "server/acl_file.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/acl.h"
#include "server/conf_file_private.h"
#include "slab/base/log.h"

static const char default_name[] = "default";

struct users {
    struct acl_user **v;
    size_t n, room;
};

static bool add_user(struct users *all, struct acl_user *u)
{
    if (all->n == all->room) {
        size_t room = all->room == 0 ? 16 : all->room * 2;
        struct acl_user **v = realloc(all->v, room * sizeof *v);
        if (v == NULL)
            return false;
        all->v = v;
        all->room = room;
    }
    all->v[all->n++] = u;
    return true;
}

/* A user as words say it: its name, then rules. NULL: *why, and the word that is wrong in *at (-1: memory is short). */
static struct acl_user *user_from_words(char *const *words, int n, bool all_channels, enum acl_error *why, int *at)
{
    struct acl_user *u = acl_user_new(words[0], strlen(words[0]), all_channels);
    *at = -1;
    *why = u == NULL ? ACL_NO_MEMORY : ACL_FINE;
    for (int i = 1; i < n && *why == ACL_FINE; i++) {
        *why = acl_user_apply(u, words[i], strlen(words[i]));
        *at = i;
    }
    if (*why == ACL_FINE) {
        acl_user_finish(u);
        return u;
    }
    acl_user_unref(u);
    return NULL;
}

/* ---- reading a file ---------------------------------------------------------------------------------------------- */

enum { ERRORS_BYTES = 16 * 1024 };

struct reading {
    struct users all;
    uint32_t *seen; /* open addressing over `all`: an index + 1, 0: none */
    size_t seen_room;
    struct text *errors;
    size_t untold; /* errors beyond ERRORS_BYTES of them */
    const char *path;
    int line;
    bool all_channels;
};

static bool may_tell(struct reading *r)
{
    bool may = r->errors->len < ERRORS_BYTES;
    r->untold += !may;
    return may;
}

static void tell(struct reading *r, const char *rule, enum acl_error why)
{
    if (!may_tell(r))
        return;
    if (why == ACL_UNKNOWN_COMMAND)
        text_printf(r->errors, "%s:%d: Error in applying operation '%.200s': %s. ", r->path, r->line, rule,
                    acl_error_text(why));
    else
        text_printf(r->errors, "%s:%d: %s. ", r->path, r->line, acl_error_text(why));
}

/* Cuts a line into words at blanks, in place. Of the first two words, which are "user" and its name, only one blank is
 * between: a second one ends a name that is empty, as in Redis. NULL: memory is short. */
static char **split(char *line, int *n)
{
    static const char blanks[] = " \t\r";
    static char empty[1];
    size_t room = strlen(line) / 2 + 3;
    char **words = malloc(room * sizeof *words), *state = NULL;
    *n = 0;
    for (char *w = strtok_r(line, blanks, &state); w != NULL && words != NULL; w = strtok_r(NULL, blanks, &state)) {
        if (*n == 1 && w - words[0] > (ptrdiff_t)strlen(words[0]) + 1)
            words[(*n)++] = empty;
        words[(*n)++] = w;
    }
    return words;
}

/* Where the name's index is, or belongs; there is room. */
static uint32_t *place(const struct reading *r, const char *name)
{
    uint32_t h = 2166136261u;
    for (const char *p = name; *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    uint32_t *at = &r->seen[h & (r->seen_room - 1)];
    while (*at != 0 && strcmp(r->all.v[*at - 1]->name, name) != 0)
        at = at + 1 < r->seen + r->seen_room ? at + 1 : r->seen;
    return at;
}

/* Room for one user more. */
static bool grow_seen(struct reading *r)
{
    if (r->all.n * 2 < r->seen_room)
        return true;
    size_t room = r->seen_room == 0 ? 64 : r->seen_room * 2;
    uint32_t *old = r->seen, *seen = calloc(room, sizeof *seen);
    if (seen == NULL)
        return false;
    r->seen = seen;
    r->seen_room = room;
    for (size_t i = 0; i < r->all.n; i++)
        *place(r, r->all.v[i]->name) = (uint32_t)i + 1;
    free(old);
    return true;
}

static void read_words(struct reading *r, char **words, int n)
{
    enum acl_error why;
    int at;
    if (n < 2 || strcmp(words[0], "user") != 0) {
        if (may_tell(r))
            text_printf(r->errors, "%s:%d should start with user keyword followed by the username. ", r->path, r->line);
        return;
    }
    if (!grow_seen(r)) {
        tell(r, "", ACL_NO_MEMORY);
        return;
    }
    uint32_t *seen = place(r, words[1]);
    if (*seen != 0) {
        if (may_tell(r))
            text_printf(r->errors, "WARNING: Duplicate user '%.200s' found on line %d. ", words[1], r->line);
        return;
    }
    struct acl_user *u = user_from_words(words + 1, n - 1, r->all_channels, &why, &at);
    if (u == NULL) {
        tell(r, at < 0 ? "" : words[1 + at], why);
    } else if (!add_user(&r->all, u)) {
        acl_user_unref(u);
        tell(r, "", ACL_NO_MEMORY);
    } else {
        *seen = (uint32_t)r->all.n;
    }
}

static void read_line(struct reading *r, const char *line, size_t len)
{
    int n = 0;
    char *copy = strndup(line, len);
    char **words = copy == NULL ? NULL : split(copy, &n);
    if (words == NULL)
        tell(r, "", ACL_NO_MEMORY);
    else if (memchr(line, '\0', len) != NULL)
        tell(r, "", ACL_SYNTAX);
    else if (n > 0)
        read_words(r, words, n);
    free(words);
    free(copy);
}

static bool read_file(struct reading *r)
{
    struct stat st;
    char *text;
    const char *line;
    size_t len, n, at = 0;
    int error = conf_read(r->path, &text, &len, &st);
    if (error != 0) {
        text_printf(r->errors, "Error loading ACLs, opening file '%s': %s", r->path, strerror(error));
        return false;
    }
    while (conf_next_line(text, len, &at, &line, &n)) {
        r->line++;
        read_line(r, line, n);
    }
    free(text);
    free(r->seen);
    if (r->untold > 0)
        text_printf(r->errors, "And %zu errors more. ", r->untold);
    if (r->errors->len == 0 && !r->errors->failed)
        return true;
    text_puts(r->errors, "WARNING: ACL errors detected, no change to the previously active ACL rules was performed");
    return false;
}

bool acl_load_file(struct server *s, struct text *errors)
{
    struct reading r = {.errors = errors, .all_channels = OPT(s->opt, acl_pubsub_default) != 0};
    char *path = options_text_dup(s->opt, &s->opt->aclfile);
    r.path = path;
    bool ok = path != NULL && read_file(&r);
    if (ok && !acl_replace_users(s, r.all.v, r.all.n)) {
        text_printf(errors, "%s: %s", path, acl_error_text(ACL_NO_MEMORY));
        ok = false;
    }
    if (!ok)
        acl_list_free(r.all.v, r.all.n);
    else
        free(r.all.v);
    free(path);
    return ok;
}

/* ---- writing a file ---------------------------------------------------------------------------------------------- */

/* All users, or those that `wanted` accepts, a line each. */
static void write_lines(struct acl *a, bool (*wanted)(struct server *s, const struct acl_user *u), struct server *s,
                        struct text *t)
{
    size_t n;
    struct acl_user **users = acl_list(a, &n);
    if (users == NULL) {
        t->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (wanted != NULL && !wanted(s, users[i]))
            continue;
        acl_describe(users[i], t);
        text_puts(t, "\n");
    }
    acl_list_free(users, n);
}

int acl_save_file(struct server *s)
{
    struct text t = {0};
    struct stat st;
    pthread_mutex_lock(&s->opt->change); /* the newest users are written last */
    char *path = options_text_dup(s->opt, &s->opt->aclfile);
    write_lines(s->acl, NULL, s, &t);
    int error = path == NULL || t.failed ? ENOMEM : 0;
    if (error == 0) {
        /* A link stays a link: what it names is replaced. */
        char *target = realpath(path, NULL);
        bool there = stat(path, &st) == 0;
        error = there && !S_ISREG(st.st_mode)
                    ? EINVAL
                    : conf_replace(target != NULL ? target : path, t.p, t.len, there ? &st : NULL);
        free(target);
    }
    pthread_mutex_unlock(&s->opt->change);
    if (error != 0)
        log_line(LOG_WARNING, "Saving the ACL file '%s': %s", path == NULL ? "" : path, strerror(error));
    free(path);
    text_free(&t);
    return error;
}

/* ---- the configuration ------------------------------------------------------------------------------------------- */

/* The user is what the option requirepass alone makes of "default". */
static bool is_by_requirepass(struct server *s, const struct acl_user *u)
{
    const unsigned all = ACL_ON | ACL_UNLIMITED | ACL_ALLKEYS | ACL_ALLCHANNELS;
    struct password wanted;
    char *pass = options_text_dup(s->opt, &s->opt->requirepass);
    if (pass == NULL)
        return false;
    bool open = pass[0] == '\0';
    password_hash(&wanted, pass, strlen(pass));
    free(pass);
    return strcmp(u->name, default_name) == 0 && u->base && u->nsteps == 0 &&
           u->flags == (open ? all | ACL_NOPASS : all) && u->npasswords == (open ? 0 : 1) &&
           (open || password_equal(&u->passwords[0], &wanted));
}

static bool is_for_config(struct server *s, const struct acl_user *u)
{
    return !is_by_requirepass(s, u);
}

/* All but a "default" that is as requirepass has it. */
static bool present_lines(struct server *s, struct text *t)
{
    write_lines(s->acl, is_for_config, s, t);
    return !t->failed;
}

static int by_name(const void *x, const void *y)
{
    struct acl_user *const *a = x, *const *b = y;
    return strcmp((*a)->name, (*b)->name);
}

/* The users of `user` lines; the configuration was checked when it was read. False: memory is short. */
static bool given_users(const struct options *o, struct users *all)
{
    for (int i = 0; i < o->nusers; i++) {
        enum acl_error why;
        int at;
        struct acl_user *u =
            user_from_words(o->users[i].word, o->users[i].n, OPT(o, acl_pubsub_default) != 0, &why, &at);
        if (u == NULL || !add_user(all, u)) {
            acl_user_unref(u);
            return false;
        }
    }
    if (all->n > 0)
        qsort(all->v, all->n, sizeof *all->v, by_name);
    return true;
}

static bool given_lines(const struct options *o, struct text *t)
{
    struct users all = {0};
    bool ok = given_users(o, &all);
    for (size_t i = 0; i < all.n; i++) {
        acl_describe(all.v[i], t);
        text_puts(t, "\n");
    }
    acl_list_free(all.v, all.n);
    return ok && !t->failed;
}

static const char *check_words(char *const *words, int n, int *at)
{
    enum acl_error why;
    *at = 0;
    if (!acl_name_valid(words[0], strlen(words[0])))
        return "Usernames can't contain spaces or null characters";
    struct acl_user *u = user_from_words(words, n, false, &why, at);
    acl_user_unref(u);
    *at = *at < 0 ? 0 : *at;
    return u == NULL ? acl_error_text(why) : NULL;
}

static void warn_of_disabled(const struct users *all)
{
    for (size_t i = 0; i < all->n; i++)
        if ((all->v[i]->flags & ACL_ON) == 0)
            log_line(LOG_NOTICE,
                     "The user '%s' is disabled (there is no 'on' modifier in the user description). Make sure this is "
                     "not a configuration error.",
                     all->v[i]->name);
}

/* False: users are given in both ways. */
static bool is_unambiguous(const struct options *o, bool has_file, struct text *errors)
{
    if (!has_file || o->nusers == 0)
        return true;
    text_puts(errors, "Configuring users by 'user' lines and an aclfile at the same time is an error: it would not be "
                      "clear who may do what. Please use one of them.");
    return false;
}

/* The server would read the file from its working directory. */
static bool check_file(struct options *o, struct text *errors)
{
    struct reading r = {.errors = errors};
    char *file = options_text_dup(o, &o->aclfile), *dir = options_text_dup(o, &o->dir), *path = NULL;
    bool has_file = file != NULL && file[0] != '\0';
    bool ok = file != NULL && dir != NULL && is_unambiguous(o, has_file, errors);
    if (ok && has_file) {
        ok = asprintf(&path, "%s%s%s", file[0] == '/' ? "" : dir, file[0] == '/' ? "" : "/", file) >= 0;
        r.path = path;
        ok = ok && read_file(&r);
        acl_list_free(r.all.v, r.all.n);
        free(path);
    }
    free(dir);
    free(file);
    return ok;
}

bool acl_load_configured(struct server *s, struct text *errors)
{
    char path[OPTIONS_TEXT_CHARS];
    bool has_file = options_text(s->opt, &s->opt->aclfile, path, sizeof path) > 0;
    struct users all = {0};
    if (!is_unambiguous(s->opt, has_file, errors))
        return false;
    if (has_file)
        return acl_load_file(s, errors);
    char *pass = options_text_dup(s->opt, &s->opt->requirepass);
    bool ok = pass != NULL && (pass[0] == '\0' || acl_set_default_password(s, pass)) && given_users(s->opt, &all);
    free(pass);
    warn_of_disabled(&all);
    for (size_t i = 0; i < all.n && ok; i++)
        ok = acl_put_user(s, acl_user_ref(all.v[i]));
    acl_list_free(all.v, all.n);
    if (!ok)
        text_puts(errors, acl_error_text(ACL_NO_MEMORY));
    return ok;
}

const struct user_hooks acl_user_hooks = {
    .check = check_words,
    .check_file = check_file,
    .given = given_lines,
    .present = present_lines,
    .set_password = acl_set_default_password,
};
