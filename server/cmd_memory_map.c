/* MEMORY MAP: the pages as a picture in text, 64 to a line, lowest first. The picture has at most CELLS characters:
 * where there are more pages, each stands for as many as it takes, of which up to LOOKS are looked at. So the cost is
 * bounded whatever the size. */
#include <string.h>

#include "server/handlers.h"
#include "server/server.h"
#include "server/store_private.h"
#include "server/text.h"

enum { COLUMNS = 64, CELLS = 32 * COLUMNS, LOOKS = 2, GROUPS = 12 };

/* Classes by doubling of their chunks' size: a up to 32 bytes, b up to 64, ... l up to 64 KiB. */
static unsigned group_of(uint32_t chunk_size)
{
    unsigned g = 0;
    while (g < GROUPS - 1 && chunk_size > UINT32_C(32) << g)
        g++;
    return g;
}

struct group {
    uint64_t pages, chunks, free;
};

/* The page's character; counts it. */
static char look(struct slab *s, uint32_t page, struct group *groups)
{
    struct page_counts c;
    slab_page_glance(s, page, &c);
    if (c.class == CLASS_NONE)
        return '.';
    unsigned g = group_of(s->classes.c[c.class].size);
    groups[g].pages++;
    groups[g].chunks += c.chunks;
    groups[g].free += c.free;
    if (c.state == PAGE_DRAINING)
        return '*';
    return (char)(c.free * 8 <= c.chunks ? 'A' + (int)g : 'a' + (int)g);
}

/* Of several pages: one in use rather than one that is not, a draining one rather than all others. */
static char cell(struct slab *s, uint32_t first, uint32_t span, uint32_t end, struct group *groups)
{
    char shown = '.';
    uint32_t step = span <= LOOKS ? 1 : span / LOOKS;
    for (uint32_t i = 0; i < span && first + i < end; i += step) {
        char one = look(s, first + i, groups);
        if (one == '*' || shown == '.')
            shown = one;
    }
    return shown;
}

static void legend(struct text *t, const struct group *groups)
{
    text_puts(t, ". not in use   * being emptied   upper case: 7/8 filled or more   lower case: less\n");
    for (int g = 0; g < GROUPS; g++) {
        if (groups[g].pages == 0)
            continue;
        text_printf(t, "%c chunks up to %u bytes: %llu pages looked at, %.1f %% filled\n", 'A' + g, 32u << g,
                    (unsigned long long)groups[g].pages, 100 - 100 * (double)groups[g].free / (double)groups[g].chunks);
    }
}

/* The rows up to the last one that has a page in use. */
static void picture(struct slab *s, struct text *t, struct group *groups, uint32_t span, uint32_t end)
{
    char line[COLUMNS + 1];
    uint32_t empty = 0;
    for (uint32_t page = 1; page < end;) {
        uint32_t n = 0;
        bool used = false;
        for (; n < COLUMNS && page < end; n++, page += span) {
            line[n] = cell(s, page, span, end, groups);
            used = used || line[n] != '.';
        }
        line[n] = '\0';
        for (; used && empty > 0; empty--)
            text_printf(t, "%.*s\n", COLUMNS, "................................................................");
        if (used)
            text_printf(t, "%s\n", line);
        else
            empty++;
    }
}

/* An array of lines: redis-cli shows one below the other, which of a text with line breaks it does not. */
static void reply_lines(struct cmd_ctx *c, char *text)
{
    size_t n = 0;
    for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
        n++;
    reply_array(c->out, n);
    for (char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        *end = '\0';
        reply_status(c->out, text);
    }
}

enum cmd_status cmd_memory_map(struct cmd_ctx *c)
{
    struct slab *s = &c->srv->store->slab;
    struct text t = {0};
    struct group groups[GROUPS] = {0};
    uint32_t end = slab_page_count(s), span = end / CELLS + 1;
    text_printf(&t, "%u pages of 64 KiB in use, %u free; %u to a character, lowest first\n", pool_in_use(&s->pool),
                atomic_load(&s->pool.free), span);
    picture(s, &t, groups, span, end);
    legend(&t, groups);
    if (t.failed)
        reply_error(c->out, "ERR not enough memory to compose the reply");
    else
        reply_lines(c, t.p);
    text_free(&t);
    return CMD_DONE;
}
