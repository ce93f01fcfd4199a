/* See assert.h. */
#include "slab/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "flagstone: %s:%d: assertion failed: %s\n", file, line, what);
    abort();
}
