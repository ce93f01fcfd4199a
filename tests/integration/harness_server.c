/* Servers of the tests: started, watched, ended. A thread drains what the server writes, so that it never waits for
 * its log, and wakes those who wait for a line. */
#include "tests/integration/harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 64, START_TRIES = 10, AGAIN_TRIES = 20, LOG_KEPT = 1 << 20 };

struct test_server {
    pid_t pid;
    int port;
    int pipe;
    char dir[64];
    pthread_t reader;
    pthread_mutex_t lock;
    pthread_cond_t news;
    char *log; /* LOG_KEPT bytes, terminated */
    size_t log_len;
    bool log_ended;
};

static const char *program(void)
{
    const char *path = getenv("FLAGSTONE_SERVER");
    if (!path)
        fail_msg("FLAGSTONE_SERVER names no program");
    return path;
}

bool flavour_is_sanitized(void)
{
    const char *flavour = getenv("FLAGSTONE_FLAVOUR");
    return flavour && strstr(flavour, "san");
}

static struct timespec deadline(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts); /* nobody sets this one */
    ts.tv_sec += HARNESS_DEADLINE_S;
    return ts;
}

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) || getsockname(fd, (struct sockaddr *)&a, &len))
        fail_msg("no free port: %s", strerror(errno));
    close(fd);
    return ntohs(a.sin_port);
}

