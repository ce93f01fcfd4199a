/* LCS: the longest common subsequence of two strings, by the usual table of lengths.
 *
 * Only the last row of lengths is kept, and for each cell one bit: whether the way back from there, where the two
 * bytes differ, drops a byte of the first string (up) or of the second (left). That is 1/32 of a table of lengths; the
 * limit on the two lengths is Redis's for the whole table nevertheless, so that the same inputs are refused.
 * On a tie the way back goes left, as Redis's does: it decides which of several longest ones is replied. */
#include <stdlib.h>
#include <string.h>

#include "server/args.h"
#include "server/handlers.h"
#include "server/options.h"
#include "server/server.h"

struct lcs_options {
    bool len, idx, with_match_len;
    int64_t min_match_len;
};

struct lcs {
    size_t alen, blen;
    uint32_t *row; /* lengths of the row that was done last: blen + 1 */
    uint8_t *up;   /* a bit a cell, row after row */
    char *a, *b;   /* copies of the strings */
    uint32_t length;
};

static bool parse_lcs_options(struct cmd_ctx *c, struct lcs_options *o)
{
    memset(o, 0, sizeof *o);
    for (int i = 3; i < c->argc; i++) {
        if (arg_is(&c->argv[i], "idx")) {
            o->idx = true;
        } else if (arg_is(&c->argv[i], "len")) {
            o->len = true;
        } else if (arg_is(&c->argv[i], "withmatchlen")) {
            o->with_match_len = true;
        } else if (arg_is(&c->argv[i], "minmatchlen") && i + 1 < c->argc) {
            if (!arg_int(c, &c->argv[++i], NULL, &o->min_match_len))
                return false;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    if (o->idx && o->len) {
        reply_error(c->out, "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

/* One block holds the row, the strings and the bits. NULL: the error was replied. */
static void *lcs_alloc(struct cmd_ctx *c, struct lcs *l, bool with_bits)
{
    if (l->alen >= UINT32_MAX - 1 || l->blen >= UINT32_MAX - 1) {
        reply_error(c->out, "ERR String too long for LCS");
        return NULL;
    }
    size_t cells = (l->alen + 1) * (l->blen + 1); /* below 2^64, as both are below 2^32 */
    if (cells > (size_t)OPT(c->srv->opt, proto_max_bulk_len) / sizeof(uint32_t)) {
        reply_error(c->out, "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
        return NULL;
    }
    size_t row_bytes = (l->blen + 1) * sizeof(uint32_t), bit_bytes = with_bits ? l->alen * l->blen / 8 + 1 : 0;
    char *block = calloc(1, row_bytes + bit_bytes + l->alen + l->blen);
    if (!block) {
        reply_error(c->out, "ERR Insufficient memory, failed allocating transient memory for LCS");
        return NULL;
    }
    l->row = (uint32_t *)(void *)block;
    l->up = with_bits ? (uint8_t *)block + row_bytes : NULL;
    l->a = block + row_bytes + bit_bytes;
    l->b = l->a + l->alen;
    return block;
}

static size_t key_len(struct cmd_ctx *c, const struct skey *k)
{
    struct entry e;
    return store_find(c->sx, k, &e) ? store_value_len(&e) : 0;
}

static void key_copy(struct cmd_ctx *c, const struct skey *k, size_t len, char *to)
{
    struct entry e;
    if (store_read(c->sx, k, &e) && len > 0)
        store_value_copy(c->sx, &e, 0, len, to);
}

static void lcs_fill(struct lcs *l)
{
    size_t cell = 0;
    for (size_t i = 0; i < l->alen; i++) {
        uint32_t diagonal = 0, left = 0;
        char x = l->a[i];
        for (size_t j = 0; j < l->blen; j++, cell++) {
            uint32_t up = l->row[j + 1];
            if (x == l->b[j]) {
                left = diagonal + 1;
            } else if (up > left) {
                left = up;
                if (l->up)
                    l->up[cell / 8] |= (uint8_t)(1u << cell % 8);
            }
            diagonal = up;
            l->row[j + 1] = left;
        }
    }
    l->length = l->row[l->blen];
}

/* Steps back from (i, j), where the bytes before differ. */
static void lcs_step(const struct lcs *l, size_t *i, size_t *j)
{
    size_t cell = (*i - 1) * l->blen + (*j - 1);
    if (l->up[cell / 8] >> cell % 8 & 1)
        --*i;
    else
        --*j;
}

/* The subsequence itself, written from the end into the copy of `a`: what is overwritten there was passed already. */
static void lcs_reply_string(struct cmd_ctx *c, struct lcs *l)
{
    size_t i = l->alen, j = l->blen, to = l->alen;
    while (i > 0 && j > 0) {
        if (l->a[i - 1] == l->b[j - 1]) {
            l->a[--to] = l->a[i - 1];
            i--, j--;
        } else {
            lcs_step(l, &i, &j);
        }
    }
    reply_bulk(c->out, l->a + to, l->length);
}

static void reply_range(struct cmd_ctx *c, size_t first, size_t n)
{
    reply_array(c->out, 2);
    reply_int(c->out, (int64_t)first);
    reply_int(c->out, (int64_t)(first + n - 1));
}

/* The runs of matching bytes, the last one first. */
static void lcs_reply_idx(struct cmd_ctx *c, const struct lcs *l, const struct lcs_options *o)
{
    size_t i = l->alen, j = l->blen, n = 0;
    reply_map(c->out, 2);
    reply_cstr(c->out, "matches");
    reply_mark mark = reply_defer(c->out);
    while (i > 0 && j > 0) {
        size_t run = 0;
        for (; i > 0 && j > 0 && l->a[i - 1] == l->b[j - 1]; i--, j--)
            run++;
        if (run > 0 && (int64_t)run >= o->min_match_len) {
            reply_array(c->out, o->with_match_len ? 3 : 2);
            reply_range(c, i, run);
            reply_range(c, j, run);
            if (o->with_match_len)
                reply_int(c->out, (int64_t)run);
            n++;
        }
        if (i > 0 && j > 0)
            lcs_step(l, &i, &j);
    }
    reply_defer_array(c->out, mark, n);
    reply_cstr(c->out, "len");
    reply_int(c->out, l->length);
}

enum cmd_status cmd_lcs(struct cmd_ctx *c)
{
    struct lcs_options o;
    if (!parse_lcs_options(c, &o))
        return CMD_DONE;
    /* Lengths first, then bytes: a lookup may move what another has found. */
    struct lcs l = {.alen = key_len(c, &c->keys[0]), .blen = key_len(c, &c->keys[1])};
    void *block = lcs_alloc(c, &l, !o.len);
    if (!block)
        return CMD_DONE;
    key_copy(c, &c->keys[0], l.alen, l.a);
    key_copy(c, &c->keys[1], l.blen, l.b);
    lcs_fill(&l);
    if (o.len)
        reply_int(c->out, l.length);
    else if (o.idx)
        lcs_reply_idx(c, &l, &o);
    else
        lcs_reply_string(c, &l);
    free(block);
    return CMD_DONE;
}
