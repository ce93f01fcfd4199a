/* A line is composed on the stack and written by one write(2), so that lines of threads never mix. */
#include "slab/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "slab/base/clock.h"

/* The log is the one global besides the server: asserts and leaf code must be able to speak. */
static struct {
    _Atomic int fd_plus_one; /* 0: standard output */
    _Atomic int least;
} log_state = {0, LOG_NOTICE};

int log_open(const char *path, enum log_level least)
{
    bool to_file = path[0] != '\0';
    int fd = to_file ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : STDOUT_FILENO;
    if (fd < 0)
        return errno;
    int old = atomic_load(&log_state.fd_plus_one) - 1;
    if (old >= 0) {
        /* A thread may be about to write to the old descriptor: its number must never become a client's. */
        int error = dup3(fd, old, O_CLOEXEC) < 0 ? errno : 0;
        if (to_file)
            close(fd);
        if (error != 0)
            return error;
    } else if (to_file) {
        atomic_store(&log_state.fd_plus_one, fd + 1);
    }
    atomic_store(&log_state.least, (int)least);
    return 0;
}

void log_set_level(enum log_level least)
{
    atomic_store(&log_state.least, (int)least);
}

void log_close(void)
{
    int old = atomic_exchange(&log_state.fd_plus_one, 0);
    if (old > 0)
        close(old - 1);
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char marks[] = ".-*#";
    char line[1200];
    char date[40];
    struct tm tm;
    if ((int)level < atomic_load(&log_state.least) || level >= LOG_NOTHING)
        return;
    int64_t now = clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    localtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%d %b %Y %H:%M:%S", &tm);
    int n = snprintf(line, sizeof line, "%d:M %s.%03d %c ", (int)getpid(), date, (int)(now % 1000), marks[level]);
    va_list ap;
    va_start(ap, format);
    int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, ap);
    va_end(ap);
    int room = (int)sizeof line - n - 1;
    n += m < 0 ? 0 : m >= room ? room - 1 : m;
    line[n++] = '\n';
    int fd = atomic_load(&log_state.fd_plus_one);
    if (write(fd > 0 ? fd - 1 : STDOUT_FILENO, line, (size_t)n) < 0)
        return; /* nobody is left to tell */
}
