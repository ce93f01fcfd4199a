/* ACL LOG: the last things that were denied, newest first. Equal ones that come again within a minute are counted in
 * one entry. One lock (LOCK_STATS), taken when something was denied and by ACL LOG, never by other commands. */
#ifndef FLAGSTONE_SERVER_ACL_LOG_H
#define FLAGSTONE_SERVER_ACL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reply.h"
#include "server/acl_user.h"

struct acl_log;

/* What was denied to whom. Texts are copied; what is longer than ACL_LOG_TEXT_MAX bytes is cut off. */
struct acl_denied {
    enum acl_verdict why;
    bool in_multi;
    const char *object; /* the command's name, key or channel; AUTH or HELLO */
    size_t object_len;
    const char *user;
    size_t user_len;
    const char *client; /* as CLIENT INFO has it */
    size_t client_len;
    int64_t now_ms; /* Unix time */
};

enum { ACL_LOG_TEXT_MAX = 4096 };

/* NULL: memory is short. */
struct acl_log *acl_log_new(void);
void acl_log_free(struct acl_log *l); /* NULL is allowed */

/* max_len: entries kept, oldest go first. */
void acl_log_add(struct acl_log *l, const struct acl_denied *d, size_t max_len);
void acl_log_reset(struct acl_log *l);

/* An array of the `count` newest. */
void acl_log_reply(struct acl_log *l, struct reply *out, size_t count, int64_t now_ms);

#endif
