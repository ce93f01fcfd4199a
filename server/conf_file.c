/* Reading configuration: lines, includes, and errors that name file, line, option and what is allowed.
 *
 * Files are read whole before they are looked at, with a bound on their size, so that a device or an endless pipe is
 * an error and not a hang. Includes nest up to a depth, and a file that is still being read is not read again, so a
 * loop is told at its first turn; the number of files is bounded too, since each may include many. */
#include "server/conf_file_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "server/conf_words.h"
#include "server/options_private.h"
#include "server/version.h"

/* A file that is being read, and by which it was included. */
struct source {
    const struct source *includer;
    const char *name;
    int line;
    int depth;
    dev_t dev;
    ino_t ino;
};

struct loader {
    struct options *o;
    char *err; /* CONF_ERROR_CHARS */
    int files;
    bool includes;
};

/* ---- files ---- */

/* Without O_NONBLOCK the opening of a FIFO would wait for a writer for ever, and with it a FIFO that has none yet
 * would read as an empty file: so it is waited for, a while. */
static int open_source(const char *path, struct stat *st, int *error)
{
    enum { WRITER_WAIT_MS = 10000 };
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, st) != 0) {
        *error = errno;
    } else if (!standard_input) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (S_ISFIFO(st->st_mode) && poll(&wait, 1, WRITER_WAIT_MS) == 0)
            *error = ETIMEDOUT;
        else
            fcntl(fd, F_SETFL, 0);
    }
    if (*error == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int conf_read(const char *path, char **text, size_t *len, struct stat *st)
{
    enum { STEP = 64 * 1024 };
    size_t room = 0;
    int error = 0;
    int fd = open_source(path, st, &error);
    *text = NULL;
    *len = 0;
    if (fd < 0)
        return error;
    while (error == 0) {
        if (room - *len < STEP) {
            char *more = realloc(*text, room = room * 2 + STEP);
            if (!more) {
                error = ENOMEM;
                break;
            }
            *text = more;
        }
        ssize_t n = read(fd, *text + *len, STEP);
        if (n == 0)
            break;
        if (n > 0 && (*len += (size_t)n) > CONF_FILE_MAX)
            error = EFBIG;
        if (n < 0 && errno != EINTR)
            error = errno;
    }
    close(fd);
    if (error != 0) {
        free(*text);
        *text = NULL;
    }
    return error;
}

bool conf_next_line(const char *text, size_t size, size_t *at, const char **line, size_t *len)
{
    if (*at >= size)
        return false;
    *line = text + *at;
    const char *end = memchr(*line, '\n', size - *at);
    *len = end ? (size_t)(end - *line) : size - *at;
    *at += *len + (end != NULL);
    return true;
}

/* ---- errors ---- */

/* What can be shown of a line: one line, no control bytes, not too long. */
static void printable(const char *p, size_t len, char *to, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 8 < size; i++) {
        if (isprint((unsigned char)p[i]) || p[i] == '\t')
            to[n++] = p[i];
        else
            n += (size_t)snprintf(to + n, size - n, "\\x%02x", (unsigned)(unsigned char)p[i]);
        if (n + 8 >= size && i + 1 < len)
            n += (size_t)snprintf(to + n, size - n, "...");
    }
    to[n] = '\0';
}

static size_t append(char *err, size_t used, const char *format, ...) __attribute__((format(printf, 3, 4)));
static size_t append(char *err, size_t used, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(err + used, CONF_ERROR_CHARS - used, format, ap);
    va_end(ap);
    used += n > 0 ? (size_t)n : 0;
    return used < CONF_ERROR_CHARS ? used : CONF_ERROR_CHARS - 1;
}

static size_t append_place(char *err, size_t used, const struct source *s)
{
    if (s->line == 0)
        return append(err, used, "Reading %.300s\n", s->name);
    used = append(err, used, "Reading the configuration file '%.300s', at line %d\n", s->name, s->line);
    /* The nearest few: the reason, which follows, must have room. */
    const struct source *i = s->includer;
    for (int shown = 0; i && shown < 3; i = i->includer, shown++)
        used = append(err, used, "which is included by '%.300s', at line %d\n", i->name, i->line);
    return i ? append(err, used, "and so on, %d deep\n", s->depth) : used;
}

/* The whole text of an error in a line. */
static bool fail_line(const struct loader *l, const struct source *s, const char *line, size_t len, const char *why,
                      const char *allowed)
{
    char shown[200];
    printable(line, len, shown, sizeof shown);
    size_t used = append(l->err, 0, "\n*** FATAL CONFIG FILE ERROR (Flagstone %s) ***\n", FLAGSTONE_VERSION);
    used = append_place(l->err, used, s);
    used = append(l->err, used, ">>> '%s'\n%s\n", shown, why);
    if (allowed)
        append(l->err, used, "%s\n", allowed);
    return false;
}

