/* The process: pid file, and what systemd is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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

static long mapped_of_files(void)
{
    long shared = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%*d %*d %ld", &shared), 1);
    fclose(statm);
    return shared;
}

static void test_what_starting_needed_goes(void **state)
{
    (void)state;
    long before = mapped_of_files();
    process_drop_start();
    assert_in_range(mapped_of_files(), 1, before - 1);
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
