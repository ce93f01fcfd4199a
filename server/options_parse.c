/* Words to values, with Redis's error texts where Redis has them. Nothing is stored here, so a refused value changes
 * nothing. */
#include "server/options_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/number.h"
#include "server/conf_words.h"
#include "server/memory_size.h"
#include "server/notice.h"

static const char arity_error[] = "wrong number of arguments";
static const char memory_error[] = "argument must be a memory value";

__attribute__((format(printf, 2, 3))) static bool refuse(char *err, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(err, OPTIONS_ERROR_CHARS, format, ap);
    va_end(ap);
    return false;
}

static bool in_range(const struct option *d, int64_t v, char *err)
{
    if (v >= d->min && v <= d->max)
        return true;
    if (d->type == OPTION_OCTAL)
        return refuse(err, "argument must be between %" PRIo64 " and %" PRIo64 " inclusive", (uint64_t)d->min,
                      (uint64_t)d->max);
    return refuse(err, "argument must be between %" PRId64 " and %" PRId64 " inclusive", d->min, d->max);
}

static bool parse_int(const struct option *d, const char *word, struct option_content *c, char *err)
{
    int64_t v;
    if (!number_parse_i64(word, strlen(word), &v))
        return refuse(err, "argument couldn't be parsed into an integer");
    if (!in_range(d, v, err))
        return false;
    if (d->least || d->most)
        v = v < d->least ? d->least : v > d->most ? d->most : v;
    c->n[0] = v;
    return true;
}

static bool parse_octal(const struct option *d, const char *word, struct option_content *c, char *err)
{
    char *end;
    errno = 0;
    long long v = strtoll(word, &end, 8);
    if (!isdigit((unsigned char)word[0]) || *end || errno)
        return refuse(err, "argument couldn't be parsed as an octal number");
    if (!in_range(d, v, err))
        return false;
    c->n[0] = v;
    return true;
}

static bool parse_bytes(const struct option *d, const char *word, struct option_content *c, char *err)
{
    int64_t v = 0;
    switch (word[0] == '\0' ? MEMORY_SIZE_OK : memory_size_parse(word, &v)) { /* nothing is no bytes, as in Redis */
    case MEMORY_SIZE_MALFORMED:
        return refuse(err, "%s", memory_error);
    case MEMORY_SIZE_TOO_BIG:
        return refuse(err, "argument must be between %" PRId64 " and %" PRId64 " inclusive", d->min, d->max);
    case MEMORY_SIZE_OK:
        break;
    }
    if (!in_range(d, v, err))
        return false;
    c->n[0] = v;
    return true;
}

static bool parse_memory(struct options *o, const struct option *d, const char *word, struct option_content *c,
                         char *err)
{
    int64_t percent;
    if (!memory_percent_parse(word, &percent)) {
        c->n[1] = 0;
        return parse_bytes(d, word, c, err);
    }
    if (percent > 100)
        return refuse(err, "percentage argument must be less or equal to 100");
    c->n[1] = percent;
    c->n[0] = OPT(o, memory_available) / 100 * percent;
    return true;
}

static bool parse_memory_part(const struct option *d, const char *word, struct option_content *c, char *err)
{
    int64_t percent;
    if (memory_percent_parse(word, &percent)) {
        if (percent > 100)
            return refuse(err, "percentage argument must be less or equal to 100");
        c->n[0] = -percent;
        return true;
    }
    int64_t v;
    if (word[0] != '\0' && memory_size_parse(word, &v) == MEMORY_SIZE_MALFORMED)
        return refuse(err, "argument must be a memory or percent value");
    return parse_bytes(d, word, c, err);
}

static bool parse_bool(const char *word, struct option_content *c, char *err)
{
    if (strcasecmp(word, "yes") != 0 && strcasecmp(word, "no") != 0)
        return refuse(err, "argument must be 'yes' or 'no'");
    c->n[0] = strcasecmp(word, "yes") == 0;
    return true;
}

static void list_choices(const struct option *d, char *to, size_t size)
{
    size_t used = 0;
    to[0] = '\0';
    for (const struct option_choice *c = d->choices; c->name && used < size; c++)
        used += (size_t)snprintf(to + used, size - used, "%s%s", c == d->choices ? "" : ", ", c->name);
}

static bool parse_choice(const struct option *d, const char *word, struct option_content *c, char *err)
{
    char names[OPTIONS_ERROR_CHARS / 2];
    for (const struct option_choice *i = d->choices; i->name; i++) {
        if (strcasecmp(i->name, word) == 0) {
            c->n[0] = i->value;
            return true;
        }
    }
    list_choices(d, names, sizeof names);
    return refuse(err, "argument(s) must be one of the following: %s", names);
}

