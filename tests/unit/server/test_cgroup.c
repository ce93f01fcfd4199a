/* cgroup limits, read from a fake root directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/cgroup.h"

static char root[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/test_cgroup.XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

/* Writes a file below the root, with the directories that it needs. */
static void put(const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s", root, name);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_none(void **state)
{
    (void)state;
    assert_int_equal(cgroup_memory_limit(root), 0);
    put("/proc/self/cgroup", "");
    assert_int_equal(cgroup_memory_limit(root), 0);
    put("/proc/self/cgroup", "5:memory:/x\n");
    put("/sys/fs/cgroup/memory.max", "1000\n");
    assert_int_equal(cgroup_memory_limit(root), 0);
}

static void test_own_limit(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "1:name=systemd:/y\n0::/a/b\n");
    put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    assert_int_equal(cgroup_memory_limit(root), 0);
    put("/sys/fs/cgroup/a/b/memory.max", "2147483648\n");
    assert_int_equal(cgroup_memory_limit(root), INT64_C(2147483648));
    put("/sys/fs/cgroup/a/b/memory.high", "1073741824\n");
    assert_int_equal(cgroup_memory_limit(root), 1073741824);
}

static void test_parents_bind(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a/b/c\n");
    put("/sys/fs/cgroup/a/b/c/memory.max", "3000\n");
    put("/sys/fs/cgroup/a/memory.max", "2000\n");
    assert_int_equal(cgroup_memory_limit(root), 2000);
    put("/sys/fs/cgroup/memory.high", "1500\n");
    assert_int_equal(cgroup_memory_limit(root), 1500);
}

static void test_container(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/memory.max", "5000\n");
    assert_int_equal(cgroup_memory_limit(root), 5000);
    put("/proc/self/cgroup", "0::/../../x\n");
    put("/sys/fs/cgroup/x/memory.max", "4000\n");
    assert_int_equal(cgroup_memory_limit(root), 4000);
    put("/proc/self/cgroup", "0::/..\n");
    assert_int_equal(cgroup_memory_limit(root), 5000);
}

static void test_unified_mount(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a\n");
    put("/sys/fs/cgroup/unified/a/memory.max", "7000\n");
    assert_int_equal(cgroup_memory_limit(root), 7000);
}

static void test_rubbish(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a");
    put("/sys/fs/cgroup/a/memory.max", "-5\n");
    put("/sys/fs/cgroup/a/memory.high", "99999999999999999999999\n");
    assert_int_equal(cgroup_memory_limit(root), 0);
    put("/sys/fs/cgroup/a/memory.max", "");
    assert_int_equal(cgroup_memory_limit(root), 0);
}

static void test_available(void **state)
{
    (void)state;
    int64_t machine = memory_available(root);
    assert_true(machine > 1 << 20);
    put("/proc/self/cgroup", "0::/a\n");
    put("/sys/fs/cgroup/a/memory.max", "1048576\n");
    assert_int_equal(memory_available(root), 1048576);
    put("/sys/fs/cgroup/a/memory.max", "9000000000000000000\n");
    assert_int_equal(memory_available(root), machine);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOT(test_none),      WITH_ROOT(test_own_limit),     WITH_ROOT(test_parents_bind),
        WITH_ROOT(test_container), WITH_ROOT(test_unified_mount), WITH_ROOT(test_rubbish),
        WITH_ROOT(test_available),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
