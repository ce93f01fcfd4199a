/* Making, finding and reading options, and changing several as one.
 *
 * A change (CONFIG SET) goes: parse all values into contents; exchange all contents with the fields; call what has to
 * be done, once each; if that fails exchange back and call again what was called. Readers may see a change that is
 * taken back: each option by itself always is a value that was asked for. */
#include "server/options_apply.h"
#include "server/options_table.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "server/cgroup.h"
#include "server/conf_words.h"
#include "slab/base/assert.h"

/* ---- making ---- */

static bool set_standard(struct options *o, const struct option *d)
{
    struct conf_words w;
    char err[OPTIONS_ERROR_CHARS];
    if (d->type == OPTION_FIXED)
        return true;
    if (conf_words_split(d->standard, strlen(d->standard), &w) != CONF_WORDS_OK)
        return false;
    bool ok = option_set(o, d, w.word, w.n, err);
    conf_words_free(&w);
    return ok;
}

struct options *options_new(void)
{
    struct options *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    pthread_mutex_init(&o->change, NULL);
    o->memory_available = memory_available("");
    o->start_dir = getcwd(NULL, 0);
    if (!o->start_dir)
        o->start_dir = strdup("/"); /* the working directory was removed */
    bool ok = o->start_dir != NULL;
    for (int i = 0; ok && i < option_table_length; i++) {
        if (option_has_text(&option_table[i])) {
            struct option_content empty = {.text = strdup("")};
            ok = empty.text != NULL;
            if (ok)
                content_swap(o, &option_table[i], &empty);
        }
        ok = ok && set_standard(o, &option_table[i]);
    }
    if (ok)
        return o;
    options_free(o);
    return NULL;
}

void options_free(struct options *o)
{
    if (!o)
        return;
    for (int i = 0; i < option_table_length; i++) {
        if (!option_has_text(&option_table[i]))
            continue;
        struct option_content none = {.text = NULL};
        char **field = (char **)(void *)((char *)o + option_table[i].at);
        none.text = *field;
        *field = NULL;
        content_free(&none);
    }
    for (int i = 0; i < o->nusers; i++)
        conf_words_free(&(struct conf_words){o->users[i].word, o->users[i].n});
    free(o->users);
    free(o->start_dir);
    pthread_mutex_destroy(&o->change);
    free(o);
}

static int64_t processors(void)
{
    /* As many as the kernel can have; a smaller set would be refused on a large machine. */
    enum { SET_BYTES = 8192 / 8 };
    cpu_set_t *set = CPU_ALLOC(SET_BYTES * 8);
    int n = 1;
    if (set && sched_getaffinity(0, SET_BYTES, set) == 0)
        n = CPU_COUNT_S(SET_BYTES, set);
    CPU_FREE(set);
    return n < 1 ? 1 : n > OPTIONS_THREADS_MAX ? OPTIONS_THREADS_MAX : n;
}

/* o->change is locked. */
static void look_at_memory(struct options *o)
{
    char root[OPTIONS_TEXT_CHARS];
    options_text(o, &o->system_root, root, sizeof root);
    o->memory_available = memory_available(root);
}

/* The same. */
static void follow_memory(struct options *o)
{
    look_at_memory(o);
    int64_t percent = OPT(o, maxmemory_percent);
    if (percent > 0)
        o->maxmemory = OPT(o, memory_available) / 100 * percent;
}

void options_follow_memory(struct options *o)
{
    pthread_mutex_lock(&o->change);
    follow_memory(o);
    pthread_mutex_unlock(&o->change);
}

void options_resolve(struct options *o)
{
    pthread_mutex_lock(&o->change);
    follow_memory(o);
    o->threads = OPT(o, threads_asked) ? OPT(o, threads_asked) : processors();
    pthread_mutex_unlock(&o->change);
}

/* ---- reading ---- */

size_t options_text(struct options *o, char *const *field, char *to, size_t size)
{
    lock_take(&o->texts, LOCK_CONFIG);
    size_t len = strlen(*field);
    if (size > 0) {
        size_t n = len < size ? len : size - 1;
        memcpy(to, *field, n);
        to[n] = '\0';
    }
    lock_release(&o->texts, LOCK_CONFIG);
    return len;
}

char *options_text_dup(struct options *o, char *const *field)
{
    lock_take(&o->texts, LOCK_CONFIG);
    char *copy = strdup(*field);
    lock_release(&o->texts, LOCK_CONFIG);
    return copy;
}

int options_bind(struct options *o, char to[OPTIONS_BIND_MAX][OPTIONS_ADDRESS_CHARS])
{
    char *list = options_text_dup(o, &o->bind);
    char *state = NULL;
    int n = 0;
    if (!list)
        return 0;
    for (char *word = strtok_r(list, " ", &state); word && n < OPTIONS_BIND_MAX; word = strtok_r(NULL, " ", &state))
        snprintf(to[n++], OPTIONS_ADDRESS_CHARS, "%s", word);
    free(list);
    return n;
}

