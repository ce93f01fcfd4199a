/* Users: what one may do, and the rules by which that is said.
 *
 * A user is built by rules (acl_user_apply), finished, and from then on never changes: a change makes a copy. So who
 * holds a reference may read it without a lock; the number of references alone is atomic.
 *
 * Commands. The rules are kept as steps over a base of all or no commands ("+@all", "-@all"), in the order in which
 * they came, without those that others make void. From them follows the set of allowed commands, a bit each, and a bit
 * for each category, so that "+@list" means something also while no list command exists:
 *
 *     base | +@read | -keys | +select|0        ->  allowed: 0110...1 | 010...      (command ids, then categories)
 *
 * First arguments ("+select|0") count where the command's own bit is not set. */
#ifndef FLAGSTONE_SERVER_ACL_USER_H
#define FLAGSTONE_SERVER_ACL_USER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/command.h"
#include "server/password.h"
#include "server/text.h"

enum acl_flag {
    ACL_ON = 1,
    ACL_NOPASS = 2,
    ACL_ALLKEYS = 4,
    ACL_ALLCHANNELS = 8,
    ACL_SANITIZE = 16, /* of RESTORE's payloads: kept, since files name it */
    ACL_SKIP_SANITIZE = 32,
    ACL_UNLIMITED = 64, /* all commands, keys and channels: nothing needs to be looked at */
};

enum acl_access { ACL_READ = 1, ACL_WRITE = 2 };

enum { ACL_COMMAND_WORDS = 8 };

/* Of keys, with access; or of channels, without. */
struct acl_pattern {
    char *text; /* terminated */
    size_t len;
    unsigned access;
};

enum acl_step_kind { ACL_STEP_CATEGORY, ACL_STEP_COMMAND, ACL_STEP_FIRST_ARG };

struct acl_step {
    enum acl_step_kind kind;
    bool allow;
    bool live;   /* a first argument that counts */
    uint16_t id; /* of the command; the category's bit number */
    char *arg;   /* the first argument */
};

struct acl_user {
    _Atomic uint32_t refs;
    unsigned flags;        /* enum acl_flag */
    uint32_t life;         /* the registry's: copies have the same, a user of the same name who is another has not */
    char *name;            /* terminated */
    bool all_channels_new; /* acl-pubsub-default when it was made: what `reset` sets channels to */
    bool base;             /* of commands: all */
    uint32_t npasswords, nkeys, nchannels, nsteps;
    struct password *passwords;
    struct acl_pattern *keys, *channels;
    struct acl_step *steps;
    uint64_t allowed[ACL_COMMAND_WORDS];
};

/* Off, without passwords, commands and keys. NULL: memory is short. */
struct acl_user *acl_user_new(const char *name, size_t n, bool all_channels);
/* One that may be changed. NULL: memory is short. */
struct acl_user *acl_user_copy(const struct acl_user *u);
struct acl_user *acl_user_ref(struct acl_user *u); /* returns u */
void acl_user_unref(struct acl_user *u);           /* NULL is allowed */

enum acl_error {
    ACL_FINE,
    ACL_SYNTAX,
    ACL_UNKNOWN_COMMAND,
    ACL_KEY_AFTER_ALL,
    ACL_CHANNEL_AFTER_ALL,
    ACL_NO_SUCH_PASSWORD,
    ACL_BAD_HASH,
    ACL_FIRST_ARG_OF_SUB,
    ACL_SELECTOR,
    ACL_NO_MEMORY,
};

/* In Redis's words, where Redis has the error. */
const char *acl_error_text(enum acl_error e);

/* Applies one rule ("on", ">password", "~key", "+@read" ...). Unless fine, the user is as before. */
enum acl_error acl_user_apply(struct acl_user *u, const char *rule, size_t n);

/* Leaves out steps that say nothing and works out what follows from the rest; to be called before others see it. */
void acl_user_finish(struct acl_user *u);

/* False: spaces or zero bytes, which no list of rules could carry. */
bool acl_name_valid(const char *name, size_t n);

/* Texts as ACL GETUSER has them. */
void acl_describe_commands(const struct acl_user *u, struct text *t);
void acl_describe_keys(const struct acl_user *u, struct text *t);
void acl_describe_channels(const struct acl_user *u, struct text *t);
/* The names of flags that are set, in order: *at begins at 0; NULL: there are no more. */
const char *acl_next_flag(const struct acl_user *u, int *at);
/* "user NAME on #hash ~keys &channels +commands": a line of ACL LIST and of files, without line break. */
void acl_describe(const struct acl_user *u, struct text *t);

/* ---- what a user may do (acl_check.c) ---- */

enum acl_verdict { ACL_ALLOWED, ACL_NO_COMMAND, ACL_NO_KEY, ACL_NO_CHANNEL, ACL_NO_AUTH };

/* May the user run this, with these arguments? Where not because of an argument, *at is which. */
enum acl_verdict acl_check(const struct acl_user *u, const struct command *cmd, const struct arg *argv, int argc,
                           int *at);

/* May it read every key? SORT's BY and GET ask for that. */
bool acl_reads_all(const struct acl_user *u);

/* May it listen to this channel (or, `pattern`, to exactly this pattern)? */
bool acl_check_channel(const struct acl_user *u, const char *name, size_t n, bool pattern);

#endif
