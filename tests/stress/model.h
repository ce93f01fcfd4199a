/* A model of what one client has stored, and what the server must therefore reply. */
#ifndef FLAGSTONE_TESTS_STRESS_MODEL_H
#define FLAGSTONE_TESTS_STRESS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_KEYS = 2000 };

struct model_value {
    char *p; /* NULL: not there */
    size_t len;
    bool dying;    /* has a short time to live: may be gone at any moment */
    bool lasts;    /* has a long time to live */
    double dead_s; /* dying: from this time on (clock of the client) it must be gone */
};

struct model {
    struct model_value values[MODEL_KEYS];
    uint64_t random;
    bool evicting; /* the server may forget any key */
};

uint64_t model_random(struct model *m);
/* The length of a value: mostly short, now and then long. */
size_t model_random_size(struct model *m);
/* n random bytes, to be freed by the caller. */
char *model_random_bytes(struct model *m, size_t n);
void model_set(struct model_value *v, const char *p, size_t len);
void model_forget(struct model_value *v);
/* Makes it at least at + n long (zeros) and writes there. */
void model_write(struct model_value *v, size_t at, const char *p, size_t n);
void model_free(struct model *m);
int model_count(const struct model *m);

#endif
