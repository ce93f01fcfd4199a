/* The command line, as Redis has it: a file first, "-" for standard input after it, then options as --name value ...,
 * which are set after the files. A word that begins with -- is a value where the option before it has none yet and the
 * word names no option, so that a password may begin with dashes. */
#include "server/conf_file_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/options.h"
#include "server/text.h"
#include "server/version.h"

static bool is_option(const char *word)
{
    return strncmp(word, "--", 2) == 0;
}

static void print_usage(FILE *to)
{
    fputs("Usage: flagstone-server [/path/to/flagstone.conf] [-] [--option value ...]\n"
          "\n"
          "  -                read configuration from standard input, after the file\n"
          "  --option value   set an option, after the files; several values as several words\n"
          "  --check-conf     read the configuration, say whether it is right, and exit\n"
          "  --print-conf     print a configuration file with every option, its default and help, and exit\n"
          "  --print-man      print the manual page, mdoc(7), and exit\n"
          "  --print-commands print the list of commands, a Markdown table a group, and exit\n"
          "  -h, --help       print this and exit\n"
          "  -v, --version    print the version and exit\n"
          "\n"
          "Examples:\n"
          "  flagstone-server --maxmemory 4gb\n"
          "  flagstone-server /etc/flagstone/flagstone.conf --port 7000 --bind 127.0.0.1 -::1\n"
          "  echo 'maxmemory 80%' | flagstone-server -\n"
          "\n"
          "Options and their defaults ('*' may be changed by CONFIG SET):\n",
          to);
    options_print_help(to);
}

/* One option and its values from argv[i] on; *next is behind them. */
static bool load_option(struct options *o, int argc, char **argv, int i, int *next, char *err)
{
    int end = i + 1;
    while (end < argc) {
        const char *word = argv[end];
        bool named = is_option(word) && (word[2] == '\0' || options_find(word + 2, strlen(word + 2)) ||
                                         strcmp(word, "--check-conf") == 0 || strcmp(word, "--include") == 0);
        if (is_option(word) && (named || end > i + 1))
            break;
        end++;
    }
    *next = end;
    char **words = malloc((size_t)(end - i) * sizeof *words);
    if (!words) {
        snprintf(err, CONF_ERROR_CHARS, "out of memory\n");
        return false;
    }
    memcpy(words, argv + i, (size_t)(end - i) * sizeof *words);
    words[0] += 2;
    bool ok = conf_load_words(o, words, end - i, err);
    free(words);
    return ok;
}

static void no_option(const char *word, char *err)
{
    snprintf(err, CONF_ERROR_CHARS,
             "\n*** FATAL CONFIG FILE ERROR (Flagstone %s) ***\nReading the command line\n"
             ">>> '%.200s'\nAn option begins with --: flagstone-server --help\n",
             FLAGSTONE_VERSION, word);
}

/* The file and standard input, which stand before the options (a last "-" is taken too), from argv[*next] on; *next
 * then is the first option. */
static bool load_files(struct options *o, int *argc, char **argv, int *next, char **path, char *err)
{
    bool standard_input = false;
    int i = *next;
    if (i < *argc && argv[i][0] == '-' && argv[i][1] != '-' && argv[i][1] != '\0') {
        no_option(argv[i], err);
        return false;
    }
    if (i < *argc && !is_option(argv[i]) && strcmp(argv[i], "-") != 0) {
        if (!conf_load(o, argv[i], err))
            return false;
        *path = realpath(argv[i], NULL);
        i++;
    }
    if (i < *argc && strcmp(argv[i], "-") == 0) {
        standard_input = true;
        i++;
    } else if (*argc > i && strcmp(argv[*argc - 1], "-") == 0) {
        standard_input = true;
        (*argc)--;
    }
    *next = i;
    return !standard_input || conf_load(o, "-", err);
}

/* --help and its like, as the first word; CONF_SERVE: there is none. */
static enum conf_action print_only(int argc, char **argv, FILE *out)
{
    if (argc < 2)
        return CONF_SERVE;
    if (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "--version") == 0) {
        fprintf(out, "Flagstone server v=%s (as Redis %s) bits=%d\n", FLAGSTONE_VERSION, FLAGSTONE_REDIS_VERSION,
                (int)sizeof(long) * CHAR_BIT);
        return CONF_EXIT;
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        print_usage(out);
        return CONF_EXIT;
    }
    if (strcmp(argv[1], "--print-conf") == 0) {
        options_print_conf(out);
        return CONF_EXIT;
    }
    if (strcmp(argv[1], "--print-man") == 0) {
        options_print_man(out);
        return CONF_EXIT;
    }
    if (strcmp(argv[1], "--print-commands") == 0)
        return CONF_PRINT_COMMANDS;
    return CONF_SERVE;
}

/* The file of users is a part of the configuration that is read only when it is used. */
static bool check_users(struct options *o, FILE *err)
{
    struct text errors = {0};
    bool ok = o->user_hooks == NULL || o->user_hooks->check_file(o, &errors);
    if (!ok)
        fprintf(err, "%s\n", errors.p != NULL ? errors.p : "out of memory");
    text_free(&errors);
    return ok;
}

enum conf_action conf_command_line(struct options *o, int argc, char **argv, char **path, FILE *out, FILE *err)
{
    char text[CONF_ERROR_CHARS];
    bool check = argc > 1 && strcmp(argv[1], "--check-conf") == 0;
    int i = check ? 2 : 1;
    *path = NULL;
    enum conf_action only = print_only(argc, argv, out);
    if (only != CONF_SERVE)
        return only;
    bool ok = load_files(o, &argc, argv, &i, path, text);
    while (ok && i < argc) {
        if (strcmp(argv[i], "--check-conf") == 0) {
            check = true;
            i++;
        } else if (is_option(argv[i])) {
            ok = load_option(o, argc, argv, i, &i, text);
        } else {
            no_option(argv[i], text);
            ok = false;
        }
    }
    if (!ok) {
        fputs(text, err);
        free(*path);
        *path = NULL;
        return CONF_FAILED;
    }
    if (!check)
        return CONF_SERVE;
    if (!check_users(o, err)) {
        free(*path);
        *path = NULL;
        return CONF_FAILED;
    }
    fputs("The configuration is right.\n", out);
    return CONF_EXIT;
}
