/* See resident.h. Mappings are read from /proc/self/maps, which costs some microseconds a hundred of them; it is not
 * smaps, for which the kernel would walk the pages of values too. Neighbouring mappings of different owners may be
 * shown as one, so spans are cut out of them.
 *
 * Pages are asked of /proc/self/pagemap (PAGEMAP_SCAN, Linux 6.7), else of mincore(2), which calls those resident too
 * that were read and never written: they are one page of zeros, which nobody is charged. */
#include "server/resident.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SYSTEM_PAGE = 4096, PAGES_ASKED = 4096, RUNS_ASKED = 64 };

struct resident resident_begin(void)
{
    return (struct resident){.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)};
}

void resident_end(const struct resident *r)
{
    if (r->pagemap >= 0)
        close(r->pagemap);
}

/* ioctl(PAGEMAP_SCAN) of linux/fs.h, which C libraries' headers do not have yet. */
struct page_run {
    uint64_t start, end, categories;
};
struct page_question {
    uint64_t size, flags, start, end, walk_end;
    uint64_t vec, vec_len, max_pages; /* of struct page_run */
    uint64_t category_inverted, category_mask, category_any, return_mask;
};
enum { IS_PRESENT = 1 << 3, IS_ZERO_PAGE = 1 << 5 };
#define PAGES_SCAN _IOWR('f', 16, struct page_question)

/* By the page tables; false: the kernel does not do that. */
static bool scan(const struct resident *r, struct resident_span s, size_t *bytes)
{
    struct page_run run[RUNS_ASKED];
    uint64_t at = (uint64_t)(uintptr_t)s.at, end = at + s.n / SYSTEM_PAGE * SYSTEM_PAGE;
    for (*bytes = 0; at < end;) {
        struct page_question q = {.size = sizeof q, .start = at, .end = end, .vec_len = RUNS_ASKED};
        q.vec = (uint64_t)(uintptr_t)run;
        q.category_mask = IS_PRESENT | IS_ZERO_PAGE;
        q.category_inverted = IS_ZERO_PAGE;
        q.return_mask = IS_PRESENT;
        int n = ioctl(r->pagemap, PAGES_SCAN, &q);
        if (n < 0 || q.walk_end <= at)
            return false;
        for (int i = 0; i < n; i++)
            *bytes += run[i].end - run[i].start;
        at = q.walk_end;
    }
    return true;
}

static size_t by_mincore(struct resident_span s)
{
    unsigned char resident[PAGES_ASKED];
    size_t n = 0, pages = s.n / SYSTEM_PAGE;
    for (size_t at = 0; at < pages; at += PAGES_ASKED) {
        size_t some = pages - at < PAGES_ASKED ? pages - at : PAGES_ASKED;
        if (mincore((void *)(uintptr_t)(s.at + at * SYSTEM_PAGE), some * SYSTEM_PAGE, resident) != 0)
            return n;
        for (size_t i = 0; i < some; i++)
            n += resident[i] & 1 ? SYSTEM_PAGE : 0;
    }
    return n;
}

size_t resident_bytes(const struct resident *r, struct resident_span s)
{
    size_t bytes;
    if (s.at == NULL)
        return 0;
    return r->pagemap >= 0 && scan(r, s, &bytes) ? bytes : by_mincore(s);
}

/* Resident bytes of [from, to) outside of the spans. */
static size_t outside(const struct resident *r, uintptr_t from, uintptr_t to, const struct resident_span *ours, int n)
{
    size_t sum = 0;
    while (from < to) {
        uintptr_t next = to, skip = from;
        for (int i = 0; i < n; i++) {
            uintptr_t begin = (uintptr_t)ours[i].at, end = begin + ours[i].n;
            if (begin <= from && from < end)
                skip = end;
            else if (begin > from && begin < next && ours[i].n > 0)
                next = begin;
        }
        if (skip > from) {
            from = skip;
            continue;
        }
        sum += resident_bytes(r, (struct resident_span){(const char *)from, next - from});
        from = next;
    }
    return sum;
}

size_t resident_elsewhere(const struct resident *r, const struct resident_span *ours, int n)
{
    char line[512];
    size_t sum = 0;
    FILE *f = fopen("/proc/self/maps", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        unsigned long from, to, inode;
        int name = 0;
        if (sscanf(line, "%lx-%lx %*s %*s %*s %lu %n", &from, &to, &inode, &name) != 3 || inode != 0)
            continue;
        bool named = line[name] == '[' && strncmp(line + name, "[anon", 5) != 0; /* [stack], [heap], [vdso] */
        if (!named && line[name] != '/')
            sum += outside(r, from, to, ours, n);
        while (strchr(line, '\n') == NULL && fgets(line, sizeof line, f) != NULL)
            ; /* the rest of a long line */
    }
    if (f != NULL)
        fclose(f);
    return sum;
}
