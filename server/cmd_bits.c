/* Bits: SETBIT, GETBIT, BITCOUNT, BITPOS and BITOP on strings, which may lie in several pieces. BITOP builds its result
 * in memory of its own, so that its destination may be one of its sources. */
#include <stdlib.h>
#include <string.h>

#include "server/args.h"
#include "server/bit_range.h"
#include "server/handlers.h"
#include "server/notify.h"
#include "server/options.h"
#include "server/put.h"
#include "server/server.h"

static bool arg_bit_offset(struct cmd_ctx *c, const struct arg *a, int64_t *at)
{
    static const char error[] = "ERR bit offset is not an integer or out of range";
    if (!arg_int(c, a, error, at))
        return false;
    if (*at < 0 || *at >> 3 >= OPT(c->srv->opt, proto_max_bulk_len)) {
        reply_error(c->out, error);
        return false;
    }
    return true;
}

enum cmd_status cmd_setbit(struct cmd_ctx *c)
{
    static const char error[] = "ERR bit is not an integer or out of range";
    int64_t offset, on;
    if (!arg_bit_offset(c, &c->argv[2], &offset) || !arg_int(c, &c->argv[3], error, &on))
        return CMD_DONE;
    if (on != 0 && on != 1) {
        reply_error(c->out, error);
        return CMD_DONE;
    }
    struct entry e;
    const struct skey *k = &c->keys[0];
    size_t at = (size_t)(offset >> 3);
    unsigned mask = 0x80u >> (offset & 7);
    bool found = store_find(c->sx, k, &e);
    size_t len = found ? store_value_len(&e) : 0;
    unsigned old = found ? value_byte(c->sx, &e, at) : 0;
    char byte = (char)(on ? old | mask : old & ~mask);
    enum store_status status = write_at(c, k, &e, found, at, &byte, 1);
    if (status != STORE_OK)
        return store_refused(c, status);
    if (at >= len || ((old & mask) != 0) != on) /* what stays as it was is no event */
        notify_key(c, NOTICE_SETBIT, k);
    reply_int(c->out, (old & mask) != 0);
    return CMD_DONE;
}

enum cmd_status cmd_getbit(struct cmd_ctx *c)
{
    int64_t offset;
    struct entry e;
    if (!arg_bit_offset(c, &c->argv[2], &offset))
        return CMD_DONE;
    unsigned byte = store_read(c->sx, &c->keys[0], &e) ? value_byte(c->sx, &e, (size_t)(offset >> 3)) : 0;
    reply_int(c->out, byte >> (7 - (offset & 7)) & 1);
    return CMD_DONE;
}

/* True where argv[at] says that the range is of bits, not bytes; false and *ok false: it says neither. */
static bool range_of_bits(struct cmd_ctx *c, int at, bool *ok)
{
    bool bits = arg_is(&c->argv[at], "bit");
    *ok = bits || arg_is(&c->argv[at], "byte");
    if (!*ok)
        reply_syntax_error(c);
    return bits;
}

/* Clamps a range of bits or bytes of a value of `len` bytes and makes it one of bits. */
static bool clamp_to_bits(int64_t *start, int64_t *end, int64_t len, bool bits)
{
    if (!range_clamp(start, end, bits ? len * 8 : len))
        return false;
    if (!bits) {
        *start *= 8;
        *end = *end * 8 + 7;
    }
    return true;
}

enum cmd_status cmd_bitcount(struct cmd_ctx *c)
{
    struct entry e;
    int64_t start = 0, end = -1;
    bool bits = false, ok = true;
    if (!store_read(c->sx, &c->keys[0], &e)) {
        reply_int(c->out, 0);
        return CMD_DONE;
    }
    if (c->argc == 3 || c->argc > 5) {
        reply_syntax_error(c);
        return CMD_DONE;
    }
    if (c->argc > 3 && (!arg_int(c, &c->argv[2], NULL, &start) || !arg_int(c, &c->argv[3], NULL, &end)))
        return CMD_DONE;
    if (range_reversed(start, end)) { /* before the unit is looked at, as in Redis */
        reply_int(c->out, 0);
        return CMD_DONE;
    }
    if (c->argc == 5)
        bits = range_of_bits(c, 4, &ok);
    if (!ok)
        return CMD_DONE;
    int64_t n = 0;
    if (clamp_to_bits(&start, &end, (int64_t)store_value_len(&e), bits))
        n = bit_range_count(c->sx, &e, start, end);
    reply_int(c->out, n);
    return CMD_DONE;
}

