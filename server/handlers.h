/* The handlers that the command table names, grouped by the file that defines them.
 *
 * All have the contract of cmd_handler (server/command.h): arity is checked; unless the command has CMD_NOLOCK the
 * shards of its keys are locked; CMD_RETRY means that nothing was changed and nothing replied. */
#ifndef FLAGSTONE_SERVER_HANDLERS_H
#define FLAGSTONE_SERVER_HANDLERS_H

#include "server/command.h"

/* server/cmd_string.c */
enum cmd_status cmd_get(struct cmd_ctx *c);
enum cmd_status cmd_set(struct cmd_ctx *c);
enum cmd_status cmd_getdel(struct cmd_ctx *c);
enum cmd_status cmd_getex(struct cmd_ctx *c);
enum cmd_status cmd_getset(struct cmd_ctx *c);
enum cmd_status cmd_getrange(struct cmd_ctx *c);
enum cmd_status cmd_substr(struct cmd_ctx *c);
enum cmd_status cmd_setrange(struct cmd_ctx *c);
enum cmd_status cmd_setex(struct cmd_ctx *c);
enum cmd_status cmd_psetex(struct cmd_ctx *c);
enum cmd_status cmd_setnx(struct cmd_ctx *c);
enum cmd_status cmd_mget(struct cmd_ctx *c);
enum cmd_status cmd_mset(struct cmd_ctx *c);
enum cmd_status cmd_msetnx(struct cmd_ctx *c);
enum cmd_status cmd_append(struct cmd_ctx *c);
enum cmd_status cmd_strlen(struct cmd_ctx *c);

/* server/cmd_counter.c */
enum cmd_status cmd_incr(struct cmd_ctx *c);
enum cmd_status cmd_incrby(struct cmd_ctx *c);
enum cmd_status cmd_incrbyfloat(struct cmd_ctx *c);
enum cmd_status cmd_decr(struct cmd_ctx *c);
enum cmd_status cmd_decrby(struct cmd_ctx *c);

/* server/cmd_pubsub.c */
enum cmd_status cmd_subscribe(struct cmd_ctx *c);
enum cmd_status cmd_psubscribe(struct cmd_ctx *c);
enum cmd_status cmd_ssubscribe(struct cmd_ctx *c);
enum cmd_status cmd_unsubscribe(struct cmd_ctx *c);
enum cmd_status cmd_punsubscribe(struct cmd_ctx *c);
enum cmd_status cmd_sunsubscribe(struct cmd_ctx *c);
enum cmd_status cmd_publish(struct cmd_ctx *c);
enum cmd_status cmd_spublish(struct cmd_ctx *c);
enum cmd_status cmd_pubsub_channels(struct cmd_ctx *c);
enum cmd_status cmd_pubsub_numpat(struct cmd_ctx *c);
enum cmd_status cmd_pubsub_numsub(struct cmd_ctx *c);
enum cmd_status cmd_pubsub_shardchannels(struct cmd_ctx *c);
enum cmd_status cmd_pubsub_shardnumsub(struct cmd_ctx *c);
enum cmd_status cmd_pubsub_help(struct cmd_ctx *c);

/* server/txn.c */
enum cmd_status cmd_multi(struct cmd_ctx *c);
enum cmd_status cmd_exec(struct cmd_ctx *c);
enum cmd_status cmd_discard(struct cmd_ctx *c);
enum cmd_status cmd_watch(struct cmd_ctx *c);
enum cmd_status cmd_unwatch(struct cmd_ctx *c);

/* server/cmd_lcs.c */
enum cmd_status cmd_lcs(struct cmd_ctx *c);

/* server/cmd_bits.c */
enum cmd_status cmd_setbit(struct cmd_ctx *c);
enum cmd_status cmd_getbit(struct cmd_ctx *c);
enum cmd_status cmd_bitcount(struct cmd_ctx *c);
enum cmd_status cmd_bitpos(struct cmd_ctx *c);
enum cmd_status cmd_bitop(struct cmd_ctx *c);

/* server/cmd_bitfield.c */
enum cmd_status cmd_bitfield(struct cmd_ctx *c);
enum cmd_status cmd_bitfield_ro(struct cmd_ctx *c);

