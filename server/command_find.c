/* Finding a command by its name.
 *
 * The name is folded to lower case eight bytes at a time and compared as a number: a switch over its length, then one
 * over its first eight bytes, zero padded. The compiler builds the search trees, refuses two equal names, and nothing
 * is set up when the server starts; GET takes three well predicted branches and reads no memory but its own name.
 * Names of more than eight bytes compare the rest afterwards. That every row of the table has its case here is checked
 * by the unit test. */
#include "server/command.h"

#include <assert.h>
#include <string.h>

#include "server/command_table_private.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "WORD() puts a name's first byte lowest");

/* The first eight bytes of a name as a number, zero padded. */
#define BYTE(c, i) ((uint64_t)(unsigned char)(c) << (8 * (i)))
#define WORD_OF(a, b, c, d, e, f, g, h, ...)                                                                           \
    (BYTE(a, 0) | BYTE(b, 1) | BYTE(c, 2) | BYTE(d, 3) | BYTE(e, 4) | BYTE(f, 5) | BYTE(g, 6) | BYTE(h, 7))
#define WORD(...) WORD_OF(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0)

/* All eight bytes at once, and exactly: letters A to Z become small, every other byte stays. */
static inline uint64_t fold(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t low = word & (0x7f * ones);
    uint64_t from_a = low + (0x80 - 'A') * ones;
    uint64_t after_z = low + (0x7f - 'Z') * ones;
    uint64_t upper = (from_a ^ after_z) & ~word & (0x80 * ones);
    return word | (upper >> 2);
}

/* Reads n >= 2 bytes, of which it takes the first eight; loads overlap and never pass the end. */
static inline uint64_t load_word(const char *p, size_t n)
{
    uint64_t word;
    if (n >= 8) {
        memcpy(&word, p, 8);
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, p, 4);
        memcpy(&last, p + n - 4, 4);
        word = first | (uint64_t)last << (8 * (n - 4));
    } else {
        uint16_t first, last;
        memcpy(&first, p, 2);
        memcpy(&last, p + n - 2, 2);
        word = first | (uint64_t)last << (8 * (n - 2));
    }
    return fold(word);
}

