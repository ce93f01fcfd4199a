/* BITFIELD: a string as an array of integers of any width, at any bit.
 *
 * The arguments are gone through twice, so that nothing is kept of them: once to check them all and to find the highest
 * write, once to execute. In between the string is made long enough and writable; after that the store cannot be short
 * any more: all or nothing, as CMD_RETRY wants it.
 * A field is at most 64 bits in at most 9 bytes, taken as one big-endian number. */
#include <string.h>

#include "protocol/number.h"
#include "server/args.h"
#include "server/handlers.h"
#include "server/notify.h"
#include "server/options.h"
#include "server/put.h"
#include "server/server.h"

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 uwide;

enum { FIELD_BYTES_MAX = 9 };
enum field_kind { FIELD_GET, FIELD_SET, FIELD_INCRBY };
enum field_overflow { OVERFLOW_WRAP, OVERFLOW_SAT, OVERFLOW_FAIL };

struct field_op {
    enum field_kind kind;
    enum field_overflow overflow;
    bool is_signed;
    unsigned bits;
    int64_t offset; /* in bits */
    int64_t value;
};

/* A walk over the arguments. OVERFLOW holds for all operations that follow it. */
struct field_ops {
    struct cmd_ctx *c;
    int at;
    enum field_overflow overflow;
};

static bool parse_type(struct cmd_ctx *c, const struct arg *a, struct field_op *op)
{
    int64_t bits;
    bool known = a->p && a->len > 1 && (a->p[0] == 'i' || a->p[0] == 'u');
    if (known && number_parse_i64(a->p + 1, a->len - 1, &bits) && bits >= 1 && bits <= (a->p[0] == 'i' ? 64 : 63)) {
        op->is_signed = a->p[0] == 'i';
        op->bits = (unsigned)bits;
        return true;
    }
    reply_error(c->out, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 "
                        "is.");
    return false;
}

/* Bits, or with a leading # multiples of the field's width. */
static bool parse_offset(struct cmd_ctx *c, const struct arg *a, struct field_op *op)
{
    size_t hash = a->p && a->len > 0 && a->p[0] == '#';
    bool ok = a->p && number_parse_i64(a->p + hash, a->len - hash, &op->offset);
    if (ok && hash)
        ok = !__builtin_mul_overflow(op->offset, (int64_t)op->bits, &op->offset);
    if (ok && op->offset >= 0 && op->offset >> 3 < OPT(c->srv->opt, proto_max_bulk_len))
        return true;
    reply_error(c->out, "ERR bit offset is not an integer or out of range");
    return false;
}

static bool parse_overflow(struct cmd_ctx *c, const struct arg *a, enum field_overflow *overflow)
{
    static const char words[][5] = {"wrap", "sat", "fail"}; /* in the order of enum field_overflow */
    for (unsigned i = 0; i < 3; i++) {
        if (arg_is(a, words[i])) {
            *overflow = (enum field_overflow)i;
            return true;
        }
    }
    reply_error(c->out, "ERR Invalid OVERFLOW type specified");
    return false;
}

enum parsed { PARSED_OP, PARSED_END, PARSED_ERROR };

/* The next operation; at PARSED_ERROR the error was replied, which only the first walk meets. */
static enum parsed next_op(struct field_ops *ops, struct field_op *op)
{
    struct cmd_ctx *c = ops->c;
    for (; ops->at < c->argc && arg_is(&c->argv[ops->at], "overflow") && ops->at + 1 < c->argc; ops->at += 2)
        if (!parse_overflow(c, &c->argv[ops->at + 1], &ops->overflow))
            return PARSED_ERROR;
    if (ops->at == c->argc)
        return PARSED_END;

    static const char words[][7] = {"get", "set", "incrby"}; /* in the order of enum field_kind */
    const struct arg *a = &c->argv[ops->at];
    unsigned kind = 0;
    while (kind < 3 && !arg_is(a, words[kind]))
        kind++;
    int n = kind == FIELD_GET ? 3 : 4;
    if (kind == 3 || ops->at + n > c->argc) {
        reply_syntax_error(c);
        return PARSED_ERROR;
    }
    op->kind = (enum field_kind)kind;
    op->overflow = ops->overflow;
    op->value = 0;
    if (!parse_type(c, a + 1, op) || !parse_offset(c, a + 2, op))
        return PARSED_ERROR;
    if (n == 4 && !arg_int(c, a + 3, NULL, &op->value))
        return PARSED_ERROR;
    ops->at += n;
    return PARSED_OP;
}

/* The bytes that hold a field, and how far its last bit is from theirs. */
struct field_span {
    size_t at;
    unsigned n, shift;
};

static struct field_span span_of(const struct field_op *op)
{
    size_t first = (size_t)op->offset, last = first + op->bits - 1;
    unsigned n = (unsigned)(last / 8 - first / 8 + 1);
    return (struct field_span){first / 8, n, 7 - (unsigned)(last % 8)};
}