/* server/cmd_keys.c */
enum cmd_status cmd_del(struct cmd_ctx *c);
enum cmd_status cmd_unlink(struct cmd_ctx *c);
enum cmd_status cmd_exists(struct cmd_ctx *c);
enum cmd_status cmd_type(struct cmd_ctx *c);
enum cmd_status cmd_touch(struct cmd_ctx *c);
enum cmd_status cmd_copy(struct cmd_ctx *c);
enum cmd_status cmd_rename(struct cmd_ctx *c);
enum cmd_status cmd_renamenx(struct cmd_ctx *c);
enum cmd_status cmd_move(struct cmd_ctx *c);
enum cmd_status cmd_swapdb(struct cmd_ctx *c);
enum cmd_status cmd_randomkey(struct cmd_ctx *c);
enum cmd_status cmd_dbsize(struct cmd_ctx *c);
enum cmd_status cmd_flushdb(struct cmd_ctx *c);
enum cmd_status cmd_flushall(struct cmd_ctx *c);

/* server/cmd_scan.c */
enum cmd_status cmd_keys(struct cmd_ctx *c);
enum cmd_status cmd_scan(struct cmd_ctx *c);

/* server/cmd_expire.c */
enum cmd_status cmd_expire(struct cmd_ctx *c);
enum cmd_status cmd_pexpire(struct cmd_ctx *c);
enum cmd_status cmd_expireat(struct cmd_ctx *c);
enum cmd_status cmd_pexpireat(struct cmd_ctx *c);
enum cmd_status cmd_expiretime(struct cmd_ctx *c);
enum cmd_status cmd_pexpiretime(struct cmd_ctx *c);
enum cmd_status cmd_ttl(struct cmd_ctx *c);
enum cmd_status cmd_pttl(struct cmd_ctx *c);
enum cmd_status cmd_persist(struct cmd_ctx *c);

/* server/cmd_object.c */
enum cmd_status cmd_object_encoding(struct cmd_ctx *c);
enum cmd_status cmd_object_freq(struct cmd_ctx *c);
enum cmd_status cmd_object_idletime(struct cmd_ctx *c);
enum cmd_status cmd_object_refcount(struct cmd_ctx *c);
enum cmd_status cmd_object_help(struct cmd_ctx *c);

/* server/cmd_connection.c */
enum cmd_status cmd_ping(struct cmd_ctx *c);
enum cmd_status cmd_echo(struct cmd_ctx *c);
enum cmd_status cmd_hello(struct cmd_ctx *c);
enum cmd_status cmd_auth(struct cmd_ctx *c);
enum cmd_status cmd_quit(struct cmd_ctx *c);
enum cmd_status cmd_reset(struct cmd_ctx *c);
enum cmd_status cmd_select(struct cmd_ctx *c);
enum cmd_status cmd_time(struct cmd_ctx *c);

/* server/cmd_client.c */
enum cmd_status cmd_client_id(struct cmd_ctx *c);
enum cmd_status cmd_client_info(struct cmd_ctx *c);
enum cmd_status cmd_client_list(struct cmd_ctx *c);
enum cmd_status cmd_client_getname(struct cmd_ctx *c);
enum cmd_status cmd_client_setname(struct cmd_ctx *c);
enum cmd_status cmd_client_setinfo(struct cmd_ctx *c);
enum cmd_status cmd_client_kill(struct cmd_ctx *c);
enum cmd_status cmd_client_pause(struct cmd_ctx *c);
enum cmd_status cmd_client_unpause(struct cmd_ctx *c);
enum cmd_status cmd_client_reply(struct cmd_ctx *c);
enum cmd_status cmd_client_no_evict(struct cmd_ctx *c);
enum cmd_status cmd_client_no_touch(struct cmd_ctx *c);
enum cmd_status cmd_client_help(struct cmd_ctx *c);

/* server/cmd_acl.c */
enum cmd_status cmd_acl_whoami(struct cmd_ctx *c);
enum cmd_status cmd_acl_list(struct cmd_ctx *c);
enum cmd_status cmd_acl_users(struct cmd_ctx *c);
enum cmd_status cmd_acl_getuser(struct cmd_ctx *c);
enum cmd_status cmd_acl_setuser(struct cmd_ctx *c);
enum cmd_status cmd_acl_deluser(struct cmd_ctx *c);
enum cmd_status cmd_acl_cat(struct cmd_ctx *c);
enum cmd_status cmd_acl_genpass(struct cmd_ctx *c);
enum cmd_status cmd_acl_log(struct cmd_ctx *c);
enum cmd_status cmd_acl_dryrun(struct cmd_ctx *c);
enum cmd_status cmd_acl_help(struct cmd_ctx *c);

/* server/cmd_acl_file.c */
enum cmd_status cmd_acl_load(struct cmd_ctx *c);
enum cmd_status cmd_acl_save(struct cmd_ctx *c);

