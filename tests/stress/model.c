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

size_t model_random_size(struct model *m)
{
    uint64_t r = model_random(m);
    switch (r % 16) {
    case 0:
        return 0;
    case 1:
    case 2:
    case 3:
        return (r >> 8) % 5000;
    case 4:
        return (r >> 8) % 40000;
    case 5:
        return (r >> 32) % 4 ? (r >> 8) % 10000 : (r >> 8) % 400000;
    default:
        return (r >> 8) % 200;
    }
}

char *model_random_bytes(struct model *m, size_t n)
{
    char *p = malloc(n + 8);
    if (!p)
        abort();
    for (size_t i = 0; i < n; i += 8) {
        uint64_t r = model_random(m) * UINT64_C(0x9e3779b97f4a7c15);
        memcpy(p + i, &r, 8);
    }
    return p;
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