static bool fail_open(const struct loader *l, const struct source *includer, const char *path, const char *why)
{
    char shown[400];
    printable(path, strlen(path), shown, sizeof shown);
    size_t used = append(l->err, 0, "\n*** FATAL CONFIG FILE ERROR (Flagstone %s) ***\n", FLAGSTONE_VERSION);
    if (includer)
        used = append_place(l->err, used, includer);
    append(l->err, used, "Fatal error, can't open config file '%s': %s\n", shown, why);
    return false;
}

/* How many letters differ (Levenshtein), for names; long ones are as far as can be. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 48 };
    size_t row[LONGEST + 1];
    size_t na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t change = corner + (tolower((unsigned char)a[i - 1]) != b[j - 1]);
            corner = row[j];
            size_t least = row[j - 1] < row[j] ? row[j - 1] + 1 : row[j] + 1;
            row[j] = change < least ? change : least;
        }
    }
    return row[nb];
}

static bool fail_unknown(const struct loader *l, const struct source *s, const char *line, size_t len, const char *name)
{
    char hint[200] = "All options: flagstone-server --help";
    size_t nearest = 4;
    for (int i = 0; i < options_count(); i++) {
        const char *known = option_name(options_at(i));
        size_t d = distance(name, known);
        if (d >= nearest || d > strlen(known) / 3)
            continue;
        nearest = d;
        snprintf(hint, sizeof hint, "Did you mean '%s'? All options: flagstone-server --help", known);
    }
    return fail_line(l, s, line, len, "Bad directive or wrong number of arguments", hint);
}

/* ---- lines ---- */

static bool load_source(struct loader *l, struct source *s, const char *text, size_t len);

static bool load_file(struct loader *l, const struct source *includer, const char *path)
{
    struct stat st;
    char *text;
    size_t len;
    int depth = includer ? includer->depth + 1 : 0;
    if (depth > CONF_INCLUDE_DEPTH)
        return fail_open(l, includer, path, "includes are nested too deeply");
    if (++l->files > CONF_FILES_MAX)
        return fail_open(l, includer, path, "too many files are included");
    int error = conf_read(path, &text, &len, &st);
    if (error == EFBIG)
        return fail_open(l, includer, path, "it is larger than 16 MB");
    if (error != 0)
        return fail_open(l, includer, path, strerror(error));
    struct source s = {includer, strcmp(path, "-") ? path : "standard input", 0, depth, st.st_dev, st.st_ino};
    bool ok = true;
    for (const struct source *i = includer; ok && i; i = i->includer)
        if (S_ISREG(st.st_mode) && i->dev == st.st_dev && i->ino == st.st_ino)
            ok = fail_open(l, includer, path, "include loop: this file is being read already");
    ok = ok && load_source(l, &s, text, len);
    free(text);
    return ok;
}

/* A pattern without wildcards names a file that must be there; one with wildcards may match nothing, as in Redis. */
static bool include(struct loader *l, const struct source *s, const char *pattern)
{
    char *path;
    int n = pattern[0] == '/' ? asprintf(&path, "%s", pattern) : asprintf(&path, "%s/%s", l->o->start_dir, pattern);
    if (n < 0)
        return fail_open(l, s, pattern, strerror(ENOMEM));
    if (!strpbrk(pattern, "*?[")) {
        bool one = load_file(l, s, path);
        free(path);
        return one;
    }
    glob_t found;
    bool ok = true;
    int result = glob(path, 0, NULL, &found);
    if (result == 0) {
        for (size_t i = 0; ok && i < found.gl_pathc; i++)
            ok = load_file(l, s, found.gl_pathv[i]);
        globfree(&found);
    } else if (result != GLOB_NOMATCH) {
        ok = fail_open(l, s, pattern, "can't read the directory");
    }
    free(path);
    return ok;
}

static bool set_option(struct loader *l, const struct source *s, const struct option *d, char *const *words, int n,
                       const char *line, size_t len)
{
    char err[OPTIONS_ERROR_CHARS];
    char range[OPTIONS_ERROR_CHARS];
    char allowed[OPTIONS_ERROR_CHARS + 200];
    if (option_set(l->o, d, words, n, err))
        return true;
    option_describe(d, range, sizeof range);
    snprintf(allowed, sizeof allowed, "%s takes %s. Default: %s", d->name, range, d->standard);
    /* A password does not belong into a log. */
    if (d->flags & OPTION_SECRET) {
        line = d->name;
        len = strlen(line);
    }
    return fail_line(l, s, line, len, err, allowed);
}

/* A user that is at fault: the line is not shown, since it may have passwords. */
static bool fail_user(struct loader *l, const struct source *s, const struct conf_words *w, int at, const char *why)
{
    char shown[200], reason[OPTIONS_ERROR_CHARS];
    bool secret = at < 2 || strchr("><#!", w->word[at][0]) != NULL;
    snprintf(shown, sizeof shown, "user %.60s%s%.100s", w->word[1], at < 2 ? "" : " ... ", secret ? "" : w->word[at]);
    snprintf(reason, sizeof reason, "Error in user declaration '%.100s': %s", w->word[1], why);
    return fail_line(l, s, shown, strlen(shown), reason, NULL);
}

