/* Shared by conf_file.c and conf_file_rewrite.c. */
#ifndef FLAGSTONE_SERVER_CONF_FILE_PRIVATE_H
#define FLAGSTONE_SERVER_CONF_FILE_PRIVATE_H

#include "server/conf_file.h"

#include <sys/stat.h>

/* Reads a whole file, "-" for standard input, to a malloc'd text. Returns 0 or an errno value (EFBIG: over
 * CONF_FILE_MAX). *st is filled in. */
int conf_read(const char *path, char **text, size_t *len, struct stat *st);

/* Replaces the file by a new one with this text, synced and renamed. Returns 0 or an errno value; then nothing has
 * changed. `st` is the old file's, whose mode and owner stay; NULL without one. */
int conf_replace(const char *path, const char *text, size_t len, const struct stat *st);

/* Sets one option of the command line: its name, without dashes, and its values. Errors as conf_load. */
struct options;
bool conf_load_words(struct options *o, char *const *words, int n, char err[CONF_ERROR_CHARS]);

/* Visits the lines of a text: gives the line without its end in [*line, *line + *len) and moves *at behind it. False
 * at the end. */
bool conf_next_line(const char *text, size_t size, size_t *at, const char **line, size_t *len);

#endif