static void *read_log(void *arg)
{
    struct test_server *s = arg;
    char buf[4096];
    ssize_t n;
    while ((n = read(s->pipe, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
        pthread_mutex_lock(&s->lock);
        for (ssize_t i = 0; i < n && s->log_len < LOG_KEPT - 1; i++)
            s->log[s->log_len++] = buf[i] ? buf[i] : '?';
        pthread_cond_broadcast(&s->news);
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_lock(&s->lock);
    s->log_ended = true;
    pthread_cond_broadcast(&s->news);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* In the child: nothing that allocates. */
static void become(const char *const *argv, int in, int out, const char *dir, size_t address_space, unsigned files)
{
    struct rlimit space = {address_space, address_space}, open_files = {files, files};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || (dir && chdir(dir)))
        _exit(127);
    if ((address_space && setrlimit(RLIMIT_AS, &space)) || (files && setrlimit(RLIMIT_NOFILE, &open_files)))
        _exit(127);
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

static pid_t spawn(const char *const *argv, const char *dir, const char *input, size_t address_space, unsigned files,
                   int *out)
{
    int from[2], to[2];
    pid_t pid;
    if (pipe2(from, O_CLOEXEC) || pipe2(to, O_CLOEXEC))
        fail_msg("pipe: %s", strerror(errno));
    pid = fork();
    if (pid < 0)
        fail_msg("fork: %s", strerror(errno));
    if (pid == 0)
        become(argv, to[0], from[1], dir, address_space, files);
    close(from[1]);
    close(to[0]);
    signal(SIGPIPE, SIG_IGN);
    if (input && write(to[1], input, strlen(input)) < 0 && errno != EPIPE)
        fail_msg("write: %s", strerror(errno));
    close(to[1]);
    *out = from[0];
    return pid;
}

/* Waits for a line, or the end of the log; returns whether the text was there. */
static bool wait_log(struct test_server *s, const char *text)
{
    struct timespec end = deadline();
    bool found;
    pthread_mutex_lock(&s->lock);
    while (!(found = strstr(s->log, text) != NULL) && !s->log_ended)
        if (pthread_cond_timedwait(&s->news, &s->lock, &end))
            break;
    pthread_mutex_unlock(&s->lock);
    return found;
}

void server_wait_log(struct test_server *s, const char *text)
{
    if (!wait_log(s, text))
        fail_msg("the server did not log \"%s\", but:\n%s", text, s->log);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

/* Waits for the end of the process; kills it at the deadline. Returns the wait status. */
static int reap(pid_t pid)
{
    int status = 0;
    struct timespec now, end = deadline();
    const struct timespec pause = {0, 2000000};
    while (waitpid(pid, &status, WNOHANG) == 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > end.tv_sec) {
            kill(pid, SIGABRT);
            waitpid(pid, &status, 0);
            break;
        }
        nanosleep(&pause, NULL);
    }
    return status;
}

static void forget(struct test_server *s)
{
    close(s->pipe);
    nftw(s->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->news);
    free(s->log);
    free(s);
}

/* Runs the program on the port of `s`, with an empty log. */
static void launch(struct test_server *s, const char *const *options, size_t address_space, unsigned files)
{
    const char *argv[ARGUMENTS_MAX];
    char port[12];
    int n = 0;
    snprintf(port, sizeof(port), "%d", s->port);
    memset(s->log, 0, LOG_KEPT);
    s->log_len = 0;
    s->log_ended = false;
    argv[n++] = program();
    /* A configuration file stands first. */
    if (options[0] && options[0][0] != '-')
        argv[n++] = *options++;
    argv[n++] = "--port";
    argv[n++] = port;
    while (*options && n < ARGUMENTS_MAX - 1)
        argv[n++] = *options++;
    argv[n] = NULL;
    s->pid = spawn(argv, s->dir, NULL, address_space, files, &s->pipe);
    pthread_create(&s->reader, NULL, read_log, s);
}

static struct test_server *try_start(const char *const *options, size_t address_space, unsigned files)
{
    struct test_server *s = calloc(1, sizeof(*s));
    s->log = calloc(1, LOG_KEPT);
    pthread_condattr_t monotonic;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    snprintf(s->dir, sizeof(s->dir), "/tmp/flagstone-test-XXXXXX");
    if (!mkdtemp(s->dir))
        fail_msg("%s: %s", s->dir, strerror(errno));
    s->port = free_port();
    launch(s, options, address_space, files);
    return s;
}

bool server_has_logged(struct test_server *s, const char *text)
{
    pthread_mutex_lock(&s->lock);
    bool yes = strstr(s->log, text) != NULL;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

void server_kill(struct test_server *s)
{
    kill(s->pid, SIGKILL);
    reap(s->pid);
    pthread_join(s->reader, NULL);
    close(s->pipe);
}

void server_again(struct test_server *s, const char *const *options)
{
    for (int i = 0;; i++) {
        launch(s, options, 0, 0);
        if (wait_log(s, "Ready to accept connections"))
            return;
        /* Another program may have drawn its port meanwhile, to look which are free or for a test. That ends the server
         * at once; one that only does not get ready is not tried again. */
        if (i == AGAIN_TRIES || !server_has_logged(s, "Address already in use"))
            fail_msg("the server does not start again:\n%s", s->log);
        server_kill(s);
        usleep(100000);
    }
}

struct test_server *server_start_limited(const char *const *options, size_t address_space, unsigned files)
{
    for (int i = 0;; i++) {
        struct test_server *s = try_start(options, address_space, files);
        if (wait_log(s, "Ready to accept connections"))
            return s;
        /* The port may have been taken between the look and the bind: another one. */
        kill(s->pid, SIGKILL);
        reap(s->pid);
        pthread_join(s->reader, NULL);
        if (i == START_TRIES)
            fail_msg("the server does not start:\n%s", s->log);
        forget(s);
    }
}

struct test_server *server_start(const char *const *options)
{
    return server_start_limited(options, 0, 0);
}

void server_join_status(struct test_server *s, int want)
{
    int status = reap(s->pid);
    pthread_join(s->reader, NULL);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != want || strstr(s->log, "Sanitizer") ||
        strstr(s->log, "runtime error:")) {
        fprintf(stderr, "%s\n", s->log);
        fail_msg("the server ended with status %d, signal %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                 WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
    forget(s);
}

void server_join(struct test_server *s)
{
    server_join_status(s, 0);
}

void server_stop(struct test_server *s)
{
    kill(s->pid, SIGTERM);
    server_join(s);
}

const char *server_log(const struct test_server *s)
{
    return s->log;
}

int server_port(const struct test_server *s)
{
    return s->port;
}

int server_pid(const struct test_server *s)
{
    return (int)s->pid;
}

const char *server_dir(const struct test_server *s)
{
    return s->dir;
}

int server_run(const char *const *arguments, const char *input, char **output)
{
    const char *argv[ARGUMENTS_MAX];
    size_t len = 0, room = 4096;
    int out, status, n = 0;
    char *text = malloc(room);
    ssize_t got;
    pid_t pid;
    argv[n++] = program();
    while (*arguments && n < ARGUMENTS_MAX - 1)
        argv[n++] = *arguments++;
    argv[n] = NULL;
    pid = spawn(argv, NULL, input, 0, 0, &out);
    for (;;) {
        struct pollfd p = {.fd = out, .events = POLLIN};
        if (poll(&p, 1, HARNESS_DEADLINE_S * 1000) == 0) {
            kill(pid, SIGKILL);
            break;
        }
        if (room - len < 4096)
            text = realloc(text, room *= 2);
        got = read(out, text + len, room - len - 1);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    text[len] = '\0';
    close(out);
    status = reap(pid);
    *output = text;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void eventually(bool (*step)(void *arg), void *arg, const char *what)
{
    struct timespec now, end = deadline();
    const struct timespec pause = {0, 1000000};
    while (!step(arg)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > end.tv_sec)
            fail_msg("never: %s", what);
        nanosleep(&pause, NULL);
    }
}
