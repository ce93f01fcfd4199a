/* Feeds the rules of users, a rule a line. What is refused must be explained and change nothing; what is accepted must
 * be described so that the same user comes of the description. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/acl_user.h"
#include "slab/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *described(struct acl_user *u)
{
    struct text t = {0};
    acl_describe(u, &t);
    REQUIRE(!t.failed);
    return t.p;
}

static void apply(struct acl_user *u, const char *rule, size_t n)
{
    char *before = described(u);
    enum acl_error e = acl_user_apply(u, rule, n);
    if (e != ACL_FINE) {
        char *after = described(u);
        REQUIRE(strcmp(before, after) == 0 && strlen(acl_error_text(e)) > 0);
        free(after);
    }
    free(before);
}

/* Makes the user again of its description, "user u RULES". */
static void check_twin(struct acl_user *u)
{
    char *text = described(u), *state = NULL;
    char *copy = strdup(text);
    struct acl_user *twin = acl_user_new("u", 1, false);
    REQUIRE(copy && twin);
    int n = 0;
    for (char *w = strtok_r(copy, " ", &state); w != NULL; w = strtok_r(NULL, " ", &state))
        REQUIRE(n++ < 2 || acl_user_apply(twin, w, strlen(w)) == ACL_FINE);
    acl_user_finish(twin);
    char *again = described(twin);
    REQUIRE(strcmp(text, again) == 0);
    REQUIRE(memcmp(u->allowed, twin->allowed, sizeof u->allowed) == 0 && u->flags == twin->flags);
    free(again);
    free(copy);
    free(text);
    acl_user_unref(twin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acl_user *u = acl_user_new("u", 1, size % 2 != 0);
    REQUIRE(u);
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t n = end != NULL ? (size_t)(end - data) - at : size - at;
        apply(u, (const char *)data + at, n);
        at += n + 1;
    }
    acl_user_finish(u);
    check_twin(u);
    acl_user_unref(u);
    return 0;
}
