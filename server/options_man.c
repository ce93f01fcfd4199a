/* The manual page flagstone-server(1), in mdoc(7): what stands before and behind the options is text, the options come
 * from the table, so the page says of them what the program does. */
#include "server/options_table.h"

#include <string.h>

#include "server/version.h"

static const char before_options[] =
    ".Dt FLAGSTONE-SERVER 1\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm flagstone-server\n"
    ".Nd memory-aware key-value cache server that speaks the Redis protocol\n"
    ".Sh SYNOPSIS\n"
    ".Nm flagstone-server\n"
    ".Op Ar file\n"
    ".Op Fl\n"
    ".Op Fl Fl Ns Ar option Ar value ...\n"
    ".Nm flagstone-server\n"
    ".Fl Fl check\\-conf\n"
    ".Op Ar file\n"
    ".Op Fl Fl Ns Ar option Ar value ...\n"
    ".Nm flagstone-server\n"
    ".Fl Fl help | Fl Fl version | Fl Fl print\\-conf | Fl Fl print\\-commands | Fl Fl print\\-man\n"
    ".Sh DESCRIPTION\n"
    ".Nm\n"
    "keeps strings, counters and bitmaps in memory and serves them to Redis clients.\n"
    "Its\n"
    ".Cm maxmemory\n"
    "limits the resident memory of the whole process, as the operating system\n"
    "sees it.\n"
    "Nothing is kept on disk.\n"
    ".Pp\n"
    "The configuration is read from\n"
    ".Ar file ,\n"
    "then from standard input where\n"
    ".Sq \\-\n"
    "is given, then from the command line; what comes later replaces what came\n"
    "before.\n"
    "In a file an option stands without its two dashes, one a line, and\n"
    ".Cm include Ar pattern\n"
    "reads other files in its place.\n"
    "Bytes take units: 1k is 1000, 1kb is 1024, and so m, mb, g, gb.\n"
    "What is wrong stops the start, with file, line, option and what is allowed.\n"
    ".Bl -tag -width Ds\n"
    ".It Fl Fl check\\-conf\n"
    "Read the configuration, say whether it is right, and exit.\n"
    ".It Fl Fl print\\-conf\n"
    "Print a configuration file with every option, its default and help.\n"
    ".It Fl Fl print\\-commands\n"
    "Print the list of commands, a Markdown table a group.\n"
    ".It Fl Fl print\\-man\n"
    "Print this page.\n"
    ".It Fl h , Fl Fl help\n"
    "Print a summary.\n"
    ".It Fl v , Fl Fl version\n"
    "Print the version.\n"
    ".El\n";

static const char behind_options[] =
    ".Sh SIGNALS\n"
    ".Bl -tag -width Ds\n"
    ".It Dv SIGTERM , SIGINT\n"
    "End the server: nobody is accepted or read any more, and clients may take\n"
    "the replies that they are owed, for\n"
    ".Cm shutdown\\-timeout\n"
    "seconds at most.\n"
    "A second one ends it at once, with status 1.\n"
    ".It Dv SIGHUP\n"
    "Open\n"
    ".Cm logfile\n"
    "anew, after it was rotated.\n"
    "Where that fails the log goes on in the old file, and says why.\n"
    ".El\n"
    ".Sh ENVIRONMENT\n"
    ".Bl -tag -width Ds\n"
    ".It Ev NOTIFY_SOCKET\n"
    "Where systemd is told that the server is ready, and that it ends; see\n"
    ".Cm supervised .\n"
    ".El\n"
    ".Sh FILES\n"
    ".Bl -tag -width Ds\n"
    ".It Pa /etc/flagstone/flagstone.conf\n"
    "The configuration that the service\n"
    ".Pa flagstone.service\n"
    "reads.\n"
    ".El\n"
    ".Sh EXIT STATUS\n"
    "0 after an end in good order, 1 where the configuration is wrong or the\n"
    "start fails.\n"
    ".Sh EXAMPLES\n"
    ".Dl flagstone-server \\-\\-maxmemory 4gb\n"
    ".Dl flagstone-server /etc/flagstone/flagstone.conf \\-\\-port 7000 \\-\\-bind 127.0.0.1 \\-::1\n"
    ".Dl echo \\(aqmaxmemory 80%\\(aq | flagstone-server \\-\n"
    ".Sh SEE ALSO\n"
    ".Xr redis-cli 1 ,\n"
    ".Xr systemd.service 5 ,\n"
    ".Xr logrotate 8\n";

enum { MAN_COLUMNS = 78, MAN_TEXT = 2 * OPTIONS_ERROR_CHARS };

/* One character of literal text: nothing in it is an escape, and a dash is one that can be copied. */
static const char *literal(char c)
{
    return c == '\\' ? "\\e" : c == '-' ? "\\-" : c == '\'' ? "\\(aq" : c == '"' ? "\\(dq" : NULL;
}

static size_t literal_length(const char *text, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += literal(text[i]) == NULL ? 1 : strlen(literal(text[i]));
    return sum;
}

static void print_literal(FILE *to, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (literal(text[i]) == NULL)
            fputc(text[i], to);
        else
            fputs(literal(text[i]), to);
    }
}

/* Text in lines of MAN_COLUMNS at most; a sentence begins on a line of its own, as mdoc wants it. */
static void print_text(FILE *to, const char *text)
{
    size_t column = 0;
    bool ended = false;
    while (*text != '\0') {
        size_t n = strcspn(text, " "), shown = literal_length(text, n);
        if (column > 0 && (ended || column + 1 + shown > MAN_COLUMNS)) {
            fputc('\n', to);
            column = 0;
        }
        if (column > 0)
            fputc(' ', to);
        else if (text[0] == '.')
            fputs("\\&", to); /* no request */
        print_literal(to, text, n);
        column += 1 + shown;
        ended = n > 0 && text[n - 1] == '.';
        text += n;
        text += strspn(text, " ");
    }
    fputc('\n', to);
}

static void print_option(FILE *to, const struct option *d)
{
    char range[OPTIONS_ERROR_CHARS], facts[MAN_TEXT];
    const char *open = d->unit == NULL ? "" : " (", *unit = d->unit == NULL ? "" : d->unit;
    const char *close = d->unit == NULL ? "" : ")";
    option_describe(d, range, sizeof range);
    fputs(".It Cm ", to);
    print_literal(to, d->name, strlen(d->name));
    fputc('\n', to);
    print_text(to, d->help);
    snprintf(facts, sizeof facts, "Takes %s. Default: %s%s%s%s.%s", range, d->standard, open, unit, close,
             d->type != OPTION_FIXED && option_refusal(d) != NULL ? " Set at start only." : "");
    print_text(to, facts);
}

void options_print_man(FILE *to)
{
    fprintf(to, ".\\\" Printed by flagstone-server --print-man.\n.Dd %s\n", FLAGSTONE_VERSION_DATE);
    fputs(before_options, to);
    fputs(".Sh OPTIONS\n"
          "Unless said otherwise an option may be changed while the server runs, by\n"
          ".Ic CONFIG SET ;\n"
          ".Ic CONFIG REWRITE\n"
          "writes such changes to the file.\n",
          to);
    for (int g = 0; g < GROUP_COUNT; g++) {
        fprintf(to, ".Ss %s\n.Bl -tag -width Ds\n", option_group_names[g]);
        for (int i = 0; i < option_table_length; i++) {
            if ((int)option_table[i].group == g)
                print_option(to, &option_table[i]);
        }
        fputs(".El\n", to);
    }
    fputs(behind_options, to);
}