/* The value's bytes in the span, zeros beyond its end; `e` NULL: no value. */
static uwide load(struct cmd_ctx *c, const struct entry *e, const struct field_span *s)
{
    unsigned char bytes[FIELD_BYTES_MAX] = {0};
    size_t len = e ? store_value_len(e) : 0;
    if (s->at < len)
        store_value_copy(c->sx, e, s->at, len - s->at < s->n ? len - s->at : s->n, (char *)bytes);
    uwide v = 0;
    for (unsigned i = 0; i < s->n; i++)
        v = v << 8 | bytes[i];
    return v;
}

static enum store_status save(struct cmd_ctx *c, struct entry *e, bool found, const struct field_span *s, uwide v)
{
    char bytes[FIELD_BYTES_MAX];
    for (unsigned i = s->n; i-- > 0; v >>= 8)
        bytes[i] = (char)(v & 0xff);
    return write_at(c, &c->keys[0], e, found, s->at, bytes, s->n);
}

static uint64_t mask_of(unsigned bits)
{
    return UINT64_MAX >> (64 - bits);
}

/* A field's bits as the number that they stand for. */
static int64_t number_of(const struct field_op *op, uint64_t raw)
{
    if (op->is_signed && op->bits < 64 && (raw >> (op->bits - 1) & 1))
        raw |= ~mask_of(op->bits);
    return (int64_t)raw;
}

/* What SET or INCRBY makes of `old`. False: it does not fit, and OVERFLOW says FAIL. An unsigned field takes SET's
 * argument for an unsigned one. */
static bool new_value(const struct field_op *op, int64_t old, int64_t *result)
{
    wide v;
    if (op->kind == FIELD_INCRBY)
        v = (wide)old + op->value;
    else
        v = op->is_signed ? (wide)op->value : (wide)(uint64_t)op->value;
    wide max = op->is_signed ? mask_of(op->bits) >> 1 : mask_of(op->bits);
    wide min = op->is_signed ? -max - 1 : 0;
    if (v > max || v < min) {
        if (op->overflow == OVERFLOW_FAIL)
            return false;
        if (op->overflow == OVERFLOW_SAT)
            v = v > max ? max : min;
    }
    *result = number_of(op, (uint64_t)v & mask_of(op->bits));
    return true;
}

/* Executes one operation and replies its element. `e` NULL: there is no such key, and the operation is a GET. True: it
 * wrote something else than was there; to a value that has `grown`, anything. */
static bool execute(struct cmd_ctx *c, const struct field_op *op, struct entry *e, bool grown)
{
    struct field_span s = span_of(op);
    uwide bytes = load(c, e, &s);
    uwide mask = mask_of(op->bits);
    int64_t old = number_of(op, (uint64_t)(bytes >> s.shift & mask)), now;
    if (op->kind == FIELD_GET) {
        reply_int(c->out, old);
        return false;
    }
    if (!new_value(op, old, &now)) {
        reply_null(c->out);
        return false;
    }
    bytes = (bytes & ~(mask << s.shift)) | (((uwide)(uint64_t)now & mask) << s.shift);
    if (save(c, e, true, &s, bytes) == STORE_OK)
        reply_int(c->out, op->kind == FIELD_SET ? old : now);
    else
        reply_no_memory(c); /* not after prepare() */
    return grown || now != old;
}

/* Makes the value long enough for the highest write, by writing what is there already. The store has then also made a
 * copy of a value that a socket is sending from: under this lock, no further write can find it short. */
static enum store_status prepare(struct cmd_ctx *c, struct entry *e, const struct field_op *highest, bool *grown)
{
    bool found = store_find(c->sx, &c->keys[0], e);
    struct field_span s = span_of(highest);
    *grown = !found || s.at + s.n > store_value_len(e);
    return save(c, e, found, &s, load(c, found ? e : NULL, &s));
}

static enum cmd_status bitfield(struct cmd_ctx *c, bool read_only)
{
    struct field_ops ops = {.c = c, .at = 2};
    struct field_op op, highest = {.kind = FIELD_GET};
    size_t n = 0;
    enum parsed parsed;
    for (; (parsed = next_op(&ops, &op)) == PARSED_OP; n++)
        if (op.kind != FIELD_GET && (highest.kind == FIELD_GET || op.offset + op.bits > highest.offset + highest.bits))
            highest = op;
    if (parsed == PARSED_ERROR)
        return CMD_DONE;

    struct entry e;
    bool found = true, grown = false, changed = false;
    if (highest.kind == FIELD_GET) {
        found = store_read(c->sx, &c->keys[0], &e);
    } else if (read_only) {
        reply_error(c->out, "ERR BITFIELD_RO only supports the GET subcommand");
        return CMD_DONE;
    } else {
        enum store_status status = prepare(c, &e, &highest, &grown);
        if (status != STORE_OK)
            return store_refused(c, status);
    }
    reply_array(c->out, n);
    for (ops = (struct field_ops){.c = c, .at = 2}; next_op(&ops, &op) == PARSED_OP;)
        changed |= execute(c, &op, found ? &e : NULL, grown);
    if (changed)
        notify_key(c, NOTICE_SETBIT, &c->keys[0]);
    return CMD_DONE;
}

enum cmd_status cmd_bitfield(struct cmd_ctx *c)
{
    return bitfield(c, false);
}

enum cmd_status cmd_bitfield_ro(struct cmd_ctx *c)
{
    return bitfield(c, true);
}