/* Checks the user's rules and keeps the words; users are made of them at start. */
static bool add_user(struct loader *l, const struct source *s, struct conf_words *w, const char *line, size_t len)
{
    struct options *o = l->o;
    int at = 0;
    if (w->n < 2)
        return fail_line(l, s, line, len, "Bad directive or wrong number of arguments",
                         "user takes a name and its rules: user alice on >password ~key:* +@read");
    for (int i = 0; i < o->nusers; i++)
        if (strcmp(o->users[i].word[0], w->word[1]) == 0)
            return fail_user(l, s, w, 1, "Duplicate user found. A user can only be defined once in config files");
    const char *why = o->user_hooks == NULL ? NULL : o->user_hooks->check(w->word + 1, w->n - 1, &at);
    if (why != NULL)
        return fail_user(l, s, w, at + 1, why);
    struct user_line *users = realloc(o->users, ((size_t)o->nusers + 1) * sizeof *users);
    if (users == NULL)
        return fail_line(l, s, line, len, "out of memory", NULL);
    o->users = users;
    struct user_line *kept = &o->users[o->nusers];
    *kept = (struct user_line){calloc((size_t)w->n, sizeof *kept->word), 0};
    for (; kept->word != NULL && kept->n < w->n - 1; kept->n++)
        if ((kept->word[kept->n] = strdup(w->word[kept->n + 1])) == NULL)
            break;
    o->nusers++;
    return kept->n == w->n - 1 || fail_line(l, s, line, len, "out of memory", NULL);
}

/* `shown` is the line for errors. */
static bool load_words(struct loader *l, const struct source *s, struct conf_words *w, const char *line, size_t len)
{
    if (strcasecmp(w->word[0], "include") == 0) {
        if (w->n != 2)
            return fail_line(l, s, line, len, "wrong number of arguments", "include takes one path or pattern.");
        if (!l->includes)
            return fail_line(l, s, line, len, "include is not allowed here", NULL);
        return include(l, s, w->word[1]);
    }
    if (strcasecmp(w->word[0], "user") == 0)
        return add_user(l, s, w, line, len);
    const struct option *d = options_find(w->word[0], strlen(w->word[0]));
    if (!d)
        return fail_unknown(l, s, line, len, w->word[0]);
    return set_option(l, s, d, w->word + 1, w->n - 1, line, len);
}

static bool load_line(struct loader *l, const struct source *s, const char *line, size_t len)
{
    struct conf_words w;
    while (len > 0 && isspace((unsigned char)line[0]))
        line++, len--;
    while (len > 0 && isspace((unsigned char)line[len - 1]))
        len--;
    if (len == 0 || line[0] == '#')
        return true;
    if (len > CONF_LINE_MAX)
        return fail_line(l, s, line, len, "The line is longer than 65536 bytes", NULL);
    switch (conf_words_split(line, len, &w)) {
    case CONF_WORDS_UNBALANCED:
        return fail_line(l, s, line, len, "Unbalanced quotes in configuration line", NULL);
    case CONF_WORDS_ZERO:
        return fail_line(l, s, line, len, "A zero byte in configuration line: is this a text file?", NULL);
    case CONF_WORDS_NO_MEMORY:
        return fail_line(l, s, line, len, "out of memory", NULL);
    case CONF_WORDS_OK:
        break;
    }
    bool ok = load_words(l, s, &w, line, len);
    conf_words_free(&w);
    return ok;
}

static bool load_source(struct loader *l, struct source *s, const char *text, size_t len)
{
    const char *line;
    size_t n, at = 0;
    while (conf_next_line(text, len, &at, &line, &n)) {
        s->line++;
        if (!load_line(l, s, line, n))
            return false;
    }
    return true;
}

bool conf_load(struct options *o, const char *path, char err[CONF_ERROR_CHARS])
{
    struct loader l = {o, err, 0, true};
    return load_file(&l, NULL, path);
}

bool conf_load_text(struct options *o, const char *name, const char *text, size_t len, bool includes,
                    char err[CONF_ERROR_CHARS])
{
    struct loader l = {o, err, 0, includes};
    struct source s = {.name = name};
    return load_source(&l, &s, text, len);
}

bool conf_load_words(struct options *o, char *const *words, int n, char err[CONF_ERROR_CHARS])
{
    struct loader l = {o, err, 0, true};
    struct source s = {.name = "the command line"};
    struct conf_words w = {(char **)words, n};
    char *line = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&line, &len);
    if (!f)
        return fail_line(&l, &s, words[0], strlen(words[0]), "out of memory", NULL);
    fprintf(f, "--%s", words[0]);
    for (int i = 1; i < n; i++) {
        fputc(' ', f);
        conf_quote(f, words[i], strlen(words[i]));
    }
    bool ok = fclose(f) == 0 && load_words(&l, &s, &w, line, len);
    free(line);
    return ok;
}
