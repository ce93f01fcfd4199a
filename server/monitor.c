/* See monitor.h. A worker lists its own monitoring connections; the worker that runs a command writes the line once for
 * each worker that has any, as the letter that it posts. */
#include "server/monitor.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include "server/conn_private.h"
#include "server/mailbox.h"
#include "server/server.h"
#include "server/worker.h"

/* Escaped, a byte takes 4 characters; an argument has quotes and a space besides. */
enum { HEAD_MAX = 256, ESCAPED_MAX = 4, AROUND = 3, NOTE_MAX = 64 };

void monitor_add(struct conn *c)
{
    struct worker *w = c->wkr;
    if (conn_has(c, CONN_MONITOR))
        return;
    conn_set(c, CONN_MONITOR);
    conn_io(c)->monitor_next = w->monitors;
    w->monitors = c;
    atomic_fetch_add(&w->nmonitors, 1);
    atomic_fetch_add(&w->srv->nmonitors, 1);
    atomic_fetch_or(&w->srv->attention, ATTENTION_MONITOR);
}

void monitor_remove(struct conn *c)
{
    struct worker *w = c->wkr;
    if (!conn_has(c, CONN_MONITOR))
        return;
    struct conn **at = &w->monitors;
    while (*at != c)
        at = &conn_io(*at)->monitor_next;
    *at = conn_io(c)->monitor_next;
    conn_clear(c, CONN_MONITOR);
    atomic_fetch_sub(&w->nmonitors, 1);
    /* Two that race here may leave the bit set with nobody monitoring, which costs a look; never the reverse: who
     * adds sets it after it counted itself. */
    if (atomic_fetch_sub(&w->srv->nmonitors, 1) == 1) {
        atomic_fetch_and(&w->srv->attention, ~(uint32_t)ATTENTION_MONITOR);
        if (atomic_load(&w->srv->nmonitors) > 0)
            atomic_fetch_or(&w->srv->attention, ATTENTION_MONITOR);
    }
}

/* The argument's bytes as a quoted text; returns the end. */
static char *write_quoted(char *to, const char *p, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    static const char plain[] = "\\\"\n\r\t\a\b", letter[] = "\\\"nrtab";
    *to++ = '"';
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)p[i];
        const char *special = ch == 0 ? NULL : strchr(plain, ch);
        if (special != NULL) {
            *to++ = '\\';
            *to++ = letter[special - plain];
        } else if (ch >= 0x20 && ch < 0x7f) {
            *to++ = (char)ch;
        } else {
            *to++ = '\\';
            *to++ = 'x';
            *to++ = hex[ch >> 4];
            *to++ = hex[ch & 15];
        }
    }
    *to++ = '"';
    return to;
}

/* Passwords: all of AUTH's arguments, and what follows HELLO's AUTH. */
static bool is_secret(const struct cmd_ctx *c, int i)
{
    if (strcmp(c->cmd->name, "auth") == 0)
        return i > 0;
    if (strcmp(c->cmd->name, "hello") != 0)
        return false;
    for (int back = 1; back <= 2 && i - back >= 2; back++) {
        const struct arg *a = &c->argv[i - back];
        if (a->len == 4 && a->p != NULL && strncasecmp(a->p, "auth", 4) == 0)
            return true;
    }
    return false;
}

static char *write_arg(const struct cmd_ctx *c, int i, char *to)
{
    const struct arg *a = &c->argv[i];
    char note[NOTE_MAX];
    *to++ = ' ';
    if (is_secret(c, i))
        return write_quoted(to, "(redacted)", 10);
    if (a->p != NULL)
        return write_quoted(to, a->p, a->len);
    int n = snprintf(note, sizeof note, "(a value of %zu bytes)", a->len);
    return write_quoted(to, note, (size_t)n);
}

static struct letter *write_line(const struct cmd_ctx *c)
{
    size_t room = HEAD_MAX + CONN_ADDR_CHARS;
    for (int i = 0; i < c->argc; i++)
        room += NOTE_MAX + AROUND + (c->argv[i].p == NULL ? 0 : ESCAPED_MAX * c->argv[i].len);
    struct letter *l = letter_new(LETTER_MONITOR, 0, room);
    if (l == NULL)
        return NULL;
    struct timeval tv;
    char addr[CONN_ADDR_CHARS];
    gettimeofday(&tv, NULL);
    conn_addr_text(c->conn, &c->conn->peer, addr, sizeof addr);
    bool is_unix = conn_has(c->conn, CONN_UNIX);
    char *at = l->data;
    at += snprintf(at, HEAD_MAX, "+%lld.%06lld [%d %s%s]", (long long)tv.tv_sec, (long long)tv.tv_usec,
                   conn_db(c->conn), is_unix ? "unix:" : "", is_unix ? c->srv->unix_path : addr);
    for (int i = 0; i < c->argc; i++)
        at = write_arg(c, i, at);
    *at++ = '\r';
    *at++ = '\n';
    l->len = (size_t)(at - l->data);
    return l;
}

void monitor_feed(const struct cmd_ctx *ctx)
{
    for (int i = 0; i < ctx->srv->nworkers; i++) {
        struct worker *w = ctx->srv->workers[i];
        if (atomic_load_explicit(&w->nmonitors, memory_order_relaxed) == 0)
            continue;
        struct letter *l = write_line(ctx);
        if (l != NULL)
            mailbox_post(w->mail, l);
    }
}
