/* Rules: what SETUSER, `user` lines and ACL files say of a user, applied one by one.
 *
 * A rule on commands becomes a step (acl_user.h). A step takes those before it away that it overrides as a whole; what
 * else says nothing any more ("+get" before "+@read") goes in acl_user_finish, by trying: a step without which the same
 * commands are allowed is left out. */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/acl_user.h"
#include "server/command_table_private.h"

enum { CATEGORIES = COMMAND_CATEGORIES, BITS = ID_ALL + CATEGORIES };

static_assert(BITS <= ACL_COMMAND_WORDS * 64, "there is a bit for each command and category");

const char *acl_error_text(enum acl_error e)
{
    switch (e) {
    case ACL_FINE:
        return "";
    case ACL_SYNTAX:
        return "Syntax error";
    case ACL_UNKNOWN_COMMAND:
        return "Unknown command or category name in ACL";
    case ACL_KEY_AFTER_ALL:
        return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any "
               "effect. "
               "Try 'resetkeys' to start with an empty list of patterns";
    case ACL_CHANNEL_AFTER_ALL:
        return "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any "
               "effect. Try 'resetchannels' to start with an empty list of channels";
    case ACL_NO_SUCH_PASSWORD:
        return "The password you are trying to remove from the user does not exist";
    case ACL_BAD_HASH:
        return "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";
    case ACL_FIRST_ARG_OF_SUB:
        return "Allowing first-arg of a subcommand is not supported";
    case ACL_SELECTOR:
        return "Selectors are not supported: a user has one set of rules";
    case ACL_NO_MEMORY:
        break;
    }
    return "Out of memory";
}

/* Room for one more at the end of an array. */
static bool grow(void *array, uint32_t n, size_t size)
{
    void **p = array;
    void *more = realloc(*p, ((size_t)n + 1) * size);
    if (more == NULL)
        return false;
    *p = more;
    return true;
}

static void clear_patterns(struct acl_pattern *p, uint32_t *n)
{
    while (*n > 0)
        free(p[--*n].text);
}