/* A value is thought to go on with zeros for ever, unless the range's end is given. */
enum cmd_status cmd_bitpos(struct cmd_ctx *c)
{
    struct entry e;
    int64_t bit, start = 0, end = -1;
    bool bits = false, ok = true;
    if (!arg_int(c, &c->argv[2], NULL, &bit))
        return CMD_DONE;
    if (bit != 0 && bit != 1) {
        reply_error(c->out, "ERR The bit argument must be 1 or 0.");
        return CMD_DONE;
    }
    if (!store_read(c->sx, &c->keys[0], &e)) {
        reply_int(c->out, bit ? -1 : 0);
        return CMD_DONE;
    }
    if (c->argc > 6) {
        reply_syntax_error(c);
        return CMD_DONE;
    }
    if (c->argc > 3 && !arg_int(c, &c->argv[3], NULL, &start))
        return CMD_DONE;
    if (c->argc == 6)
        bits = range_of_bits(c, 5, &ok);
    if (!ok || (c->argc > 4 && !arg_int(c, &c->argv[4], NULL, &end)))
        return CMD_DONE;
    int64_t len = (int64_t)store_value_len(&e), at = -1;
    if (clamp_to_bits(&start, &end, len, bits)) {
        at = bit_range_find(c->sx, &e, start, end, (int)bit);
        if (at < 0 && bit == 0 && c->argc < 5)
            at = len * 8;
    }
    reply_int(c->out, at);
    return CMD_DONE;
}

enum bit_op { OP_AND, OP_OR, OP_XOR, OP_NOT };

/* to := to op p; NOT takes p alone. Written so that compilers make vector code of each. */
static void combine(enum bit_op op, char *restrict to, const char *restrict p, size_t n)
{
    size_t i;
    switch (op) {
    case OP_AND:
        for (i = 0; i < n; i++)
            to[i] &= p[i];
        break;
    case OP_OR:
        for (i = 0; i < n; i++)
            to[i] |= p[i];
        break;
    case OP_XOR:
        for (i = 0; i < n; i++)
            to[i] ^= p[i];
        break;
    case OP_NOT:
        for (i = 0; i < n; i++)
            to[i] = (char)~p[i];
        break;
    }
}

/* Joins the source keys into to[0, len), which is as long as the longest of them; short ones end with zeros. */
static void combine_sources(struct cmd_ctx *c, enum bit_op op, char *to, size_t len)
{
    for (uint32_t i = 1; i < c->nkeys; i++) {
        struct entry e;
        size_t at = 0, n, have = store_read(c->sx, &c->keys[i], &e) ? store_value_len(&e) : 0;
        for (; at < have; at += n) {
            const char *p = store_value_piece(c->sx, &e, at, &n);
            if (i == 1 && op != OP_NOT)
                memcpy(to + at, p, n);
            else
                combine(op, to + at, p, n);
        }
        if (i == 1 || op == OP_AND)
            memset(to + have, 0, len - have);
    }
}

/* Replaces the destination by the result, or deletes it where that is empty. */
static enum store_status put_result(struct cmd_ctx *c, const char *p, size_t len)
{
    struct entry e;
    const struct skey *k = &c->keys[0];
    bool found = store_find(c->sx, k, &e);
    struct part result = {p, len};
    enum store_status status = STORE_OK;
    if (len > 0)
        status = store_put(c->sx, k, &e, &result, 1, NULL, STORE_NO_EXPIRY, STORE_RAW);
    else if (found)
        store_delete(c->sx, k, &e);
    if (status == STORE_OK && (len > 0 || found))
        notify_key(c, len > 0 ? NOTICE_SET : NOTICE_DEL, k);
    return status;
}

enum cmd_status cmd_bitop(struct cmd_ctx *c)
{
    static const char names[][4] = {"and", "or", "xor", "not"}; /* in the order of enum bit_op */
    enum { SMALL = 4096 };
    char small[SMALL];
    unsigned op = 0;
    while (op < 4 && !arg_is(&c->argv[1], names[op]))
        op++;
    if (op == 4) {
        reply_syntax_error(c);
        return CMD_DONE;
    }
    if (op == OP_NOT && c->nkeys != 2) {
        reply_error(c->out, "ERR BITOP NOT must be called with a single source key.");
        return CMD_DONE;
    }
    size_t len = 0;
    for (uint32_t i = 1; i < c->nkeys; i++) {
        struct entry e;
        size_t n = store_find(c->sx, &c->keys[i], &e) ? store_value_len(&e) : 0;
        len = n > len ? n : len;
    }
    char *result = len > SMALL ? malloc(len) : small;
    if (!result) {
        reply_no_memory(c);
        return CMD_DONE;
    }
    combine_sources(c, (enum bit_op)op, result, len);
    enum store_status status = put_result(c, result, len);
    if (result != small)
        free(result);
    if (status != STORE_OK)
        return store_refused(c, status);
    reply_int(c->out, (int64_t)len);
    return CMD_DONE;
}
