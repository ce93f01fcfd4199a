/* What must be done when an option changes at run time, beside the change of its field.
 *
 * options_change calls these after all fields of one CONFIG SET hold their new values and before it answers; if one
 * fails, the fields are put back and those already called are called again. Held: `change` alone, so they may read
 * options and take locks. At start-up they are not called: whoever sets a thing up reads its options then. */
#ifndef FLAGSTONE_SERVER_OPTIONS_APPLY_H
#define FLAGSTONE_SERVER_OPTIONS_APPLY_H

#include <stdbool.h>
#include <stddef.h>

struct server;
struct options;

/* ---- implemented elsewhere ---- */

/* Listens anew at bind, port and tcp-backlog as they are now; on failure everything is as before, `err` says why,
 * and it returns -1. Otherwise 0. (listener) */
int listener_rebind(struct server *srv, char *err, size_t size);

/* maxmemory, its policy, or the reserves changed: the memory thread is woken. Never waits. (memory thread) */
void memory_limit_changed(struct server *srv);

/* maxclients grew or shrank: makes the limit on open files fit; false with `err` where the system refuses.
 * (listener) */
bool maxclients_changed(struct server *srv, char *err, size_t size);

/* ---- implemented in options_apply.c; also called once at start-up ---- */

/* loglevel and logfile: opens the log. false with `err` where it cannot be. Also right for SIGHUP. */
bool options_apply_log(struct options *o, char *err, size_t size);

/* oom-score-adj and its values, by /proc/self/oom_score_adj. */
bool options_apply_oom(struct options *o, char *err, size_t size);

/* disable-thp, by prctl; a kernel that knows no such thing is not an error. */
bool options_apply_thp(struct options *o, char *err, size_t size);

/* dir, by chdir. */
bool options_apply_dir(struct options *o, char *err, size_t size);

#endif
