/* The server as a service: it tells systemd when it serves and when it ends, keeps its log through rotation, goes to
 * the background, and says where its process is. The test is the supervisor: it listens where NOTIFY_SOCKET points. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/flagstone-service-XXXXXX";
static char socket_path[64], log_path[64], old_log_path[64], pid_path[64], notify_path[64];
static int notify_fd;

static int set_up(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct timeval tv = {HARNESS_DEADLINE_S, 0};
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/flagstone-service-XXXXXX");
    if (mkdtemp(dir) == NULL || getenv("FLAGSTONE_SERVER") == NULL)
        return -1;
    snprintf(socket_path, sizeof socket_path, "%s/socket", dir);
    snprintf(log_path, sizeof log_path, "%s/log", dir);
    snprintf(old_log_path, sizeof old_log_path, "%s/log.1", dir);
    snprintf(pid_path, sizeof pid_path, "%s/pid", dir);
    snprintf(notify_path, sizeof notify_path, "%s/notify", dir);
    snprintf(un.sun_path, sizeof un.sun_path, "%s", notify_path);
    notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(notify_fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setenv("NOTIFY_SOCKET", notify_path, 1);
    return bind(notify_fd, (struct sockaddr *)&un, sizeof un);
}

static int tear_down(void **state)
{
    (void)state;
    close(notify_fd);
    unsetenv("NOTIFY_SOCKET");
    unlink(notify_path);
    unlink(log_path);
    unlink(old_log_path);
    unlink(pid_path);
    return rmdir(dir);
}

/* Starts the server with these options, NULL at the end; its standard output is the null device. */
#define START(...) start((const char *const[]){getenv("FLAGSTONE_SERVER"), __VA_ARGS__, NULL})
static pid_t start(const char *const *argv)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    return pid;
}