int options_percentiles(struct options *o, double to[OPTIONS_PERCENTILES_MAX])
{
    char list[OPTIONS_TEXT_CHARS];
    int n = 0;
    options_text(o, &o->latency_percentiles, list, sizeof list);
    for (char *p = list, *end; n < OPTIONS_PERCENTILES_MAX; p = end) {
        double v = strtod(p, &end);
        if (end == p)
            break;
        to[n++] = v;
    }
    return n;
}

int64_t options_maxmemory_clients(const struct options *o)
{
    int64_t v = OPT(o, maxmemory_clients);
    return v >= 0 ? v : OPT(o, maxmemory) / 100 * -v;
}

const char *options_choice(const char *name, int64_t value)
{
    const struct option *d = options_find(name, strlen(name));
    REQUIRE(d && d->choices);
    for (const struct option_choice *c = d->choices; c->name; c++)
        if (c->value == value)
            return c->name;
    return "unknown";
}

/* ---- the table ---- */

int options_count(void)
{
    return option_table_length;
}

const struct option *options_at(int i)
{
    return &option_table[i];
}

const struct option *options_find(const char *name, size_t n)
{
    for (int i = 0; i < option_table_length; i++)
        if (strncasecmp(option_table[i].name, name, n) == 0 && option_table[i].name[n] == '\0')
            return &option_table[i];
    return NULL;
}

const char *option_name(const struct option *d)
{
    return d->name;
}

const char *option_refusal(const struct option *d)
{
    if (d->flags & OPTION_PROTECTED)
        return "can't set protected config";
    return d->flags & OPTION_MUTABLE ? NULL : "can't set immutable config";
}

char *option_value(struct options *o, const struct option *d)
{
    struct option_content c;
    char *text = content_read(o, d, &c) ? content_show(d, &c) : NULL;
    content_free(&c);
    return text;
}

bool option_set(struct options *o, const struct option *d, char *const *words, int n, char err[OPTIONS_ERROR_CHARS])
{
    struct option_content c;
    if (!content_read(o, d, &c)) {
        snprintf(err, OPTIONS_ERROR_CHARS, "out of memory");
        return false;
    }
    bool ok = option_parse(o, d, words, n, &c, err);
    if (ok)
        content_swap(o, d, &c);
    content_free(&c);
    return ok;
}

/* ---- changing several ---- */

static bool parse_all(struct options *o, const struct option *const *d, char *const *values, int n,
                      struct option_content *c, int *failed, char *err)
{
    for (int i = 0; i < n; i++) {
        *failed = i;
        if (!content_read(o, d[i], &c[i])) {
            snprintf(err, OPTIONS_ERROR_CHARS, "out of memory");
            return false;
        }
        if (!option_parse_value(o, d[i], values[i], &c[i], err))
            return false;
    }
    return true;
}

static void swap_all(struct options *o, const struct option *const *d, int n, struct option_content *c)
{
    for (int i = 0; i < n; i++)
        content_swap(o, d[i], &c[i]);
}

/* What several options share is done once, at the first of them. */
static bool is_first(const struct option *const *d, int i)
{
    for (int k = 0; k < i; k++)
        if (d[k]->apply == d[i]->apply)
            return false;
    return d[i]->apply != NULL;
}

/* Calls what the options before `n` need; on failure the index is in *failed. */
static bool apply_all(struct server *srv, struct options *o, const struct option *const *d, int n, int *failed,
                      char *err)
{
    for (int i = 0; i < n; i++) {
        if (!is_first(d, i))
            continue;
        *failed = i;
        if (!d[i]->apply(srv, o, err, OPTIONS_ERROR_CHARS))
            return false;
    }
    return true;
}

static bool any_differs(struct options *o, const struct option *d, const struct option_content *old)
{
    struct option_content now;
    bool differs = !content_read(o, d, &now) || !content_equal(d, &now, old);
    content_free(&now);
    return differs;
}

bool options_change(struct server *srv, struct options *o, const struct option *const *d, char *const *values, int n,
                    int *failed, char err[OPTIONS_ERROR_CHARS])
{
    struct option_content *c = calloc((size_t)n + 1, sizeof *c);
    const struct option **changed = calloc((size_t)n + 1, sizeof *changed);
    int nchanged = 0, at = 0;
    int *index = calloc((size_t)n + 1, sizeof *index);
    bool ok = c && changed && index;
    pthread_mutex_lock(&o->change);
    look_at_memory(o);
    if (ok) {
        ok = parse_all(o, d, values, n, c, failed, err);
    } else {
        *failed = 0;
        snprintf(err, OPTIONS_ERROR_CHARS, "out of memory");
    }
    if (ok) {
        swap_all(o, d, n, c);
        for (int i = 0; i < n; i++) {
            if (!any_differs(o, d[i], &c[i]))
                continue;
            index[nchanged] = i;
            changed[nchanged++] = d[i];
        }
        ok = apply_all(srv, o, changed, nchanged, &at, err);
        if (!ok) {
            char ignored[OPTIONS_ERROR_CHARS];
            int none;
            *failed = index[at];
            swap_all(o, d, n, c);
            apply_all(srv, o, changed, at, &none, ignored);
        }
    }
    pthread_mutex_unlock(&o->change);
    for (int i = 0; c && i < n; i++)
        content_free(&c[i]);
    free(index);
    free(changed);
    free(c);
    return ok;
}