/* server/cmd_config.c */
enum cmd_status cmd_config_get(struct cmd_ctx *c);
enum cmd_status cmd_config_set(struct cmd_ctx *c);
enum cmd_status cmd_config_rewrite(struct cmd_ctx *c);
enum cmd_status cmd_config_resetstat(struct cmd_ctx *c);
enum cmd_status cmd_config_help(struct cmd_ctx *c);

/* server/cmd_info.c */
enum cmd_status cmd_info(struct cmd_ctx *c);

/* server/cmd_memory.c */
enum cmd_status cmd_memory_usage(struct cmd_ctx *c);
enum cmd_status cmd_memory_stats(struct cmd_ctx *c);
enum cmd_status cmd_memory_doctor(struct cmd_ctx *c);
enum cmd_status cmd_memory_malloc_stats(struct cmd_ctx *c);
enum cmd_status cmd_memory_purge(struct cmd_ctx *c);
enum cmd_status cmd_memory_help(struct cmd_ctx *c);
/* server/cmd_memory_defrag.c, server/cmd_memory_map.c */
enum cmd_status cmd_memory_defrag(struct cmd_ctx *c);
enum cmd_status cmd_memory_map(struct cmd_ctx *c);

/* server/cmd_slowlog.c */
enum cmd_status cmd_slowlog_get(struct cmd_ctx *c);
enum cmd_status cmd_slowlog_len(struct cmd_ctx *c);
enum cmd_status cmd_slowlog_reset(struct cmd_ctx *c);
enum cmd_status cmd_slowlog_help(struct cmd_ctx *c);

/* server/cmd_latency.c */
enum cmd_status cmd_latency_latest(struct cmd_ctx *c);
enum cmd_status cmd_latency_history(struct cmd_ctx *c);
enum cmd_status cmd_latency_reset(struct cmd_ctx *c);
enum cmd_status cmd_latency_doctor(struct cmd_ctx *c);
enum cmd_status cmd_latency_graph(struct cmd_ctx *c);
enum cmd_status cmd_latency_histogram(struct cmd_ctx *c);
enum cmd_status cmd_latency_help(struct cmd_ctx *c);

/* server/cmd_sort.c */
enum cmd_status cmd_sort(struct cmd_ctx *c);
enum cmd_status cmd_sort_ro(struct cmd_ctx *c);

/* server/cmd_absent.c; several rows of the table share a handler */
enum cmd_status cmd_cluster_disabled(struct cmd_ctx *c);
enum cmd_status cmd_readonly(struct cmd_ctx *c);
enum cmd_status cmd_readwrite(struct cmd_ctx *c);
enum cmd_status cmd_asking(struct cmd_ctx *c);
enum cmd_status cmd_absent_scripts(struct cmd_ctx *c);
enum cmd_status cmd_absent_modules(struct cmd_ctx *c);
enum cmd_status cmd_absent_replication(struct cmd_ctx *c);
enum cmd_status cmd_replicaof(struct cmd_ctx *c);
enum cmd_status cmd_role(struct cmd_ctx *c);
enum cmd_status cmd_wait(struct cmd_ctx *c);
enum cmd_status cmd_module_list(struct cmd_ctx *c);
enum cmd_status cmd_module_help(struct cmd_ctx *c);
enum cmd_status cmd_client_getredir(struct cmd_ctx *c);
enum cmd_status cmd_client_trackinginfo(struct cmd_ctx *c);
enum cmd_status cmd_client_tracking(struct cmd_ctx *c);
enum cmd_status cmd_client_caching(struct cmd_ctx *c);

/* server/cmd_monitor.c */
enum cmd_status cmd_monitor(struct cmd_ctx *c);

/* server/cmd_debug.c; parses its subcommand itself */
enum cmd_status cmd_debug(struct cmd_ctx *c);

/* server/cmd_shutdown.c */
enum cmd_status cmd_shutdown(struct cmd_ctx *c);

/* server/cmd_command.c */
enum cmd_status cmd_command(struct cmd_ctx *c);
enum cmd_status cmd_command_count(struct cmd_ctx *c);
enum cmd_status cmd_command_info(struct cmd_ctx *c);
enum cmd_status cmd_command_docs(struct cmd_ctx *c);
enum cmd_status cmd_command_list(struct cmd_ctx *c);
enum cmd_status cmd_command_getkeys(struct cmd_ctx *c);
enum cmd_status cmd_command_getkeysandflags(struct cmd_ctx *c);
enum cmd_status cmd_command_help(struct cmd_ctx *c);

#endif
