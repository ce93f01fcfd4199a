/* The command table's parts: the list of all commands, and the words in which its rows are written.
 *
 * A new command is a line in COMMAND_LIST (or SUBCOMMAND_LIST), a row in the file of its group, a case in
 * command_find.c and a handler; the compiler or the unit test says which of them is missing. */
#ifndef FLAGSTONE_SERVER_COMMAND_TABLE_PRIVATE_H
#define FLAGSTONE_SERVER_COMMAND_TABLE_PRIVATE_H

#include "server/command.h"
#include "server/handlers.h"

/* clang-format off */
/* The order is that of COMMAND's reply. */
#define COMMAND_LIST(X) \
    X(get) X(set) X(getdel) X(getex) X(getset) X(getrange) X(substr) X(setrange) X(setex) X(psetex) X(setnx) \
    X(mget) X(mset) X(msetnx) X(append) X(strlen) X(incr) X(incrby) X(incrbyfloat) X(decr) X(decrby) X(lcs) \
    X(setbit) X(getbit) X(bitcount) X(bitpos) X(bitop) X(bitfield) X(bitfield_ro) \
    X(del) X(unlink) X(exists) X(type) X(touch) X(copy) X(rename) X(renamenx) X(move) X(randomkey) X(keys) \
    X(scan) X(expire) X(pexpire) X(expireat) X(pexpireat) X(expiretime) X(pexpiretime) X(ttl) X(pttl) X(persist) \
    X(object) \
    X(ping) X(echo) X(hello) X(auth) X(select) X(quit) X(reset) X(client) X(acl) \
    X(dbsize) X(flushdb) X(flushall) X(swapdb) X(time) X(info) X(config) X(memory) X(slowlog) X(latency) \
    X(monitor) X(command) X(shutdown) X(debug) \
    X(multi) X(exec) X(discard) X(watch) X(unwatch) \
    X(subscribe) X(unsubscribe) X(psubscribe) X(punsubscribe) X(publish) X(ssubscribe) X(sunsubscribe) X(spublish) \
    X(pubsub) \
    X(sort) X(sort_ro) X(wait) X(role) X(cluster) X(readonly) X(readwrite) X(asking) X(module) X(replicaof) \
    X(slaveof) X(sync) X(psync) X(eval) X(eval_ro) X(evalsha) X(evalsha_ro) X(fcall) X(fcall_ro) X(script) X(function)

/* Of one container all together, in the order of its array. */
#define SUBCOMMAND_LIST(X) \
    X(object, encoding) X(object, freq) X(object, idletime) X(object, refcount) X(object, help) \
    X(client, id) X(client, info) X(client, list) X(client, getname) X(client, setname) X(client, setinfo) \
    X(client, kill) X(client, pause) X(client, unpause) X(client, reply) X(client, no_evict) X(client, no_touch) \
    X(client, getredir) X(client, tracking) X(client, trackinginfo) X(client, caching) X(client, help) \
    X(acl, cat) X(acl, deluser) X(acl, dryrun) X(acl, genpass) X(acl, getuser) X(acl, list) X(acl, load) \
    X(acl, log) X(acl, save) X(acl, setuser) X(acl, users) X(acl, whoami) X(acl, help) \
    X(config, get) X(config, set) X(config, rewrite) X(config, resetstat) X(config, help) \
    X(memory, usage) X(memory, stats) X(memory, doctor) X(memory, malloc_stats) X(memory, purge) X(memory, defrag) \
    X(memory, map) X(memory, help) \
    X(slowlog, get) X(slowlog, len) X(slowlog, reset) X(slowlog, help) \
    X(latency, latest) X(latency, history) X(latency, reset) X(latency, doctor) X(latency, graph) \
    X(latency, histogram) X(latency, help) \
    X(command, count) X(command, info) X(command, docs) X(command, list) X(command, getkeys) \
    X(command, getkeysandflags) X(command, help) \
    X(pubsub, channels) X(pubsub, numpat) X(pubsub, numsub) X(pubsub, shardchannels) X(pubsub, shardnumsub) \
    X(pubsub, help) \
    X(module, list) X(module, load) X(module, loadex) X(module, unload) X(module, help) \
    X(cluster, addslots) X(cluster, addslotsrange) X(cluster, bumpepoch) X(cluster, count_failure_reports) \
    X(cluster, countkeysinslot) X(cluster, delslots) X(cluster, delslotsrange) X(cluster, failover) \
    X(cluster, flushslots) X(cluster, forget) X(cluster, getkeysinslot) X(cluster, info) X(cluster, keyslot) \
    X(cluster, links) X(cluster, meet) X(cluster, myid) X(cluster, nodes) X(cluster, replicas) \
    X(cluster, replicate) X(cluster, reset) X(cluster, saveconfig) X(cluster, set_config_epoch) X(cluster, setslot) \
    X(cluster, shards) X(cluster, slaves) X(cluster, slots) X(cluster, help)
/* clang-format on */

/* Ids run over the commands, then over the subcommands. */
enum command_id {
#define X(name) ID_##name,
    COMMAND_LIST(X)
#undef X
        ID_COMMANDS, /* how many; the subcommands' ids go on from here */
    ID_LAST_COMMAND = ID_COMMANDS - 1,
#define X(container, sub) ID_##container##_##sub,
    SUBCOMMAND_LIST(X)
#undef X
        ID_ALL
};

#define X(name) extern const struct command row_##name;
COMMAND_LIST(X)
#undef X

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Who the row is. NAMED has a handler of its name; CONTAINER has subcommands and no handler; SUB is a row of a
 * container's array: its handler and id go by both names, its name is written with dashes. */
#define NAMED(n) .name = #n, .handler = cmd_##n, .id = ID_##n
#define CONTAINER(n) .name = #n, .id = ID_##n, .sub = n##_subs, .nsub = COUNT_OF(n##_subs)
#define SUB(c, s, written) .name = #c "|" written, .handler = cmd_##c##_##s, .id = ID_##c##_##s

/* KEYS(1, {first, last, step, "flags", notes}) */
#define KEYS(n, ...) .nkeyspecs = n, .keys = {__VA_ARGS__}

#define ARGS(a) .args = a, .nargs = COUNT_OF(a)
#define HISTORY(a) .history = a, .nhistory = COUNT_OF(a)

/* What opens an argument's description; what else it has follows by field name. */
#define ARG(n, t) .name = n, .type = t, .key_spec = -1
#define KEY(n, spec) .name = n, .type = "key", .key_spec = spec
#define TOKEN(n, t) .name = n, .type = "pure-token", .token = t, .key_spec = -1
#define NESTED(a) .sub = a, .nsub = COUNT_OF(a)

#endif
