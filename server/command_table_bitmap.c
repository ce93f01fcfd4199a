/* The command table: bits of strings.
 * How a row is written: server/command_table_private.h. */
#include "server/command_table_private.h"

static const struct cmd_argdoc setbit_args[] = {
    {KEY("key", 0)},
    {ARG("offset", "integer")},
    {ARG("value", "integer")},
};

const struct command row_setbit = {
    NAMED(setbit),
    .arity = 4,
    .group = "bitmap",
    .since = "2.2.0",
    .flags = CMD_WRITE | CMD_DENYOOM,
    .categories = CAT_WRITE | CAT_BITMAP | CAT_SLOW,
    KEYS(1, {1, 1, 1, "RW access update", NULL}),
    .summary = "Sets or clears the bit at offset in the string value stored at key",
    .complexity = "O(1)",
    ARGS(setbit_args),
};

static const struct cmd_argdoc getbit_args[] = {{KEY("key", 0)}, {ARG("offset", "integer")}};

const struct command row_getbit = {
    NAMED(getbit),
    .arity = 3,
    .group = "bitmap",
    .since = "2.2.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_READ | CAT_BITMAP | CAT_FAST,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Returns the bit value at offset in the string value stored at key",
    .complexity = "O(1)",
    ARGS(getbit_args),
};

static const struct cmd_history bitcount_history[] = {
    {"7.0.0", "Added the `BYTE|BIT` option."},
};

static const struct cmd_argdoc bitcount_index_unit[] = {{TOKEN("byte", "BYTE")}, {TOKEN("bit", "BIT")}};

static const struct cmd_argdoc bitcount_index[] = {
    {ARG("start", "integer")},
    {ARG("end", "integer")},
    {ARG("index_unit", "oneof"), .since = "7.0.0", .flags = "optional", NESTED(bitcount_index_unit)},
};

static const struct cmd_argdoc bitcount_args[] = {
    {KEY("key", 0)},
    {ARG("index", "block"), .flags = "optional", NESTED(bitcount_index)},
};

const struct command row_bitcount = {
    NAMED(bitcount),
    .arity = -2,
    .group = "bitmap",
    .since = "2.6.0",
    .flags = CMD_READONLY,
    .categories = CAT_READ | CAT_BITMAP | CAT_SLOW,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Count set bits in a string",
    .complexity = "O(N)",
    HISTORY(bitcount_history),
    ARGS(bitcount_args),
};

static const struct cmd_history bitpos_history[] = {
    {"7.0.0", "Added the `BYTE|BIT` option."},
};

static const struct cmd_argdoc bitpos_index_unit[] = {{TOKEN("byte", "BYTE")}, {TOKEN("bit", "BIT")}};

static const struct cmd_argdoc bitpos_end_index[] = {
    {ARG("end", "integer")},
    {ARG("index_unit", "oneof"), .since = "7.0.0", .flags = "optional", NESTED(bitpos_index_unit)},
};

static const struct cmd_argdoc bitpos_index[] = {
    {ARG("start", "integer")},
    {ARG("end_index", "block"), .flags = "optional", NESTED(bitpos_end_index)},
};

static const struct cmd_argdoc bitpos_args[] = {
    {KEY("key", 0)},
    {ARG("bit", "integer")},
    {ARG("index", "block"), .flags = "optional", NESTED(bitpos_index)},
};

const struct command row_bitpos = {
    NAMED(bitpos),
    .arity = -3,
    .group = "bitmap",
    .since = "2.8.7",
    .flags = CMD_READONLY,
    .categories = CAT_READ | CAT_BITMAP | CAT_SLOW,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Find first bit set or clear in a string",
    .complexity = "O(N)",
    HISTORY(bitpos_history),
    ARGS(bitpos_args),
};

static const struct cmd_argdoc bitop_args[] = {
    {ARG("operation", "string")},
    {KEY("destkey", 0)},
    {KEY("key", 1), .flags = "multiple"},
};

const struct command row_bitop = {
    NAMED(bitop),
    .arity = -4,
    .group = "bitmap",
    .since = "2.6.0",
    .flags = CMD_WRITE | CMD_DENYOOM,
    .categories = CAT_WRITE | CAT_BITMAP | CAT_SLOW,
    KEYS(2, {2, 2, 1, "OW update", NULL}, {3, -1, 1, "RO access", NULL}),
    .summary = "Perform bitwise operations between strings",
    .complexity = "O(N)",
    ARGS(bitop_args),
};

static const struct cmd_argdoc bitfield_encoding_offset[] = {
    {ARG("encoding", "string")},
    {ARG("offset", "integer")},
};

static const struct cmd_argdoc bitfield_wrap_sat_fail[] = {
    {TOKEN("wrap", "WRAP")},
    {TOKEN("sat", "SAT")},
    {TOKEN("fail", "FAIL")},
};

static const struct cmd_argdoc bitfield_encoding_offset_value[] = {
    {ARG("encoding", "string")},
    {ARG("offset", "integer")},
    {ARG("value", "integer")},
};

static const struct cmd_argdoc bitfield_encoding_offset_increment[] = {
    {ARG("encoding", "string")},
    {ARG("offset", "integer")},
    {ARG("increment", "integer")},
};

static const struct cmd_argdoc bitfield_write_operation[] = {
    {ARG("encoding_offset_value", "block"), .token = "SET", NESTED(bitfield_encoding_offset_value)},
    {ARG("encoding_offset_increment", "block"), .token = "INCRBY", NESTED(bitfield_encoding_offset_increment)},
};

static const struct cmd_argdoc bitfield_write[] = {
    {ARG("wrap_sat_fail", "oneof"), .token = "OVERFLOW", .flags = "optional", NESTED(bitfield_wrap_sat_fail)},
    {ARG("write_operation", "oneof"), NESTED(bitfield_write_operation)},
};

static const struct cmd_argdoc bitfield_operation[] = {
    {ARG("encoding_offset", "block"), .token = "GET", NESTED(bitfield_encoding_offset)},
    {ARG("write", "block"), NESTED(bitfield_write)},
};

static const struct cmd_argdoc bitfield_args[] = {
    {KEY("key", 0)},
    {ARG("operation", "oneof"), .flags = "optional multiple", NESTED(bitfield_operation)},
};

const struct command row_bitfield = {
    NAMED(bitfield),
    .arity = -2,
    .group = "bitmap",
    .since = "3.2.0",
    .flags = CMD_WRITE | CMD_DENYOOM,
    .categories = CAT_WRITE | CAT_BITMAP | CAT_SLOW,
    KEYS(1,
         {1, 1, 1, "RW access update variable_flags", "This command allows both access and modification of the key"}),
    .summary = "Perform arbitrary bitfield integer operations on strings",
    .complexity = "O(1) for each subcommand specified",
    ARGS(bitfield_args),
};

static const struct cmd_argdoc bitfield_ro_encoding_offset[] = {
    {ARG("encoding", "string")},
    {ARG("offset", "integer")},
};

static const struct cmd_argdoc bitfield_ro_args[] = {
    {KEY("key", 0)},
    {ARG("encoding_offset", "block"), .token = "GET", .flags = "optional multiple multiple_token",
     NESTED(bitfield_ro_encoding_offset)},
};

const struct command row_bitfield_ro = {
    NAMED(bitfield_ro),
    .arity = -2,
    .group = "bitmap",
    .since = "6.0.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_READ | CAT_BITMAP | CAT_FAST,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD",
    .complexity = "O(1) for each subcommand specified",
    ARGS(bitfield_ro_args),
};
