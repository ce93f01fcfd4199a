/* The process: pid file, and what systemd is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/conf_file.h"
#include "server/options.h"
#include "server/process.h"

static struct options *options_of(const char *conf)
{
    static char err[CONF_ERROR_CHARS];
    struct options *o = options_new();
    assert_true(conf_load_text(o, "test", conf, strlen(conf), false, err));
    return o;
}

static void test_pid_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/flagstone-test-XXXXXX", path[64], conf[128], text[32] = "";
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/pid", dir);
    snprintf(conf, sizeof conf, "pidfile %s\n", path);
    struct options *o = options_of(conf);
    process_write_pid(o);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_int_equal(atoi(text), getpid());
    process_remove_pid(o);
    assert_int_equal(access(path, F_OK), -1);
    rmdir(dir);
    options_free(o);
}

static void test_systemd_is_told(void **state)
{
    (void)state;
    char dir[] = "/tmp/flagstone-test-XXXXXX", text[128];
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(dir));
    snprintf(un.sun_path, sizeof un.sun_path, "%s/notify", dir);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    setenv("NOTIFY_SOCKET", un.sun_path, 1);
    struct options *o = options_of("supervised systemd\n");
    process_ready(o);
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "READY=1"));
    process_stopping(o);
    n = recv(fd, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "STOPPING=1"));
    unsetenv("NOTIFY_SOCKET");
    options_free(o);
    close(fd);
    unlink(un.sun_path);
    rmdir(dir);
}

/* The kernel maps what lies around when it maps a page, at most what one page table spans, 2 MB: in the middle of twice
 * as much nothing is mapped but what is touched there. */
enum { BLOCK = 4 << 20 };
static const char block[BLOCK] = {1};

static uint64_t page_entry(const volatile char *p)
{
    uint64_t entry = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &entry, sizeof entry, (off_t)((uintptr_t)p / page * sizeof entry)), sizeof entry);
    close(fd);
    return entry;
}

/* What is the file's own goes; what has been written into the program, as debuggers and probes do, stays. */
static void test_what_starting_needed_goes(void **state)
{
    (void)state;
    const uint64_t present = UINT64_C(1) << 63;
    const volatile char *read = block + BLOCK / 2, *written = read + (64 << 10);
    int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "w", 1, (off_t)(uintptr_t)written), 1);
    close(fd);
    assert_int_equal(*read, 0);
    assert_true(page_entry(read) & present);
    process_drop_start();
    assert_false(page_entry(read) & present);
    assert_true(page_entry(written) & present);
    assert_int_equal(*written, 'w');
    assert_int_equal(*read, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pid_file),
        cmocka_unit_test(test_systemd_is_told),
        cmocka_unit_test(test_what_starting_needed_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