static void set_all_keys(struct acl_user *u, bool all)
{
    clear_patterns(u->keys, &u->nkeys);
    u->flags = all ? u->flags | ACL_ALLKEYS : u->flags & ~(unsigned)ACL_ALLKEYS;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

struct command_set {
    uint64_t word[ACL_COMMAND_WORDS];
};

static void set_bit(struct command_set *s, unsigned bit, bool on)
{
    uint64_t mask = (uint64_t)1 << bit % 64;
    s->word[bit / 64] = on ? s->word[bit / 64] | mask : s->word[bit / 64] & ~mask;
}

static bool has_bit(const struct command_set *s, unsigned bit)
{
    return (s->word[bit / 64] >> bit % 64 & 1) != 0;
}

/* First arguments of a command no longer count, once it is allowed or forbidden as a whole. */
static void forget_first_args(const struct acl_step *steps, uint32_t n, bool *live, uint16_t id)
{
    for (uint32_t i = 0; i < n; i++)
        if (steps[i].kind == ACL_STEP_FIRST_ARG && steps[i].id == id)
            live[i] = false;
}

/* A container's subcommands go with it. */
static void set_command(const struct acl_user *u, uint32_t at, struct command_set *s, bool *live, uint16_t id)
{
    const struct command *c = command_by_id(id);
    set_bit(s, id, u->steps[at].allow);
    forget_first_args(u->steps, at, live, id);
    for (int i = 0; i < c->nsub; i++)
        set_bit(s, c->sub[i].id, u->steps[at].allow);
}

/* What the steps but number `skip` allow; live[nsteps] says which first arguments count. */
static void replay(const struct acl_user *u, uint32_t skip, struct command_set *s, bool *live)
{
    memset(s, 0, sizeof *s);
    for (unsigned bit = 0; u->base && bit < BITS; bit++)
        set_bit(s, bit, true);
    for (uint32_t i = 0; i < u->nsteps; i++) {
        const struct acl_step *step = &u->steps[i];
        live[i] = false;
        if (i == skip)
            continue;
        if (step->kind == ACL_STEP_FIRST_ARG) {
            live[i] = !has_bit(s, step->id);
        } else if (step->kind == ACL_STEP_COMMAND) {
            set_command(u, i, s, live, step->id);
        } else {
            set_bit(s, (unsigned)ID_ALL + step->id, step->allow);
            for (unsigned id = 0; id < ID_ALL; id++)
                if ((command_by_id((uint16_t)id)->categories >> step->id & 1) != 0)
                    set_command(u, i, s, live, (uint16_t)id);
        }
    }
}

static void remove_step(struct acl_user *u, uint32_t i)
{
    free(u->steps[i].arg);
    memmove(&u->steps[i], &u->steps[i + 1], (--u->nsteps - i) * sizeof *u->steps);
}

static void clear_steps(struct acl_user *u)
{
    while (u->nsteps > 0)
        remove_step(u, u->nsteps - 1);
}

static bool is_sub_of(uint16_t id, uint16_t container)
{
    const struct command *c = command_by_id(container);
    return c->nsub > 0 && id >= c->sub[0].id && id < c->sub[0].id + c->nsub;
}

/* Nothing is left of `old` where `step` follows. */
static bool overrides(const struct acl_step *step, const struct acl_step *old)
{
    switch (step->kind) {
    case ACL_STEP_CATEGORY:
        return old->kind == ACL_STEP_CATEGORY && old->id == step->id;
    case ACL_STEP_COMMAND:
        return old->kind != ACL_STEP_CATEGORY && (old->id == step->id || is_sub_of(old->id, step->id));
    case ACL_STEP_FIRST_ARG:
        return old->kind == ACL_STEP_FIRST_ARG && old->id == step->id && strcasecmp(old->arg, step->arg) == 0;
    }
    return false;
}

static enum acl_error add_step(struct acl_user *u, const struct acl_step *step)
{
    if (!grow(&u->steps, u->nsteps, sizeof *u->steps)) {
        free(step->arg);
        return ACL_NO_MEMORY;
    }
    for (uint32_t i = u->nsteps; i-- > 0;)
        if (overrides(step, &u->steps[i]))
            remove_step(u, i);
    u->steps[u->nsteps++] = *step;
    return ACL_FINE;
}

static void set_all_commands(struct acl_user *u, bool allow)
{
    clear_steps(u);
    u->base = allow;
}

static enum acl_error apply_category(struct acl_user *u, bool allow, const char *name, size_t n)
{
    if (n == 3 && strncasecmp(name, "all", 3) == 0) {
        set_all_commands(u, allow);
        return ACL_FINE;
    }
    int category = command_category_find(name, n);
    if (category < 0)
        return ACL_UNKNOWN_COMMAND;
    return add_step(u, &(struct acl_step){.kind = ACL_STEP_CATEGORY, .allow = allow, .id = (uint16_t)category});
}

/* "select|0": only what is said so is allowed of the command; it cannot be taken back singly. */
static enum acl_error apply_first_arg(struct acl_user *u, bool allow, const char *name, size_t n)
{
    const char *bar = memrchr(name, '|', n);
    const struct command *c = bar == NULL || !allow ? NULL : command_find_name(name, (size_t)(bar - name));
    if (c == NULL)
        return ACL_UNKNOWN_COMMAND;
    size_t len = n - (size_t)(bar + 1 - name);
    if (len == 0 || !acl_name_valid(bar + 1, len)) /* no list of rules could carry it */
        return ACL_SYNTAX;
    if (strchr(c->name, '|') != NULL)
        return ACL_FIRST_ARG_OF_SUB;
    if (c->nsub > 0)
        return ACL_UNKNOWN_COMMAND;
    struct acl_step step = {.kind = ACL_STEP_FIRST_ARG, .allow = true, .id = c->id, .arg = strndup(bar + 1, len)};
    return step.arg == NULL ? ACL_NO_MEMORY : add_step(u, &step);
}

static enum acl_error apply_command(struct acl_user *u, bool allow, const char *name, size_t n)
{
    if (n > 0 && name[0] == '@')
        return apply_category(u, allow, name + 1, n - 1);
    const struct command *c = n < 2 ? NULL : command_find_name(name, n);
    if (c == NULL)
        return apply_first_arg(u, allow, name, n);
    return add_step(u, &(struct acl_step){.kind = ACL_STEP_COMMAND, .allow = allow, .id = c->id});
}

/* Leaves out what changes nothing; where memory is short they stay, which does no harm. */
static void simplify(struct acl_user *u)
{
    bool *live = calloc(2 * (size_t)u->nsteps + 1, sizeof *live);
    if (live == NULL)
        return;
    for (uint32_t i = 0; i < u->nsteps;) {
        struct command_set whole, without;
        bool *rest = live + u->nsteps;
        replay(u, UINT32_MAX, &whole, live);
        replay(u, i, &without, rest);
        bool same = memcmp(&whole, &without, sizeof whole) == 0;
        for (uint32_t k = 0; k < u->nsteps && same; k++)
            same = k == i ? !live[k] : live[k] == rest[k];
        if (same)
            remove_step(u, i);
        else
            i++;
    }
    free(live);
}

void acl_user_finish(struct acl_user *u)
{
    struct command_set s;
    const struct acl_pattern *only = u->nkeys == 1 ? &u->keys[0] : NULL;
    if (only != NULL && only->access == (ACL_READ | ACL_WRITE) && strcmp(only->text, "*") == 0)
        set_all_keys(u, true);
    simplify(u);
    bool *live = calloc((size_t)u->nsteps + 1, sizeof *live);
    if (live == NULL) { /* then nothing but the base, and that only where it denies */
        set_all_commands(u, false);
        memset(&s, 0, sizeof s);
    } else {
        replay(u, UINT32_MAX, &s, live);
        for (uint32_t i = 0; i < u->nsteps; i++)
            u->steps[i].live = live[i];
    }
    free(live);
    memcpy(u->allowed, s.word, sizeof u->allowed);
    unsigned all = 0;
    for (unsigned id = 0; id < ID_ALL; id++)
        all += has_bit(&s, id);
    const unsigned free_of_all = ACL_ALLKEYS | ACL_ALLCHANNELS;
    bool unlimited = all == ID_ALL && (u->flags & free_of_all) == free_of_all;
    u->flags = unlimited ? u->flags | ACL_UNLIMITED : u->flags & ~(unsigned)ACL_UNLIMITED;
}

/* ---- passwords --------------------------------------------------------------------------------------------------- */

static uint32_t find_password(const struct acl_user *u, const struct password *p)
{
    uint32_t i = 0;
    while (i < u->npasswords && !password_equal(&u->passwords[i], p))
        i++;
    return i;
}

static enum acl_error add_password(struct acl_user *u, const struct password *p)
{
    if (find_password(u, p) == u->npasswords) {
        if (!grow(&u->passwords, u->npasswords, sizeof *u->passwords))
            return ACL_NO_MEMORY;
        u->passwords[u->npasswords++] = *p;
    }
    u->flags &= ~(unsigned)ACL_NOPASS;
    return ACL_FINE;
}

static enum acl_error remove_password(struct acl_user *u, const struct password *p)
{
    uint32_t i = find_password(u, p);
    if (i == u->npasswords)
        return ACL_NO_SUCH_PASSWORD;
    memmove(&u->passwords[i], &u->passwords[i + 1], (--u->npasswords - i) * sizeof *u->passwords);
    return ACL_FINE;
}

static enum acl_error apply_password(struct acl_user *u, char kind, const char *p, size_t n)
{
    struct password given;
    if (kind == '>' || kind == '<')
        password_hash(&given, p, n);
    else if (!password_from_hex(&given, p, n))
        return ACL_BAD_HASH;
    return kind == '>' || kind == '#' ? add_password(u, &given) : remove_password(u, &given);
}

/* ---- keys and channels ------------------------------------------------------------------------------------------- */

/* A pattern that is there already gains the access. */
static enum acl_error add_pattern(struct acl_pattern **patterns, uint32_t *n, const char *p, size_t len,
                                  unsigned access)
{
    if (!acl_name_valid(p, len))
        return ACL_SYNTAX;
    for (uint32_t i = 0; i < *n; i++) {
        struct acl_pattern *old = &(*patterns)[i];
        if (old->len == len && memcmp(old->text, p, len) == 0) {
            old->access |= access;
            return ACL_FINE;
        }
    }
    char *text = strndup(p, len);
    if (text == NULL || !grow(patterns, *n, sizeof **patterns)) {
        free(text);
        return ACL_NO_MEMORY;
    }
    (*patterns)[(*n)++] = (struct acl_pattern){text, len, access};
    return ACL_FINE;
}

static void set_all_channels(struct acl_user *u, bool all)
{
    clear_patterns(u->channels, &u->nchannels);
    u->flags = all ? u->flags | ACL_ALLCHANNELS : u->flags & ~(unsigned)ACL_ALLCHANNELS;
}

/* "~p" and "%RW~p". */
static enum acl_error apply_key(struct acl_user *u, const char *rule, size_t n)
{
    unsigned access = rule[0] == '~' ? ACL_READ | ACL_WRITE : 0;
    size_t at = 1;
    if (n == 2 && memcmp(rule, "~*", 2) == 0) {
        set_all_keys(u, true);
        return ACL_FINE;
    }
    if (u->flags & ACL_ALLKEYS)
        return ACL_KEY_AFTER_ALL;
    for (; rule[0] == '%' && at < n && rule[at] != '~'; at++) {
        unsigned more = toupper((unsigned char)rule[at]) == 'R'   ? ACL_READ
                        : toupper((unsigned char)rule[at]) == 'W' ? ACL_WRITE
                                                                  : 0;
        if (more == 0 || (access & more) != 0)
            return ACL_SYNTAX;
        access |= more;
    }
    if (access == 0)
        return ACL_SYNTAX;
    if (rule[0] == '%' && at < n)
        at++;
    return add_pattern(&u->keys, &u->nkeys, rule + at, n - at, access);
}

static enum acl_error apply_channel(struct acl_user *u, const char *p, size_t n)
{
    if (n == 1 && p[0] == '*') {
        set_all_channels(u, true);
        return ACL_FINE;
    }
    return u->flags & ACL_ALLCHANNELS ? ACL_CHANNEL_AFTER_ALL : add_pattern(&u->channels, &u->nchannels, p, n, 0);
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

static void set_flag(struct acl_user *u, unsigned on, unsigned off)
{
    u->flags = (u->flags & ~off) | on;
}

static void reset(struct acl_user *u)
{
    set_all_commands(u, false);
    set_all_keys(u, false);
    set_all_channels(u, u->all_channels_new);
    u->npasswords = 0;
    set_flag(u, ACL_SANITIZE, ACL_ON | ACL_NOPASS | ACL_SKIP_SANITIZE);
}

/* Rules that are one word. False: it is none of them. */
static bool apply_word(struct acl_user *u, const char *rule, size_t n)
{
    static const char *const words[] = {"on",
                                        "off",
                                        "nopass",
                                        "resetpass",
                                        "allkeys",
                                        "resetkeys",
                                        "allchannels",
                                        "resetchannels",
                                        "allcommands",
                                        "nocommands",
                                        "reset",
                                        "sanitize-payload",
                                        "skip-sanitize-payload",
                                        "clearselectors"};
    size_t w = 0, nwords = sizeof words / sizeof *words;
    while (w < nwords && (strlen(words[w]) != n || strncasecmp(words[w], rule, n) != 0))
        w++;
    switch (w) {
    case 0:
    case 1:
        set_flag(u, w == 0 ? ACL_ON : 0, ACL_ON);
        return true;
    case 2:
    case 3:
        u->npasswords = 0;
        set_flag(u, w == 2 ? ACL_NOPASS : 0, ACL_NOPASS);
        return true;
    case 4:
    case 5:
        set_all_keys(u, w == 4);
        return true;
    case 6:
    case 7:
        set_all_channels(u, w == 6);
        return true;
    case 8:
    case 9:
        set_all_commands(u, w == 8);
        return true;
    case 10:
        reset(u);
        return true;
    case 11:
    case 12:
        set_flag(u, w == 11 ? ACL_SANITIZE : ACL_SKIP_SANITIZE, ACL_SANITIZE | ACL_SKIP_SANITIZE);
        return true;
    case 13: /* there are none */
        return true;
    default:
        return false;
    }
}

enum acl_error acl_user_apply(struct acl_user *u, const char *rule, size_t n)
{
    if (n == 0 || apply_word(u, rule, n))
        return ACL_FINE;
    switch (rule[0]) {
    case '>':
    case '<':
    case '#':
    case '!':
        return apply_password(u, rule[0], rule + 1, n - 1);
    case '~':
    case '%':
        return apply_key(u, rule, n);
    case '&':
        return apply_channel(u, rule + 1, n - 1);
    case '+':
    case '-':
        return apply_command(u, rule[0] == '+', rule + 1, n - 1);
    case '(':
        return ACL_SELECTOR;
    default:
        return ACL_SYNTAX;
    }
}
