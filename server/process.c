/* See process.h. systemd is told by a datagram to the socket that NOTIFY_SOCKET names (sd_notify(3)). */
#include "server/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/options.h"
#include "slab/base/log.h"

bool process_daemonize(struct options *o)
{
    if (!OPT(o, daemonize))
        return true;
    pid_t pid = fork();
    if (pid < 0) {
        log_line(LOG_WARNING, "Could not go to the background: fork: %s", strerror(errno));
        return false;
    }
    if (pid > 0)
        _exit(0);
    setsid();
    int fd = open("/dev/null", O_RDWR);
    if (fd >= 0) {
        dup2(fd, STDIN_FILENO);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        if (fd > STDERR_FILENO)
            close(fd);
    }
    return true;
}

void process_write_pid(struct options *o)
{
    char path[OPTIONS_TEXT_CHARS];
    if (options_text(o, &o->pidfile, path, sizeof path) == 0)
        return;
    FILE *f = fopen(path, "we");
    bool ok = f != NULL && fprintf(f, "%d\n", (int)getpid()) > 0;
    if (f != NULL && fclose(f) != 0)
        ok = false;
    if (!ok)
        log_line(LOG_WARNING, "Failed to write PID file %s: %s", path, strerror(errno));
}

void process_remove_pid(struct options *o)
{
    char path[OPTIONS_TEXT_CHARS];
    if (options_text(o, &o->pidfile, path, sizeof path) > 0)
        unlink(path);
}

static enum supervision supervisor(struct options *o)
{
    enum supervision by = (enum supervision)OPT(o, supervised);
    if (by != SUPERVISED_AUTO)
        return by;
    return getenv("UPSTART_JOB") != NULL     ? SUPERVISED_UPSTART
           : getenv("NOTIFY_SOCKET") != NULL ? SUPERVISED_SYSTEMD
                                             : SUPERVISED_NO;
}

static void notify(const char *state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path == NULL ? 0 : strlen(path);
    if (n < 2 || n >= sizeof un.sun_path || (path[0] != '/' && path[0] != '@')) {
        log_line(LOG_WARNING, "systemd supervision requested, but NOTIFY_SOCKET is not a socket's path");
        return;
    }
    memcpy(un.sun_path, path, n);
    if (path[0] == '@')
        un.sun_path[0] = '\0'; /* the abstract namespace */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&un, len) < 0)
        log_line(LOG_WARNING, "Can't send notification to systemd: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
}

void process_ready(struct options *o)
{
    enum supervision by = supervisor(o);
    if (by == SUPERVISED_SYSTEMD) {
        notify("STATUS=Ready to accept connections\nREADY=1\n");
    } else if (by == SUPERVISED_UPSTART) {
        log_line(LOG_NOTICE, "supervised by upstart, will stop to signal readiness");
        raise(SIGSTOP);
    }
}

void process_stopping(struct options *o)
{
    if (supervisor(o) == SUPERVISED_SYSTEMD)
        notify("STOPPING=1\n");
}
