/* Feeds the configuration parser. What it accepts must be written and read back as the same options; what it
 * refuses must be explained. Includes are off: the input must not choose which files are opened. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf_file.h"
#include "server/options_apply.h"
#include "server/options_private.h"
#include "slab/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Never called: nothing is changed here while a server runs. */
int listener_rebind(struct server *srv, char *err, size_t size)
{
    (void)srv, (void)err, (void)size;
    return -1;
}

void memory_limit_changed(struct server *srv)
{
    (void)srv;
}

bool maxclients_changed(struct server *srv, char *err, size_t size)
{
    (void)srv, (void)err, (void)size;
    return false;
}

/* All options as a configuration file. */
static char *write_all(struct options *o, size_t *len)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, len);
    REQUIRE(f);
    for (int i = 0; i < options_count(); i++) {
        struct option_content c;
        REQUIRE(content_read(o, options_at(i), &c));
        char *lines = content_lines(options_at(i), &c);
        REQUIRE(lines);
        fprintf(f, "%s\n", lines);
        free(lines);
        content_free(&c);
    }
    REQUIRE(fclose(f) == 0);
    return text;
}

static void check_equal(struct options *a, struct options *b)
{
    for (int i = 0; i < options_count(); i++) {
        char *va = option_value(a, options_at(i));
        char *vb = option_value(b, options_at(i));
        REQUIRE(va && vb && strcmp(va, vb) == 0);
        free(va);
        free(vb);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char err[CONF_ERROR_CHARS] = "";
    struct options *o = options_new();
    REQUIRE(o);
    if (conf_load_text(o, "input", (const char *)data, size, false, err)) {
        size_t len;
        char *text = write_all(o, &len);
        struct options *again = options_new();
        REQUIRE(again && conf_load_text(again, "written", text, len, false, err));
        check_equal(o, again);
        options_free(again);
        free(text);
    } else {
        REQUIRE(strlen(err) > 0 && strlen(err) < sizeof err);
    }
    options_free(o);
    return 0;
}
