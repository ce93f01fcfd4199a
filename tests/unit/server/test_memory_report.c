/* MEMORY DOCTOR's findings: tables of what is seen, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/memory_report.h"

#define MB ((size_t)1 << 20)
#define GB ((size_t)1 << 30)

/* A healthy server: 1 GB used of 2 GB allowed, on a machine of 8 GB. */
static void healthy(struct memory_report *r, struct memory_facts *f)
{
    memset(r, 0, sizeof *r);
    memset(f, 0, sizeof *f);
    r->m.used = r->m.peak_used = GB;
    r->m.rss = r->m.total = GB + 20 * MB;
    r->m.limit = 2 * GB;
    r->m.jemalloc = 4 * MB;
    r->m.jemalloc_allocated = 3 * MB;
    r->m.page_free = 5 * MB;
    r->fragmentation_ratio = 1.02;
    f->machine = (int64_t)(8 * GB);
    f->clients = 10;
    f->evicts = true;
}

static void check(const struct memory_report *r, const struct memory_facts *f, const char *found, const char *advice)
{
    struct text t = {0};
    assert_int_equal(memory_diagnose(&t, r, f), 1);
    assert_non_null(strstr(t.p, found));
    assert_non_null(strstr(t.p, advice));
    text_free(&t);
}

static void a_healthy_server_has_no_findings(void **state)
{
    (void)state;
    struct memory_report r;
    struct memory_facts f;
    struct text t = {0};
    healthy(&r, &f);
    assert_int_equal(memory_diagnose(&t, &r, &f), 0);
    assert_non_null(strstr(t.p, "No memory problem"));
    text_free(&t);
}

static void each_problem_is_found(void **state)
{
    (void)state;
    struct memory_report r;
    struct memory_facts f;
    healthy(&r, &f);
    f.cgroup_limit = (int64_t)GB;
    check(&r, &f, "maxmemory cannot be reached", "control group");
    r.m.limit = 0;
    check(&r, &f, "No maxmemory", "80%");
    healthy(&r, &f);
    r.m.limit = 16 * GB;
    check(&r, &f, "maxmemory cannot be reached", "this machine");
    healthy(&r, &f);
    f.swapped = 100 * MB;
    check(&r, &f, "100.00M", "swapoff");
    healthy(&r, &f);
    r.m.peak_used = 3 * GB;
    check(&r, &f, "Big peak: 3.00G", "nothing is to be done");
    r.m.rss = 2 * GB;
    check(&r, &f, "Big peak", "MEMORY PURGE");
    healthy(&r, &f);
    r.fragmentation_ratio = 1.5;
    r.m.page_free = GB / 2;
    check(&r, &f, "1.50", "activedefrag yes");
    f.activedefrag = true;
    check(&r, &f, "512.00M", "active-defrag-cycle-max");
    healthy(&r, &f);
    r.m.jemalloc = 100 * MB;
    check(&r, &f, "97.00M", "MEMORY PURGE");
    healthy(&r, &f);
    r.m.clients = 3 * MB;
    check(&r, &f, "307.20K", "client-output-buffer-limit");
    healthy(&r, &f);
    f.overcommit = 2;
    check(&r, &f, "Strict overcommit", "vm.overcommit_ratio");
    healthy(&r, &f);
    f.evicts = false;
    r.m.total = 2 * GB - MB;
    check(&r, &f, "noeviction", "allkeys-s3fifo");
}

static void several_are_counted(void **state)
{
    (void)state;
    struct memory_report r;
    struct memory_facts f;
    struct text t = {0};
    healthy(&r, &f);
    f.overcommit = 2;
    f.swapped = 10 * MB;
    assert_int_equal(memory_diagnose(&t, &r, &f), 2);
    assert_memory_equal(t.p, "2 memory problems were found", 28);
    text_free(&t);
}

static void bytes_read_as_redis_writes_them(void **state)
{
    (void)state;
    char buf[TEXT_BYTES_CHARS];
    assert_string_equal(text_bytes(buf, 0), "0B");
    assert_string_equal(text_bytes(buf, 1023), "1023B");
    assert_string_equal(text_bytes(buf, 916224), "894.75K");
    assert_string_equal(text_bytes(buf, 12029952), "11.47M");
    assert_string_equal(text_bytes(buf, 25276502016), "23.54G");
    assert_string_equal(text_bytes(buf, 1ull << 60), "1024.00P");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_server_has_no_findings),
        cmocka_unit_test(each_problem_is_found),
        cmocka_unit_test(several_are_counted),
        cmocka_unit_test(bytes_read_as_redis_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
