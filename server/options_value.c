/* Contents: values apart from their fields, and their two texts.
 *
 * A field is some consecutive numbers, one real, or one text, according to its type; so reading, exchanging and
 * comparing need no code per option. Exchanging, not copying, is what makes a roll-back certain: it needs no
 * memory. */
#include "server/options_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/conf_words.h"
#include "server/memory_size.h"
#include "server/notice.h"

static option_number *number_field(struct options *o, const struct option *d)
{
    return (option_number *)(void *)((char *)o + d->at);
}

static char **text_field(struct options *o, const struct option *d)
{
    return (char **)(void *)((char *)o + d->at);
}

static double *real_field(struct options *o, const struct option *d)
{
    return (double *)(void *)((char *)o + d->at);
}

bool option_has_text(const struct option *d)
{
    switch (d->type) {
    case OPTION_TEXT:
    case OPTION_HEX:
    case OPTION_DIR:
    case OPTION_ADDRESSES:
    case OPTION_PERCENTILES:
        return true;
    default:
        return false;
    }
}

static int option_numbers(const struct option *d)
{
    switch (d->type) {
    case OPTION_REAL:
    case OPTION_FIXED:
        return 0;
    case OPTION_MEMORY:
        return 2;
    case OPTION_OOM_VALUES:
        return 3;
    case OPTION_LIMITS:
        return 9;
    default:
        return option_has_text(d) ? 0 : 1;
    }
}

bool content_read(struct options *o, const struct option *d, struct option_content *c)
{
    *c = (struct option_content){0};
    for (int i = 0; i < option_numbers(d); i++)
        c->n[i] = atomic_load_explicit(&number_field(o, d)[i], memory_order_relaxed);
    if (d->type == OPTION_REAL)
        c->real = *real_field(o, d);
    if (!option_has_text(d))
        return true;
    c->text = options_text_dup(o, text_field(o, d));
    return c->text != NULL;
}

void content_swap(struct options *o, const struct option *d, struct option_content *c)
{
    for (int i = 0; i < option_numbers(d); i++)
        c->n[i] = atomic_exchange_explicit(&number_field(o, d)[i], c->n[i], memory_order_relaxed);
    if (d->type == OPTION_REAL) {
        double old = *real_field(o, d);
        *real_field(o, d) = c->real;
        c->real = old;
    }
    if (!option_has_text(d))
        return;
    lock_take(&o->texts, LOCK_CONFIG);
    char *old = *text_field(o, d);
    *text_field(o, d) = c->text;
    lock_release(&o->texts, LOCK_CONFIG);
    c->text = old;
}

void content_free(struct option_content *c)
{
    free(c->text);
    c->text = NULL;
}

bool content_equal(const struct option *d, const struct option_content *a, const struct option_content *b)
{
    /* A per cent stays equal when the machine's memory changes. */
    if (d->type == OPTION_MEMORY && (a->n[1] != 0 || b->n[1] != 0))
        return a->n[1] == b->n[1];
    for (int i = 0; i < option_numbers(d); i++)
        if (a->n[i] != b->n[i])
            return false;
    if (d->type == OPTION_REAL && (a->real < b->real || a->real > b->real))
        return false;
    return !option_has_text(d) || strcmp(a->text, b->text) == 0;
}

static const char *choice_name(const struct option *d, int64_t value)
{
    for (const struct option_choice *c = d->choices; c->name; c++)
        if (c->value == value)
            return c->name;
    return "";
}

/* Redis names the second class slave in what it answers, and replica in what it writes. */
static void show_limits(FILE *f, const struct option_content *c, bool line)
{
    static const char *const names[CLASS_COUNT] = {"normal", "slave", "pubsub"};
    for (int i = 0; i < CLASS_COUNT; i++) {
        const int64_t *n = c->n + i * 3;
        if (line) {
            char hard[32], soft[32];
            memory_size_write(n[0], hard, sizeof hard);
            memory_size_write(n[1], soft, sizeof soft);
            fprintf(f, "%sclient-output-buffer-limit %s %s %s %" PRId64, i ? "\n" : "",
                    i == CLASS_REPLICA ? "replica" : names[i], hard, soft, n[2]);
        } else {
            fprintf(f, "%s%s %" PRId64 " %" PRId64 " %" PRId64, i ? " " : "", names[i], n[0], n[1], n[2]);
        }
    }
}

static void show_bytes(FILE *f, int64_t bytes, bool line)
{
    char text[32];
    if (line)
        memory_size_write(bytes, text, sizeof text);
    else
        snprintf(text, sizeof text, "%" PRId64, bytes);
    fputs(text, f);
}

static void show_text(FILE *f, const struct option *d, const char *text, bool line)
{
    char here[4096];
    if (line && d->type != OPTION_ADDRESSES && d->type != OPTION_PERCENTILES)
        conf_quote(f, text, strlen(text));
    else if (line && text[0] == '\0')
        fputs("\"\"", f);
    else if (!line && d->type == OPTION_DIR && getcwd(here, sizeof here))
        fputs(here, f);
    else
        fputs(text, f);
}

static void show(FILE *f, const struct option *d, const struct option_content *c, bool line)
{
    switch (d->type) {
    case OPTION_INT:
        fprintf(f, "%" PRId64, c->n[0]);
        break;
    case OPTION_OCTAL:
        fprintf(f, "%" PRIo64, (uint64_t)c->n[0]);
        break;
    case OPTION_BYTES:
        show_bytes(f, c->n[0], line);
        break;
    case OPTION_MEMORY:
        if (line && c->n[1] > 0)
            fprintf(f, "%" PRId64 "%%", c->n[1]);
        else
            show_bytes(f, c->n[0], line);
        break;
    case OPTION_MEMORY_PART:
        if (c->n[0] < 0)
            fprintf(f, "%" PRId64 "%%", -c->n[0]);
        else
            show_bytes(f, c->n[0], line);
        break;
    case OPTION_BOOL:
        fputs(c->n[0] ? "yes" : "no", f);
        break;
    case OPTION_CHOICE:
        fputs(choice_name(d, c->n[0]), f);
        break;
    case OPTION_REAL:
        fprintf(f, "%.15g", c->real);
        break;
    case OPTION_TEXT:
    case OPTION_HEX:
    case OPTION_DIR:
    case OPTION_ADDRESSES:
    case OPTION_PERCENTILES:
        show_text(f, d, c->text, line);
        break;
    case OPTION_LIMITS:
        show_limits(f, c, line);
        break;
    case OPTION_OOM_VALUES:
        fprintf(f, "%" PRId64 " %" PRId64 " %" PRId64, c->n[0], c->n[1], c->n[2]);
        break;
    case OPTION_EVENTS: {
        char classes[NOTICES_TEXT_CHARS];
        notice_classes_text((uint32_t)c->n[0], line, classes);
        show_text(f, d, classes, line);
        break;
    }
    case OPTION_FIXED:
        fputs(line || strcmp(d->standard, "\"\"") != 0 ? d->standard : "", f);
        break;
    }
}

static char *show_string(const struct option *d, const struct option_content *c, bool line)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    if (line && d->type != OPTION_LIMITS)
        fprintf(f, "%s ", d->name);
    show(f, d, c, line);
    if (fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

char *content_show(const struct option *d, const struct option_content *c)
{
    return show_string(d, c, false);
}

char *content_lines(const struct option *d, const struct option_content *c)
{
    return show_string(d, c, true);
}
