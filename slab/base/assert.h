/* Assertions. ASSERT is for debug builds (FLAGSTONE_DEBUG); REQUIRE holds in every build: what it names would
 * corrupt data if it were let through. Both print file, line and the condition, then abort. */
#ifndef FLAGSTONE_SLAB_BASE_ASSERT_H
#define FLAGSTONE_SLAB_BASE_ASSERT_H

_Noreturn void assert_failed(const char *file, int line, const char *what);

#define REQUIRE(x) ((x) ? (void)0 : assert_failed(__FILE__, __LINE__, #x))
#ifdef FLAGSTONE_DEBUG
#define ASSERT(x) REQUIRE(x)
#else
#define ASSERT(x) ((void)sizeof(!(x)))
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif
