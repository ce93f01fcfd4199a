/* Users at rest: `user` lines of the configuration, or a file of them (aclfile). */
#ifndef FLAGSTONE_SERVER_ACL_FILE_H
#define FLAGSTONE_SERVER_ACL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/acl_user.h"
#include "server/options.h"
#include "server/text.h"

struct server;

/* At start, with srv->acl made and the options resolved: the users that the configuration asks for, requirepass
 * included. False: `errors` says where and why. */
bool acl_load_configured(struct server *s, struct text *errors);

/* ACL LOAD: replaces all users by those of the file, or leaves all as they are and says in `errors` where and why. */
bool acl_load_file(struct server *s, struct text *errors);

/* ACL SAVE: writes all users to the file, which is replaced as a whole (a new one, synced, renamed) or not at all.
 * Returns 0 or an errno value. */
int acl_save_file(struct server *s);

/* For options->user_hooks, to be set before the configuration is read. */
extern const struct user_hooks acl_user_hooks;

#endif
