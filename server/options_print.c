/* The option table for people: a configuration file with everything in it, and the list of --help. */
#include "server/options_table.h"

#include <stdlib.h>
#include <string.h>

enum { PRINT_COLUMNS = 110 };

/* Writes words in lines that begin with `lead` and end before the last column. */
static void print_wrapped(FILE *to, const char *lead, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > 0 && column + 1 + n > PRINT_COLUMNS) {
            fputc('\n', to);
            column = 0;
        }
        if (column == 0)
            column += (size_t)fprintf(to, "%s", lead);
        else
            column += (size_t)fprintf(to, " ");
        column += (size_t)fprintf(to, "%.*s", (int)n, text);
        text += n;
        text += strspn(text, " ");
    }
    fputc('\n', to);
}

static void print_facts(FILE *to, const struct option *d)
{
    char range[OPTIONS_ERROR_CHARS];
    char facts[2 * OPTIONS_ERROR_CHARS];
    option_describe(d, range, sizeof range);
    snprintf(facts, sizeof facts, "Takes %s. Default: %s.%s%s%s %s", range, d->standard, d->unit ? " Unit: " : "",
             d->unit ? d->unit : "", d->unit ? "." : "",
             d->type == OPTION_FIXED     ? ""
             : option_refusal(d) == NULL ? "CONFIG SET may change it."
                                         : "Set at start only.");
    print_wrapped(to, "# ", facts);
}

/* client-output-buffer-limit is easier to read with a line for each class. */
static void print_standard(FILE *to, const struct option *d)
{
    const char *p = d->standard;
    if (d->type != OPTION_LIMITS) {
        fprintf(to, "%s %s\n", d->name, p);
        return;
    }
    while (*p) {
        size_t n = 0;
        for (int words = 0; words < 4; words++) {
            n += strcspn(p + n, " ");
            n += p[n] == ' ';
        }
        size_t shown = p[n - 1] == ' ' ? n - 1 : n;
        fprintf(to, "%s %.*s\n", d->name, (int)shown, p);
        p += n;
    }
}

void options_print_conf(FILE *to)
{
    fputs("# Flagstone's configuration: every option with its default. Printed by flagstone-server --print-conf.\n"
          "#\n"
          "# One option a line: its name, then its value or values. Words with spaces are quoted, \"like this\\n\" or\n"
          "# 'like this'. Bytes take units: 1k is 1000, 1kb 1024, and so m, mb, g, gb. Later lines replace earlier\n"
          "# ones.\n"
          "# include /path/to/*.conf reads other files in its place.\n",
          to);
    for (int g = 0; g < GROUP_COUNT; g++) {
        fprintf(to, "\n################ %s ################\n", option_group_names[g]);
        for (int i = 0; i < option_table_length; i++) {
            const struct option *d = &option_table[i];
            if ((int)d->group != g)
                continue;
            fputc('\n', to);
            print_wrapped(to, "# ", d->help);
            print_facts(to, d);
            print_standard(to, d);
        }
    }
}

/* The default as --help has room for. */
static const char *short_standard(const struct option *d)
{
    return strcmp(d->standard, "\"\"") == 0 ? "-" : d->type == OPTION_LIMITS ? "..." : d->standard;
}

void options_print_help(FILE *to)
{
    for (int i = 0; i < option_table_length; i++) {
        const struct option *d = &option_table[i];
        size_t first = strcspn(d->help, ".:;");
        fprintf(to, "%c --%-33s %-15s %.*s\n", option_refusal(d) ? ' ' : '*', d->name, short_standard(d), (int)first,
                d->help);
    }
}