static inline char fold_char(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* `lower` is the folded name, terminated. */
static bool equal_folded(const char *p, size_t n, const char *lower)
{
    if (n != strlen(lower))
        return false;
    for (size_t i = 0; i < n; i++)
        if (fold_char(p[i]) != lower[i])
            return false;
    return true;
}

/* The first eight bytes agree: what about the rest? */
static const struct command *if_rest(const struct command *c, const char *p, size_t n)
{
    return equal_folded(p + 8, n - 8, c->name + 8) ? c : NULL;
}

static const struct command *find_3(uint64_t word)
{
    switch (word) {
    case WORD('g', 'e', 't'):
        return &row_get;
    case WORD('s', 'e', 't'):
        return &row_set;
    case WORD('l', 'c', 's'):
        return &row_lcs;
    case WORD('d', 'e', 'l'):
        return &row_del;
    case WORD('t', 't', 'l'):
        return &row_ttl;
    case WORD('a', 'c', 'l'):
        return &row_acl;
    default:
        return NULL;
    }
}

static const struct command *find_4(uint64_t word)
{
    switch (word) {
    case WORD('m', 'g', 'e', 't'):
        return &row_mget;
    case WORD('m', 's', 'e', 't'):
        return &row_mset;
    case WORD('i', 'n', 'c', 'r'):
        return &row_incr;
    case WORD('d', 'e', 'c', 'r'):
        return &row_decr;
    case WORD('t', 'y', 'p', 'e'):
        return &row_type;
    case WORD('c', 'o', 'p', 'y'):
        return &row_copy;
    case WORD('m', 'o', 'v', 'e'):
        return &row_move;
    case WORD('k', 'e', 'y', 's'):
        return &row_keys;
    case WORD('s', 'c', 'a', 'n'):
        return &row_scan;
    case WORD('p', 't', 't', 'l'):
        return &row_pttl;
    case WORD('p', 'i', 'n', 'g'):
        return &row_ping;
    case WORD('e', 'c', 'h', 'o'):
        return &row_echo;
    case WORD('a', 'u', 't', 'h'):
        return &row_auth;
    case WORD('q', 'u', 'i', 't'):
        return &row_quit;
    case WORD('t', 'i', 'm', 'e'):
        return &row_time;
    case WORD('i', 'n', 'f', 'o'):
        return &row_info;
    case WORD('e', 'x', 'e', 'c'):
        return &row_exec;
    case WORD('s', 'o', 'r', 't'):
        return &row_sort;
    case WORD('w', 'a', 'i', 't'):
        return &row_wait;
    case WORD('r', 'o', 'l', 'e'):
        return &row_role;
    case WORD('s', 'y', 'n', 'c'):
        return &row_sync;
    case WORD('e', 'v', 'a', 'l'):
        return &row_eval;
    default:
        return NULL;
    }
}

static const struct command *find_5(uint64_t word)
{
    switch (word) {
    case WORD('g', 'e', 't', 'e', 'x'):
        return &row_getex;
    case WORD('s', 'e', 't', 'e', 'x'):
        return &row_setex;
    case WORD('s', 'e', 't', 'n', 'x'):
        return &row_setnx;
    case WORD('b', 'i', 't', 'o', 'p'):
        return &row_bitop;
    case WORD('t', 'o', 'u', 'c', 'h'):
        return &row_touch;
    case WORD('h', 'e', 'l', 'l', 'o'):
        return &row_hello;
    case WORD('r', 'e', 's', 'e', 't'):
        return &row_reset;
    case WORD('d', 'e', 'b', 'u', 'g'):
        return &row_debug;
    case WORD('m', 'u', 'l', 't', 'i'):
        return &row_multi;
    case WORD('w', 'a', 't', 'c', 'h'):
        return &row_watch;
    case WORD('p', 's', 'y', 'n', 'c'):
        return &row_psync;
    case WORD('f', 'c', 'a', 'l', 'l'):
        return &row_fcall;
    default:
        return NULL;
    }
}

static const struct command *find_6(uint64_t word)
{
    switch (word) {
    case WORD('g', 'e', 't', 'd', 'e', 'l'):
        return &row_getdel;
    case WORD('g', 'e', 't', 's', 'e', 't'):
        return &row_getset;
    case WORD('s', 'u', 'b', 's', 't', 'r'):
        return &row_substr;
    case WORD('p', 's', 'e', 't', 'e', 'x'):
        return &row_psetex;
    case WORD('m', 's', 'e', 't', 'n', 'x'):
        return &row_msetnx;
    case WORD('a', 'p', 'p', 'e', 'n', 'd'):
        return &row_append;
    case WORD('s', 't', 'r', 'l', 'e', 'n'):
        return &row_strlen;
    case WORD('i', 'n', 'c', 'r', 'b', 'y'):
        return &row_incrby;
    case WORD('d', 'e', 'c', 'r', 'b', 'y'):
        return &row_decrby;
    case WORD('s', 'e', 't', 'b', 'i', 't'):
        return &row_setbit;
    case WORD('g', 'e', 't', 'b', 'i', 't'):
        return &row_getbit;
    case WORD('b', 'i', 't', 'p', 'o', 's'):
        return &row_bitpos;
    case WORD('u', 'n', 'l', 'i', 'n', 'k'):
        return &row_unlink;
    case WORD('e', 'x', 'i', 's', 't', 's'):
        return &row_exists;
    case WORD('r', 'e', 'n', 'a', 'm', 'e'):
        return &row_rename;
    case WORD('e', 'x', 'p', 'i', 'r', 'e'):
        return &row_expire;
    case WORD('o', 'b', 'j', 'e', 'c', 't'):
        return &row_object;
    case WORD('s', 'e', 'l', 'e', 'c', 't'):
        return &row_select;
    case WORD('c', 'l', 'i', 'e', 'n', 't'):
        return &row_client;
    case WORD('d', 'b', 's', 'i', 'z', 'e'):
        return &row_dbsize;
    case WORD('s', 'w', 'a', 'p', 'd', 'b'):
        return &row_swapdb;
    case WORD('c', 'o', 'n', 'f', 'i', 'g'):
        return &row_config;
    case WORD('p', 'u', 'b', 's', 'u', 'b'):
        return &row_pubsub;
    case WORD('m', 'e', 'm', 'o', 'r', 'y'):
        return &row_memory;
    case WORD('a', 's', 'k', 'i', 'n', 'g'):
        return &row_asking;
    case WORD('m', 'o', 'd', 'u', 'l', 'e'):
        return &row_module;
    case WORD('s', 'c', 'r', 'i', 'p', 't'):
        return &row_script;
    default:
        return NULL;
    }
}

static const struct command *find_7(uint64_t word)
{
    switch (word) {
    case WORD('p', 'u', 'b', 'l', 'i', 's', 'h'):
        return &row_publish;
    case WORD('d', 'i', 's', 'c', 'a', 'r', 'd'):
        return &row_discard;
    case WORD('u', 'n', 'w', 'a', 't', 'c', 'h'):
        return &row_unwatch;
    case WORD('p', 'e', 'x', 'p', 'i', 'r', 'e'):
        return &row_pexpire;
    case WORD('p', 'e', 'r', 's', 'i', 's', 't'):
        return &row_persist;
    case WORD('f', 'l', 'u', 's', 'h', 'd', 'b'):
        return &row_flushdb;
    case WORD('s', 'l', 'o', 'w', 'l', 'o', 'g'):
        return &row_slowlog;
    case WORD('l', 'a', 't', 'e', 'n', 'c', 'y'):
        return &row_latency;
    case WORD('m', 'o', 'n', 'i', 't', 'o', 'r'):
        return &row_monitor;
    case WORD('c', 'o', 'm', 'm', 'a', 'n', 'd'):
        return &row_command;
    case WORD('s', 'o', 'r', 't', '_', 'r', 'o'):
        return &row_sort_ro;
    case WORD('c', 'l', 'u', 's', 't', 'e', 'r'):
        return &row_cluster;
    case WORD('s', 'l', 'a', 'v', 'e', 'o', 'f'):
        return &row_slaveof;
    case WORD('e', 'v', 'a', 'l', '_', 'r', 'o'):
        return &row_eval_ro;
    case WORD('e', 'v', 'a', 'l', 's', 'h', 'a'):
        return &row_evalsha;
    default:
        return NULL;
    }
}

static const struct command *find_8(uint64_t word)
{
    switch (word) {
    case WORD('s', 'p', 'u', 'b', 'l', 'i', 's', 'h'):
        return &row_spublish;
    case WORD('g', 'e', 't', 'r', 'a', 'n', 'g', 'e'):
        return &row_getrange;
    case WORD('s', 'e', 't', 'r', 'a', 'n', 'g', 'e'):
        return &row_setrange;
    case WORD('b', 'i', 't', 'c', 'o', 'u', 'n', 't'):
        return &row_bitcount;
    case WORD('b', 'i', 't', 'f', 'i', 'e', 'l', 'd'):
        return &row_bitfield;
    case WORD('r', 'e', 'n', 'a', 'm', 'e', 'n', 'x'):
        return &row_renamenx;
    case WORD('e', 'x', 'p', 'i', 'r', 'e', 'a', 't'):
        return &row_expireat;
    case WORD('f', 'l', 'u', 's', 'h', 'a', 'l', 'l'):
        return &row_flushall;
    case WORD('s', 'h', 'u', 't', 'd', 'o', 'w', 'n'):
        return &row_shutdown;
    case WORD('r', 'e', 'a', 'd', 'o', 'n', 'l', 'y'):
        return &row_readonly;
    case WORD('f', 'c', 'a', 'l', 'l', '_', 'r', 'o'):
        return &row_fcall_ro;
    case WORD('f', 'u', 'n', 'c', 't', 'i', 'o', 'n'):
        return &row_function;
    default:
        return NULL;
    }
}

static const struct command *find_long(const char *p, size_t n)
{
    switch (load_word(p, n)) {
    case WORD('s', 'u', 'b', 's', 'c', 'r', 'i', 'b'):
        return if_rest(&row_subscribe, p, n);
    case WORD('p', 's', 'u', 'b', 's', 'c', 'r', 'i'):
        return if_rest(&row_psubscribe, p, n);
    case WORD('s', 's', 'u', 'b', 's', 'c', 'r', 'i'):
        return if_rest(&row_ssubscribe, p, n);
    case WORD('u', 'n', 's', 'u', 'b', 's', 'c', 'r'):
        return if_rest(&row_unsubscribe, p, n);
    case WORD('p', 'u', 'n', 's', 'u', 'b', 's', 'c'):
        return if_rest(&row_punsubscribe, p, n);
    case WORD('s', 'u', 'n', 's', 'u', 'b', 's', 'c'):
        return if_rest(&row_sunsubscribe, p, n);
    case WORD('r', 'a', 'n', 'd', 'o', 'm', 'k', 'e'):
        return if_rest(&row_randomkey, p, n);
    case WORD('p', 'e', 'x', 'p', 'i', 'r', 'e', 'a'):
        return if_rest(&row_pexpireat, p, n);
    case WORD('e', 'x', 'p', 'i', 'r', 'e', 't', 'i'):
        return if_rest(&row_expiretime, p, n);
    case WORD('i', 'n', 'c', 'r', 'b', 'y', 'f', 'l'):
        return if_rest(&row_incrbyfloat, p, n);
    case WORD('b', 'i', 't', 'f', 'i', 'e', 'l', 'd'):
        return if_rest(&row_bitfield_ro, p, n);
    case WORD('p', 'e', 'x', 'p', 'i', 'r', 'e', 't'):
        return if_rest(&row_pexpiretime, p, n);
    case WORD('r', 'e', 'a', 'd', 'w', 'r', 'i', 't'):
        return if_rest(&row_readwrite, p, n);
    case WORD('r', 'e', 'p', 'l', 'i', 'c', 'a', 'o'):
        return if_rest(&row_replicaof, p, n);
    case WORD('e', 'v', 'a', 'l', 's', 'h', 'a', '_'):
        return if_rest(&row_evalsha_ro, p, n);
    default:
        return NULL;
    }
}

static const struct command *find_top(const char *p, size_t n)
{
    switch (n) {
    case 3:
        return find_3(load_word(p, 3));
    case 4:
        return find_4(load_word(p, 4));
    case 5:
        return find_5(load_word(p, 5));
    case 6:
        return find_6(load_word(p, 6));
    case 7:
        return find_7(load_word(p, 7));
    case 8:
        return find_8(load_word(p, 8));
    case 9:
    case 10:
    case 11:
    case 12:
        return find_long(p, n);
    default:
        return NULL;
    }
}

const char *command_sub_name(const struct command *container, const struct command *sub)
{
    return sub->name + strlen(container->name) + 1;
}

static const struct command *find_sub(const struct command *container, const char *p, size_t n)
{
    for (int i = 0; i < container->nsub; i++)
        if (equal_folded(p, n, command_sub_name(container, &container->sub[i])))
            return &container->sub[i];
    return NULL;
}

const struct command *command_find(const struct arg *argv, int argc)
{
    const struct command *c = find_top(argv[0].p, argv[0].len);
    if (c && command_lacks_sub(c, argc)) {
        const struct command *sub = find_sub(c, argv[1].p, argv[1].len);
        return sub ? sub : c;
    }
    return c;
}

const struct command *command_find_name(const char *name, size_t n)
{
    enum { LONGER_THAN_ALL = 64 };
    if (n == 0 || n > LONGER_THAN_ALL) /* a very long name may not even be in memory (arg.big) */
        return NULL;
    const char *bar = memchr(name, '|', n);
    if (!bar)
        return find_top(name, n);
    const struct command *c = find_top(name, (size_t)(bar - name));
    return c ? find_sub(c, bar + 1, n - (size_t)(bar - name) - 1) : NULL;
}
