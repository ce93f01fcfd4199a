/* Where options come from at start: the command line, configuration files and standard input; and writing a file back.
 *
 * Syntax: one option a line, its name and its words with Redis's quoting (conf_words.h); lines that begin with # and
 * empty ones are skipped; `include pattern` reads other files in its place. Later settings replace earlier ones. */
#ifndef FLAGSTONE_SERVER_CONF_FILE_H
#define FLAGSTONE_SERVER_CONF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct options;

enum {
    CONF_ERROR_CHARS = 2048,
    CONF_LINE_MAX = 64 * 1024,        /* bytes of one line */
    CONF_FILE_MAX = 16 * 1024 * 1024, /* bytes of one file */
    CONF_INCLUDE_DEPTH = 16,
    CONF_FILES_MAX = 1024, /* files that one configuration may read, a file counted as often as it is read */
};

/* Reads a file into the options. False: it is at fault, and `err` tells all of it, several lines, for people; options
 * that stand before the fault are set then. */
bool conf_load(struct options *o, const char *path, char err[CONF_ERROR_CHARS]);

/* The same for bytes at hand. `name` is what errors call them; without `includes`, include is refused. */
bool conf_load_text(struct options *o, const char *name, const char *text, size_t len, bool includes,
                    char err[CONF_ERROR_CHARS]);

enum conf_action {
    CONF_SERVE, /* go on and serve */
    CONF_EXIT,  /* all that was asked for is done (--help, --version, --print-conf, --check-conf): exit with 0 */
    CONF_PRINT_COMMANDS, /* the caller, who knows them, is asked to print the list of commands and to exit with 0 */
    CONF_FAILED,         /* said why on `err`: exit with 1 */
};

/* Reads a whole command line: [file] [-] [--option value ...]. *path becomes the absolute path of the file,
 * malloc'd, or NULL without one. Options are not resolved and nothing is applied. */
enum conf_action conf_command_line(struct options *o, int argc, char **argv, char **path, FILE *out, FILE *err);

/* Writes the options to the file at `path` (absolute): lines of options that changed are replaced where they stand,
 * new ones follow at the end, all else stays byte for byte. The file is replaced as a whole (a new one, synced,
 * renamed), or not at all. `users`: lines that give the users there are (user_hooks), NULL: `user` lines are left
 * alone. False: `err` says why, one line. The caller holds no lock; takes `change`. */
bool conf_rewrite(struct options *o, const char *path, const char *users, char *err, size_t size);

#endif