static bool parse_real(const struct option *d, const char *word, struct option_content *c, char *err)
{
    char *end;
    double v = strtod(word, &end);
    if (end == word || *end || !isfinite(v) || isspace((unsigned char)word[0]))
        return refuse(err, "argument couldn't be parsed into a number");
    /* Ends included, whatever the rounding of the hundredths. */
    if (v * 100 < (double)d->min - 1e-9 || v * 100 > (double)d->max + 1e-9)
        return refuse(err, "argument must be between %.2f and %.2f inclusive", (double)d->min / 100,
                      (double)d->max / 100);
    c->real = v;
    return true;
}

static bool take_text(const char *text, struct option_content *c, char *err)
{
    char *copy = strdup(text);
    if (!copy)
        return refuse(err, "out of memory");
    free(c->text);
    c->text = copy;
    return true;
}

/* A relative directory is below the one that the server was started in, where it no longer is at run time. */
static bool check_directory(const struct options *o, const char *path, char *err)
{
    struct stat st;
    bool ok = false;
    int fd = open(o->start_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstatat(fd, path, &st, 0) != 0)
        refuse(err, "%s", strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        refuse(err, "%s", strerror(ENOTDIR));
    else if (faccessat(fd, path, X_OK, 0) != 0)
        refuse(err, "%s", strerror(errno));
    else
        ok = true;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool parse_text(const struct options *o, const struct option *d, const char *word, struct option_content *c,
                       char *err)
{
    size_t len = strlen(word);
    /* Paths and seeds are copied to buffers of this size by their readers. */
    if (!(d->flags & OPTION_SECRET) && len >= OPTIONS_TEXT_CHARS)
        return refuse(err, "argument must be shorter than %d bytes", OPTIONS_TEXT_CHARS);
    if (d->type == OPTION_HEX && (strspn(word, "0123456789abcdefABCDEF") != len || len > (size_t)d->max))
        return refuse(err, "argument must be at most %" PRId64 " hexadecimal digits", d->max);
    if (d->type == OPTION_DIR && !check_directory(o, word, err))
        return false;
    return take_text(word, c, err);
}

/* Words joined by one space; NULL where memory is short. */
static char *join(char *const *words, int n)
{
    size_t len = 1;
    for (int i = 0; i < n; i++)
        len += strlen(words[i]) + 1;
    char *text = malloc(len);
    if (!text)
        return NULL;
    char *at = text;
    for (int i = 0; i < n; i++) {
        size_t w = strlen(words[i]);
        memcpy(at, words[i], w);
        at += w;
        *at++ = ' ';
    }
    at[n ? -1 : 0] = '\0';
    return text;
}

/* What stands in no address would have to be quoted when it is written. */
static bool address_like(const char *word)
{
    while (isgraph((unsigned char)*word) && !strchr("\"'\\", *word))
        word++;
    return *word == '\0';
}

static bool parse_addresses(char *const *words, int n, struct option_content *c, char *err)
{
    /* bind "" listens nowhere. */
    if (n == 1 && words[0][0] == '\0')
        n = 0;
    if (n > OPTIONS_BIND_MAX)
        return refuse(err, "Too many bind addresses specified.");
    for (int i = 0; i < n; i++) {
        size_t len = strlen(words[i]);
        if (len == 0 || len >= OPTIONS_ADDRESS_CHARS || !address_like(words[i]))
            return refuse(err, "Failed to bind to specified addresses.");
    }
    char *text = join(words, n);
    if (!text)
        return refuse(err, "out of memory");
    free(c->text);
    c->text = text;
    return true;
}

static bool parse_percentiles(char *const *words, int n, struct option_content *c, char *err)
{
    static const char name[] = "latency-tracking-info-percentiles";
    char text[OPTIONS_PERCENTILES_MAX * 12] = "";
    size_t used = 0;
    if (n == 1 && words[0][0] == '\0')
        n = 0;
    if (n > OPTIONS_PERCENTILES_MAX)
        return refuse(err, "%s takes at most %d parameters", name, OPTIONS_PERCENTILES_MAX);
    for (int i = 0; i < n; i++) {
        char *end;
        double v = strtod(words[i], &end);
        if (end == words[i] || *end || isnan(v) || isspace((unsigned char)words[i][0]))
            return refuse(err, "Invalid %s parameters", name);
        if (v < 0 || v > 100)
            return refuse(err, "%s parameters should sit between [0.0,100.0]", name);
        /* Six places, without the zeros that end them. */
        int len = snprintf(text + used, sizeof text - used, "%s%.6f", i ? " " : "", v);
        used += (size_t)len;
        while (text[used - 1] == '0')
            used--;
        used -= text[used - 1] == '.';
        text[used] = '\0';
    }
    return take_text(text, c, err);
}

static bool parse_limits(char *const *words, int n, struct option_content *c, char *err)
{
    static const struct option_choice classes[] = {
        {"normal", CLASS_NORMAL},
        {"replica", CLASS_REPLICA},
        {"slave", CLASS_REPLICA},
        {"pubsub", CLASS_PUBSUB},
        {NULL, 0},
    };
    if (n == 1 && words[0][0] == '\0')
        return true;
    if (n % 4 != 0)
        return refuse(err, "Wrong number of arguments in buffer limit configuration.");
    for (int i = 0; i < n; i += 4) {
        const struct option_choice *class = classes;
        while (class->name && strcasecmp(class->name, words[i]) != 0)
            class ++;
        if (!class->name)
            return refuse(err, "Invalid client class specified in buffer limit configuration.");
        int64_t v[3];
        if (memory_size_parse(words[i + 1], &v[0]) != MEMORY_SIZE_OK ||
            memory_size_parse(words[i + 2], &v[1]) != MEMORY_SIZE_OK ||
            !number_parse_i64(words[i + 3], strlen(words[i + 3]), &v[2]) || v[2] < 0)
            return refuse(err, "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
        memcpy(c->n + class->value * 3, v, sizeof v);
    }
    return true;
}

static bool parse_oom_values(const struct option *d, char *const *words, int n, struct option_content *c, char *err)
{
    int64_t v[3];
    if (n != 3)
        return refuse(err, "%s", arity_error);
    for (int i = 0; i < n; i++) {
        char *end;
        errno = 0;
        v[i] = strtoll(words[i], &end, 10);
        if (*words[i] == '\0' || *end || errno || v[i] < d->min || v[i] > d->max)
            return refuse(err, "Invalid %s, elements must be between %" PRId64 " and %" PRId64 ".", d->name, d->min,
                          d->max);
    }
    memcpy(c->n, v, sizeof v);
    return true;
}

static bool parse_events(const char *word, struct option_content *c, char *err)
{
    uint32_t classes;
    if (!notice_classes(word, &classes))
        return refuse(err, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    c->n[0] = classes;
    return true;
}

/* Redis's own errors for what Redis would refuse, too. */
static bool parse_fixed(const struct option *d, char *const *words, int n, char *err)
{
    bool is_switch = strcmp(d->standard, "no") == 0;
    int64_t v;
    if (n == 1 && strcasecmp(words[0], is_switch ? "no" : "") == 0)
        return true;
    if (is_switch && n != 1)
        return refuse(err, "%s", arity_error);
    if (is_switch && strcasecmp(words[0], "yes") != 0)
        return refuse(err, "argument must be 'yes' or 'no'");
    for (int i = 0; !is_switch && i < n; i++)
        if (n % 2 != 0 || !number_parse_i64(words[i], strlen(words[i]), &v) || v < (i % 2 ? 0 : 1))
            return refuse(err, "Invalid save parameters");
    return refuse(err, "not supported: it must be %s", d->standard);
}

static bool parse_one(struct options *o, const struct option *d, const char *word, struct option_content *c, char *err)
{
    switch (d->type) {
    case OPTION_INT:
        return parse_int(d, word, c, err);
    case OPTION_OCTAL:
        return parse_octal(d, word, c, err);
    case OPTION_BYTES:
        return parse_bytes(d, word, c, err);
    case OPTION_MEMORY:
        return parse_memory(o, d, word, c, err);
    case OPTION_MEMORY_PART:
        return parse_memory_part(d, word, c, err);
    case OPTION_BOOL:
        return parse_bool(word, c, err);
    case OPTION_CHOICE:
        return parse_choice(d, word, c, err);
    case OPTION_EVENTS:
        return parse_events(word, c, err);
    case OPTION_REAL:
        return parse_real(d, word, c, err);
    default:
        return parse_text(o, d, word, c, err);
    }
}

static bool option_is_list(const struct option *d)
{
    return d->type == OPTION_ADDRESSES || d->type == OPTION_LIMITS || d->type == OPTION_OOM_VALUES ||
           d->type == OPTION_PERCENTILES || d->type == OPTION_FIXED;
}

static bool parse_list(const struct option *d, char *const *words, int n, struct option_content *c, char *err)
{
    switch (d->type) {
    case OPTION_ADDRESSES:
        return parse_addresses(words, n, c, err);
    case OPTION_LIMITS:
        return parse_limits(words, n, c, err);
    case OPTION_OOM_VALUES:
        return parse_oom_values(d, words, n, c, err);
    case OPTION_FIXED:
        return parse_fixed(d, words, n, err);
    default:
        return parse_percentiles(words, n, c, err);
    }
}

/* As Redis: at each single space, so two in a row enclose an empty word. */
static bool parse_split(const struct option *d, const char *value, struct option_content *c, char *err)
{
    char *copy = strdup(value);
    size_t most = 1;
    for (const char *p = value; *p; p++)
        most += *p == ' ';
    char **words = malloc(most * sizeof *words);
    bool ok = copy && words;
    if (ok) {
        int n = 0;
        for (char *rest = copy; rest;)
            words[n++] = strsep(&rest, " ");
        ok = parse_list(d, words, n, c, err);
    } else {
        refuse(err, "out of memory");
    }
    free(words);
    free(copy);
    return ok;
}

bool option_parse_value(struct options *o, const struct option *d, const char *value, struct option_content *c,
                        char err[OPTIONS_ERROR_CHARS])
{
    return option_is_list(d) ? parse_split(d, value, c, err) : parse_one(o, d, value, c, err);
}

bool option_parse(struct options *o, const struct option *d, char *const *words, int n, struct option_content *c,
                  char err[OPTIONS_ERROR_CHARS])
{
    if (n == 1)
        return option_parse_value(o, d, words[0], c, err);
    if (n == 0)
        return refuse(err, "%s", arity_error);
    return option_is_list(d) ? parse_list(d, words, n, c, err) : refuse(err, "%s", arity_error);
}

bool option_cut_value(const struct option *d, const char *value, size_t *n)
{
    const char *zero = *n > 0 ? memchr(value, '\0', *n) : NULL;
    if (!zero)
        return true;
    switch (d->type) {
    case OPTION_BYTES:
    case OPTION_MEMORY:
    case OPTION_MEMORY_PART:
    case OPTION_BOOL:
    case OPTION_CHOICE:
    case OPTION_EVENTS:
        *n = (size_t)(zero - value);
        return true;
    case OPTION_INT:
        *n = 0;
        return true;
    default:
        return false;
    }
}

/* ---- what it takes, for people ---- */

static void describe_range(const struct option *d, const char *what, bool bytes, char *to, size_t size)
{
    char least[32], most[32];
    if (d->most) {
        snprintf(to, size, "%s from %" PRId64 " to %" PRId64, what, d->least, d->most);
        return;
    }
    if (bytes) {
        memory_size_write(d->min, least, sizeof least);
        memory_size_write(d->max, most, sizeof most);
    } else {
        snprintf(least, sizeof least, "%" PRId64, d->min);
        snprintf(most, sizeof most, "%" PRId64, d->max);
    }
    if (d->max == INT64_MAX || d->max == INT32_MAX)
        snprintf(to, size, "%s, %s or more", what, least);
    else
        snprintf(to, size, "%s from %s to %s", what, least, most);
}

void option_describe(const struct option *d, char *to, size_t size)
{
    char names[OPTIONS_ERROR_CHARS / 2];
    switch (d->type) {
    case OPTION_INT:
        describe_range(d, "an integer", false, to, size);
        return;
    case OPTION_OCTAL:
        snprintf(to, size, "an octal number from 0 to %" PRIo64, (uint64_t)d->max);
        return;
    case OPTION_BYTES:
        describe_range(d, "bytes, or with a unit k kb m mb g gb", true, to, size);
        return;
    case OPTION_MEMORY:
    case OPTION_MEMORY_PART:
        snprintf(to, size, "bytes, or with a unit k kb m mb g gb, or 0%% to 100%%");
        return;
    case OPTION_BOOL:
        snprintf(to, size, "yes or no");
        return;
    case OPTION_CHOICE:
        list_choices(d, names, sizeof names);
        snprintf(to, size, "one of %s", names);
        return;
    case OPTION_REAL:
        snprintf(to, size, "a number from %.2f to %.2f", (double)d->min / 100, (double)d->max / 100);
        return;
    case OPTION_TEXT:
        snprintf(to, size, "one word, quoted where it has spaces");
        return;
    case OPTION_HEX:
        snprintf(to, size, "up to %" PRId64 " hexadecimal digits", d->max);
        return;
    case OPTION_DIR:
        snprintf(to, size, "a directory");
        return;
    case OPTION_ADDRESSES:
        snprintf(to, size, "up to %d addresses", OPTIONS_BIND_MAX);
        return;
    case OPTION_LIMITS:
        snprintf(to, size, "class (normal, replica or pubsub), bytes, bytes, seconds; repeated");
        return;
    case OPTION_OOM_VALUES:
        snprintf(to, size, "three integers from %" PRId64 " to %" PRId64, d->min, d->max);
        return;
    case OPTION_PERCENTILES:
        snprintf(to, size, "up to %" PRId64 " numbers from 0 to 100", d->max);
        return;
    case OPTION_EVENTS:
        snprintf(to, size, "any of the letters K E g $ l s h z x e t d m n A");
        return;
    case OPTION_FIXED:
        snprintf(to, size, "nothing but %s", d->standard);
        return;
    }
}
