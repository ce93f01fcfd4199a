/* The process as its surroundings see it: daemon, pid file, supervisor. */
#ifndef FLAGSTONE_SERVER_PROCESS_H
#define FLAGSTONE_SERVER_PROCESS_H

#include <stdbool.h>

struct options;

/* daemonize: goes on in the background, detached from the terminal; the caller's process exits with 0. Before any
 * thread is started. False: fork failed (logged). No-op where the option is no, or a supervisor watches. */
bool process_daemonize(struct options *o);

/* pidfile, or /var/run/flagstone.pid in the background: writes it (a failure is logged and harmless), and removes
 * it. */
void process_write_pid(struct options *o);
void process_remove_pid(struct options *o);

/* supervised: tells systemd (READY=1, STOPPING=1, through libsystemd) or upstart (SIGSTOP) where one watches. What
 * fails is logged. The main thread. */
void process_ready(struct options *o);
void process_stopping(struct options *o);

/* Gives back the memory of those parts of the program and its libraries that only starting needed: what is used is
 * mapped again as it is used. Without /proc nothing goes. Once, when everything is up. */
void process_drop_start(void);

#endif