/* The next message to the supervisor has this line. */
static void expect_notified(const char *line)
{
    char text[1024];
    ssize_t n = recv(notify_fd, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    const char *at = strstr(text, line);
    if (at == NULL || (at != text && at[-1] != '\n') || (at[strlen(line)] != '\0' && at[strlen(line)] != '\n'))
        fail_msg("told systemd: %s", text);
}

static void expect_not_notified(void)
{
    char text[1024];
    ssize_t n = recv(notify_fd, text, sizeof text, MSG_DONTWAIT);
    assert_true(n < 0 && errno == EAGAIN);
}

static redisContext *unix_client(void)
{
    redisContext *c = redisConnectUnix(socket_path);
    assert_non_null(c);
    assert_int_equal(c->err, 0);
    return c;
}

static int raw_unix(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(un.sun_path, sizeof un.sun_path, "%s", socket_path);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
    return fd;
}

static void end(pid_t pid)
{
    int status;
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool file_has(const char *path, const char *text)
{
    static char content[1 << 20];
    FILE *f = fopen(path, "re");
    size_t n = f == NULL ? 0 : fread(content, 1, sizeof content - 1, f);
    content[n] = '\0';
    if (f != NULL)
        fclose(f);
    return strstr(content, text) != NULL;
}

struct line {
    const char *path, *text;
};

static bool line_is_there(void *arg)
{
    const struct line *l = arg;
    return file_has(l->path, l->text);
}

static void wait_line(const char *path, const char *text)
{
    struct line l = {path, text};
    eventually(line_is_there, &l, text);
}

struct hang_up {
    pid_t pid;
    struct line answer;
    int looks;
};

/* ThreadSanitizer holds signals back until their thread calls something, and was seen to forget one: there it is sent
 * again now and then. */
static bool has_answered(void *arg)
{
    struct hang_up *h = arg;
#ifdef __SANITIZE_THREAD__
    if (++h->looks % 2048 == 0)
        kill(h->pid, SIGHUP);
#endif
    return line_is_there(&h->answer);
}

static void hang_up(pid_t pid, const char *path, const char *answer)
{
    struct hang_up h = {pid, {path, answer}, 0};
    kill(pid, SIGHUP);
    eventually(has_answered, &h, answer);
}

/* READY=1 comes when a client is answered, STOPPING=1 when the end begins; what is supervised stays in the
 * foreground. */
static void test_systemd(void **state)
{
    static const char *const by[] = {"systemd", "auto"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        pid_t pid = START("--port", "0", "--unixsocket", socket_path, "--supervised", by[i], "--daemonize", "yes");
        expect_notified("READY=1");
        redisContext *c = unix_client();
        expect_status(c, "PONG", "PING");
        assert_int_equal(info_number(c, "server", "process_id"), pid);
        redisFree(c);
        end(pid);
        expect_notified("STOPPING=1");
    }
}

/* SHUTDOWN NOW tells it, too; a start that fails never says that it is ready. */
static void test_systemd_at_other_ends(void **state)
{
    int status;
    (void)state;
    pid_t pid = START("--port", "0", "--unixsocket", socket_path, "--supervised", "systemd");
    expect_notified("READY=1");
    redisContext *c = unix_client();
    assert_null(redisCommand(c, "SHUTDOWN NOW"));
    redisFree(c);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    expect_notified("STOPPING=1");
    pid = START("--port", "0", "--unixsocket", "/nonexistent/socket", "--supervised", "systemd");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    expect_not_notified();
}

/* Nobody is told where nobody asked; where the socket is missing or dead, it serves all the same and says so. */
static void test_no_systemd(void **state)
{
    (void)state;
    struct test_server *s = SERVER_START_PLAIN();
    server_stop(s);
    s = SERVER_START("--supervised", "no");
    server_stop(s);
    expect_not_notified();
    setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
    s = SERVER_START("--supervised", "systemd");
    server_wait_log(s, "Can't notify systemd at /nonexistent/notify: No such file or directory");
    server_stop(s);
    unsetenv("NOTIFY_SOCKET");
    s = SERVER_START("--supervised", "systemd");
    server_wait_log(s, "NOTIFY_SOCKET is not set");
    server_stop(s);
    s = SERVER_START("--supervised", "auto");
    assert_false(server_has_logged(s, "NOTIFY_SOCKET"));
    server_stop(s);
}

/* What logrotate does: the file is renamed, then SIGHUP. Where the log cannot be opened anew, the old one goes on. */
static void test_log_rotation(void **state)
{
    (void)state;
    pid_t pid = START("--port", "0", "--unixsocket", socket_path, "--supervised", "systemd", "--logfile", log_path);
    expect_notified("READY=1");
    wait_line(log_path, "Ready to accept connections");
    assert_int_equal(rename(log_path, old_log_path), 0);
    hang_up(pid, log_path, "Received SIGHUP: the log was opened anew");
    assert_false(file_has(old_log_path, "SIGHUP"));
    unlink(old_log_path);
    assert_int_equal(rename(log_path, old_log_path), 0);
    assert_int_equal(mkdir(log_path, 0700), 0);
    hang_up(pid, old_log_path, "Received SIGHUP: Can't open the log file");
    wait_line(old_log_path, "Is a directory");
    redisContext *c = unix_client();
    expect_status(c, "PONG", "PING");
    redisFree(c);
    assert_int_equal(rmdir(log_path), 0);
    hang_up(pid, log_path, "Received SIGHUP: the log was opened anew");
    end(pid);
    assert_true(file_has(log_path, "bye bye"));
    expect_notified("STOPPING=1");
}

/* Lines that workers write while the log is opened anew go to a log, never to a client whose socket got the number. */
static void test_rotation_under_load(void **state)
{
    enum { ROUNDS = 300 };
    (void)state;
    pid_t pid = START("--port", "0", "--unixsocket", socket_path, "--supervised", "systemd", "--logfile", log_path,
                      "--loglevel", "debug");
    expect_notified("READY=1");
    for (int i = 0; i < ROUNDS; i++) {
        redisContext *c = unix_client();
        kill(pid, SIGHUP);
        expect_status(c, "OK", "SET key:%d value", i);
        int fd = raw_unix();
        raw_send_text(fd, "*-7\r\n*x\r\n"); /* a protocol error is a line of the log */
        raw_expect(fd, "-ERR Protocol error: invalid multibulk length\r\n");
        raw_expect_closed(fd);
        redisFree(c);
    }
    end(pid);
    expect_notified("STOPPING=1");
}

/* The caller goes on when the server is in the background; the pid file says which process that is. */
static void test_background(void **state)
{
    int status;
    char text[32] = "";
    (void)state;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    unsetenv("NOTIFY_SOCKET");
    pid_t pid = START("--port", "0", "--unixsocket", socket_path, "--daemonize", "yes", "--pidfile", pid_path,
                      "--logfile", log_path);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    wait_line(log_path, "Ready to accept connections");
    FILE *f = fopen(pid_path, "re");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    pid = atoi(text);
    redisContext *c = unix_client();
    assert_int_equal(info_number(c, "server", "process_id"), pid);
    redisFree(c);
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_not_equal(access(pid_path, F_OK), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_systemd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_systemd_at_other_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_systemd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_rotation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rotation_under_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_background, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
