/* MONITOR. */
#include "server/handlers.h"
#include "server/monitor.h"

enum cmd_status cmd_monitor(struct cmd_ctx *c)
{
    monitor_add(c->conn);
    reply_ok(c->out);
    return CMD_DONE;
}
