/* What the kernel says is resident: touched pages alone, of a span or of all memory but some spans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "server/resident.h"

enum { PAGE = 4096, PAGES = 64, TOUCHED = 10 };

static char *map(void)
{
    char *p = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    madvise(p, (size_t)PAGES * PAGE, MADV_NOHUGEPAGE);
    return p;
}

/* Asked of the page tables, and as an older kernel would be asked. */
static void span(struct resident r)
{
    char *p = map();
    assert_int_equal(resident_bytes(&r, (struct resident_span){p, (size_t)PAGES * PAGE}), 0);
    for (int i = 0; i < TOUCHED; i++)
        p[i * 2 * PAGE] = 1;
    assert_int_equal(resident_bytes(&r, (struct resident_span){p, (size_t)PAGES * PAGE}), TOUCHED * PAGE);
    assert_int_equal(resident_bytes(&r, (struct resident_span){p, PAGE}), PAGE);
    assert_int_equal(resident_bytes(&r, (struct resident_span){NULL, PAGE}), 0);
    munmap(p, (size_t)PAGES * PAGE);
    assert_int_equal(resident_bytes(&r, (struct resident_span){p, (size_t)PAGES * PAGE}), 0);
}

static void test_span(void **state)
{
    (void)state;
    struct resident r = resident_begin();
    span(r);
    resident_end(&r);
    span((struct resident){.pagemap = -1});
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 }; /* terabytes of shadow memory are mapped */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
#else
enum { SANITIZED = 0 };
#endif

/* Spans are cut out wherever they lie in a mapping: its beginning, its middle, its end. The first measurement is for
 * what it touches itself. */
static void test_elsewhere(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    struct resident r = resident_begin();
    char *p = map();
    for (int i = 0; i < PAGES; i++)
        p[i * PAGE] = 1;
    const struct resident_span whole = {p, (size_t)PAGES * PAGE};
    const struct resident_span parts[] = {{p + 60 * PAGE, 4 * PAGE}, {p, 8 * PAGE}, {NULL, 0}, {p + 20 * PAGE, PAGE}};
    resident_elsewhere(&r, &whole, 1);
    size_t without = resident_elsewhere(&r, &whole, 1);
    assert_true(without > 0);
    assert_int_equal(resident_elsewhere(&r, parts, 4), without + (size_t)(PAGES - 13) * PAGE);
    assert_int_equal(resident_elsewhere(&r, NULL, 0), without + (size_t)PAGES * PAGE);
    madvise(p, (size_t)PAGES * PAGE, MADV_DONTNEED);
    assert_int_equal(resident_elsewhere(&r, NULL, 0), without);
    munmap(p, (size_t)PAGES * PAGE);
    resident_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_span),
        cmocka_unit_test(test_elsewhere),
    };
    return cmocka_run_group_tests_name("resident", tests, NULL, NULL);
}
