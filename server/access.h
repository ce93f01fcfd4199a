/* Access, asked by dispatch and AUTH: what is denied is counted (INFO) and kept (ACL LOG). */
#ifndef FLAGSTONE_SERVER_ACCESS_H
#define FLAGSTONE_SERVER_ACCESS_H

#include "server/acl_user.h"
#include "server/command.h"

/* May the connection's user run this now? Only worth asking for a connection with CONN_LIMITED. */
enum acl_verdict access_check(struct cmd_ctx *c, const struct command *cmd, const struct arg *argv, int argc);

/* The error for a command that is denied: Redis's NOPERM ones. `text` has room for ACCESS_TEXT_CHARS. */
enum { ACCESS_TEXT_CHARS = 160 };
const char *access_text(enum acl_verdict v, const struct command *cmd, char text[ACCESS_TEXT_CHARS]);
/* The same for what EXEC finds denied. */
const char *access_text_exec(enum acl_verdict v);

/* Tries to authenticate the connection; false: it stays who it was. Bytes of name and password are in one piece. */
bool access_authenticate(struct cmd_ctx *c, const char *name, size_t n, const char *password, size_t len);

#endif
