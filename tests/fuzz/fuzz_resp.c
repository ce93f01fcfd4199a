/* Fuzzes the request parser: the same bytes, at once and in pieces, with large arguments apart and not, are the same
 * commands and end in the same error. What is read beyond the bytes, the sanitizer sees (feed.h).
 *
 * Input: a byte of limits, a byte that seeds the pieces, then the client's bytes. */
#include <stdint.h>
#include <stdio.h>

#include "tests/unit/protocol/feed.h"

enum { BULK_MAX = 100 * 1000, PREFIX = 2 };

static uint32_t next_piece(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    uint32_t r = *seed >> 16;
    return r % 5 ? 1 + r % 7 : 1 + r % 300;
}

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fuzz_resp: %s\n", what);
    abort();
}

/* The same commands, whether an argument was large (~) or not (:). */
static void require_same(const struct feed *a, const struct feed *b, bool same_threshold)
{
    require(a->commands == b->commands, "the number of commands differs");
    require(a->stopped == b->stopped, "one ended, the other did not");
    require(strcmp(a->error, b->error) == 0, "the errors differ");
    require(a->out_len == b->out_len, "the arguments differ in length");
    if (same_threshold) {
        require(a->bigs == b->bigs, "the number of large arguments differs");
        require(a->out_len == 0 || memcmp(a->out, b->out, a->out_len) == 0, "the arguments differ");
    }
    for (size_t i = 0; i < a->out_len; i++) {
        char x = a->out[i], y = b->out[i];
        require(x == y || (x == ':' && y == '~') || (x == '~' && y == ':'), "the arguments differ");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed whole, pieces, plain;
    if (size < PREFIX)
        return 0;
    const char *bytes = (const char *)data + PREFIX;
    size_t n = size - PREFIX;
    bool unauthenticated = data[0] & 1;
    size_t big_threshold = data[0] & 2 ? 1 + (data[0] >> 2) : SIZE_MAX;
    uint32_t seed = data[1];

    feed_init(&whole, BULK_MAX, big_threshold, unauthenticated);
    feed_bytes(&whole, bytes, n);
    feed_init(&pieces, BULK_MAX, big_threshold, unauthenticated);
    for (size_t at = 0, piece; at < n; at += piece) {
        piece = next_piece(&seed);
        piece = piece < n - at ? piece : n - at;
        feed_bytes(&pieces, bytes + at, piece);
    }
    require_same(&whole, &pieces, true);
    require(whole.stopped || whole.len == pieces.len, "what is left differs");
    feed_init(&plain, BULK_MAX, SIZE_MAX, unauthenticated);
    feed_bytes(&plain, bytes, n);
    require_same(&whole, &plain, false);
    feed_free(&whole);
    feed_free(&pieces);
    feed_free(&plain);
    return 0;
}
