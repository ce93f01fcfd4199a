/* Values as plain memory: the simplest store there can be. */
#include "tests/stress/model.h"

#include <stdlib.h>
#include <string.h>

/* xorshift64* */
uint64_t model_random(struct model *m)
{
    m->random ^= m->random >> 12;
    m->random ^= m->random << 25;
    m->random ^= m->random >> 27;
    return (m->random * UINT64_C(2685821657736338717)) >> 16;
}

void model_forget(struct model_value *v)
{
    free(v->p);
    *v = (struct model_value){0};
}

void model_set(struct model_value *v, const char *p, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy)
        abort();
    memcpy(copy, p, len);
    model_forget(v);
    v->p = copy;
    v->len = len;
}

void model_write(struct model_value *v, size_t at, const char *p, size_t n)
{
    if (at + n > v->len) {
        v->p = realloc(v->p, at + n + 1);
        if (!v->p)
            abort();
        memset(v->p + v->len, 0, at + n - v->len);
        v->len = at + n;
    }
    memcpy(v->p + at, p, n);
}

void model_free(struct model *m)
{
    for (int i = 0; i < MODEL_KEYS; i++)
        model_forget(&m->values[i]);
}

int model_count(const struct model *m)
{
    int n = 0;
    for (int i = 0; i < MODEL_KEYS; i++)
        n += m->values[i].p != NULL;
    return n;
}
