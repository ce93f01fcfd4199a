/* See kept.h. */
#include "server/kept.h"

#include <stdlib.h>
#include <string.h>

#include "server/big.h"
#include "server/conn_private.h"

struct kept *kept_new(const struct command *cmd, struct arg *argv, int argc)
{
    size_t bytes = sizeof(struct kept) + (size_t)argc * sizeof *argv, at = bytes;
    for (int i = 0; i < argc; i++)
        bytes += argv[i].big == NULL ? argv[i].len : 0;
    struct kept *k = malloc(bytes);
    if (k == NULL)
        return NULL;
    *k = (struct kept){.cmd = cmd, .bytes = bytes, .argc = argc};
    for (int i = 0; i < argc; i++) {
        k->argv[i] = argv[i];
        k->has_big = k->has_big || argv[i].big != NULL;
        if (argv[i].big == NULL) {
            k->argv[i].p = (char *)k + at;
            memcpy((char *)k + at, argv[i].p, argv[i].len);
            at += argv[i].len;
        }
        argv[i].big = NULL;
    }
    return k;
}

void kept_free(struct worker *w, struct kept *k)
{
    for (int i = 0; i < k->argc; i++) {
        if (k->argv[i].big != NULL)
            conn_drop_big(w, k->argv[i].big);
    }
    free(k);
}

size_t kept_memory(const struct kept *k, size_t *large)
{
    size_t sum = 0;
    for (int i = 0; k->has_big && i < k->argc; i++) {
        if (k->argv[i].big != NULL && k->argv[i].big != CONN_NO_MEMORY)
            sum += big_memory(k->argv[i].big);
    }
    *large += sum;
    return k->bytes + sum;
}
