/* See acl_user.h: life, and texts. Rules are in acl_rule.c. */
#include "server/acl_user.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void free_patterns(struct acl_pattern *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(p[i].text);
    free(p);
}

static void user_free(struct acl_user *u)
{
    for (uint32_t i = 0; i < u->nsteps; i++)
        free(u->steps[i].arg);
    free(u->steps);
    free_patterns(u->keys, u->nkeys);
    free_patterns(u->channels, u->nchannels);
    free(u->passwords);
    free(u->name);
    free(u);
}

struct acl_user *acl_user_new(const char *name, size_t n, bool all_channels)
{
    struct acl_user *u = calloc(1, sizeof *u);
    if (u == NULL)
        return NULL;
    atomic_init(&u->refs, 1);
    u->all_channels_new = all_channels;
    u->flags = all_channels ? ACL_ALLCHANNELS : 0;
    u->name = strndup(name, n);
    if (u->name != NULL)
        return u;
    user_free(u);
    return NULL;
}

static bool copy_patterns(struct acl_pattern **to, uint32_t *nto, const struct acl_pattern *from, uint32_t n)
{
    *to = calloc((size_t)n + 1, sizeof **to);
    if (*to == NULL)
        return false;
    for (; *nto < n; ++*nto) {
        (*to)[*nto] = from[*nto];
        (*to)[*nto].text = strdup(from[*nto].text);
        if ((*to)[*nto].text == NULL)
            return false;
    }
    return true;
}

static bool copy_steps(struct acl_user *to, const struct acl_user *from)
{
    to->steps = calloc((size_t)from->nsteps + 1, sizeof *to->steps);
    if (to->steps == NULL)
        return false;
    for (; to->nsteps < from->nsteps; to->nsteps++) {
        struct acl_step *s = &to->steps[to->nsteps];
        *s = from->steps[to->nsteps];
        if (s->arg != NULL && (s->arg = strdup(s->arg)) == NULL)
            return false;
    }
    return true;
}

struct acl_user *acl_user_copy(const struct acl_user *u)
{
    struct acl_user *c = acl_user_new(u->name, strlen(u->name), u->all_channels_new);
    if (c == NULL)
        return NULL;
    c->flags = u->flags;
    c->life = u->life;
    c->base = u->base;
    memcpy(c->allowed, u->allowed, sizeof c->allowed);
    c->passwords = malloc(((size_t)u->npasswords + 1) * sizeof *c->passwords);
    bool ok = c->passwords != NULL;
    if (ok && u->npasswords > 0)
        memcpy(c->passwords, u->passwords, u->npasswords * sizeof *c->passwords);
    c->npasswords = ok ? u->npasswords : 0;
    ok = ok && copy_patterns(&c->keys, &c->nkeys, u->keys, u->nkeys) &&
         copy_patterns(&c->channels, &c->nchannels, u->channels, u->nchannels) && copy_steps(c, u);
    if (ok)
        return c;
    user_free(c);
    return NULL;
}

struct acl_user *acl_user_ref(struct acl_user *u)
{
    atomic_fetch_add_explicit(&u->refs, 1, memory_order_relaxed);
    return u;
}

void acl_user_unref(struct acl_user *u)
{
    if (u != NULL && atomic_fetch_sub_explicit(&u->refs, 1, memory_order_acq_rel) == 1)
        user_free(u);
}

bool acl_name_valid(const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name[i] == '\0' || isspace((unsigned char)name[i]))
            return false;
    return true;
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

static void describe_step(const struct acl_step *s, struct text *t)
{
    text_add(t, s->allow ? " +" : " -", 2);
    if (s->kind == ACL_STEP_CATEGORY)
        text_printf(t, "@%s", command_category_name(s->id));
    else
        text_puts(t, command_by_id(s->id)->name);
    if (s->kind == ACL_STEP_FIRST_ARG) {
        text_add(t, "|", 1);
        text_puts(t, s->arg);
    }
}

void acl_describe_commands(const struct acl_user *u, struct text *t)
{
    text_puts(t, u->base ? "+@all" : "-@all");
    for (uint32_t i = 0; i < u->nsteps; i++)
        describe_step(&u->steps[i], t);
}

void acl_describe_keys(const struct acl_user *u, struct text *t)
{
    static const char *const prefix[] = {"", "%R~", "%W~", "~"};
    if (u->flags & ACL_ALLKEYS)
        text_puts(t, "~*");
    for (uint32_t i = 0; i < u->nkeys; i++) {
        if (i > 0)
            text_add(t, " ", 1);
        bool any = u->keys[i].access == (ACL_READ | ACL_WRITE) && strcmp(u->keys[i].text, "*") == 0;
        /* "~*" would be read back as all keys, with no place beside it for the others */
        text_puts(t, any && u->nkeys > 1 ? "%RW~" : prefix[u->keys[i].access]);
        text_add(t, u->keys[i].text, u->keys[i].len);
    }
}

void acl_describe_channels(const struct acl_user *u, struct text *t)
{
    if (u->flags & ACL_ALLCHANNELS)
        text_puts(t, "&*");
    for (uint32_t i = 0; i < u->nchannels; i++) {
        text_puts(t, i > 0 ? " &" : "&");
        text_add(t, u->channels[i].text, u->channels[i].len);
    }
}

const char *acl_next_flag(const struct acl_user *u, int *at)
{
    static const struct {
        unsigned flag;
        const char *name;
    } names[] = {
        {ACL_NOPASS, "nopass"}, {ACL_SANITIZE, "sanitize-payload"}, {ACL_SKIP_SANITIZE, "skip-sanitize-payload"}};
    if (*at == 0) {
        ++*at;
        return u->flags & ACL_ON ? "on" : "off";
    }
    while (*at <= (int)(sizeof names / sizeof *names)) {
        int i = (*at)++ - 1;
        if (u->flags & names[i].flag)
            return names[i].name;
    }
    return NULL;
}

void acl_describe(const struct acl_user *u, struct text *t)
{
    char hex[PASSWORD_HEX_CHARS + 1];
    int at = 0;
    text_puts(t, "user ");
    text_puts(t, u->name);
    text_add(t, " ", 1);
    for (const char *flag = acl_next_flag(u, &at); flag != NULL; flag = acl_next_flag(u, &at)) {
        text_puts(t, flag);
        text_add(t, " ", 1);
    }
    for (uint32_t i = 0; i < u->npasswords; i++) {
        password_to_hex(&u->passwords[i], hex);
        text_printf(t, "#%s ", hex);
    }
    if ((u->flags & ACL_ALLKEYS) || u->nkeys > 0) {
        acl_describe_keys(u, t);
        text_add(t, " ", 1);
    }
    if ((u->flags & ACL_ALLCHANNELS) == 0)
        text_puts(t, "resetchannels ");
    if ((u->flags & ACL_ALLCHANNELS) || u->nchannels > 0) {
        acl_describe_channels(u, t);
        text_add(t, " ", 1);
    }
    acl_describe_commands(u, t);
}
