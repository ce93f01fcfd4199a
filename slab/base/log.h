/* The log: one line an event, Redis's format `pid:role date level text`, to standard output or a file. */
#ifndef FLAGSTONE_SLAB_BASE_LOG_H
#define FLAGSTONE_SLAB_BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_VERBOSE, LOG_NOTICE, LOG_WARNING, LOG_NOTHING };

/* Opens `path` for appending ("" is standard output) and sets the least level that is written.
 * Returns 0, or an errno value; then the log goes on where it went before. Called before threads start and
 * again at SIGHUP. A full disk loses lines, never the server. */
int log_open(const char *path, enum log_level least);
void log_set_level(enum log_level least);
void log_close(void);

/* Writes one line, formatted as printf does. Thread-safe. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
