/* See process.h. */
#include "server/process.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/options.h"
#include "slab/base/log.h"

/* Redis has /var/run/redis.pid in this place. */
static const char default_pid_path[] = "/var/run/flagstone.pid";

static enum supervision supervisor(struct options *o)
{
    enum supervision by = (enum supervision)OPT(o, supervised);
    if (by != SUPERVISED_AUTO)
        return by;
    return getenv("UPSTART_JOB") != NULL     ? SUPERVISED_UPSTART
           : getenv("NOTIFY_SOCKET") != NULL ? SUPERVISED_SYSTEMD
                                             : SUPERVISED_NO;
}

/* Whose child stays in the foreground: a supervisor waits for the process that it started. */
static bool in_background(struct options *o)
{
    return OPT(o, daemonize) && supervisor(o) == SUPERVISED_NO;
}

bool process_daemonize(struct options *o)
{
    if (!in_background(o))
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

/* Where the pid file is; false: there is none. */
static bool pid_path(struct options *o, char path[OPTIONS_TEXT_CHARS])
{
    if (options_text(o, &o->pidfile, path, OPTIONS_TEXT_CHARS) > 0)
        return true;
    snprintf(path, OPTIONS_TEXT_CHARS, "%s", default_pid_path);
    return in_background(o);
}

void process_write_pid(struct options *o)
{
    char path[OPTIONS_TEXT_CHARS];
    if (!pid_path(o, path))
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
    if (pid_path(o, path))
        unlink(path);
}

/* One message to systemd. The library is looked for when there is somebody to notify and let go of after it: linked, it
 * and what it brings (compression, cryptography) would add 0.8 MB to every server's resident memory. */
static void notify(const char *state)
{
    int (*sd_notify)(int unset_environment, const char *state) = NULL;
    if (getenv("NOTIFY_SOCKET") == NULL) {
        log_line(LOG_WARNING, "systemd supervision requested, but NOTIFY_SOCKET is not set: nobody is notified");
        return;
    }
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library != NULL)
        *(void **)(void *)&sd_notify = dlsym(library, "sd_notify");
    if (sd_notify == NULL) {
        log_line(LOG_WARNING, "Can't notify systemd: %s (the package libsystemd0 has it)", dlerror());
    } else {
        int sent = sd_notify(0, state);
        if (sent < 0)
            log_line(LOG_WARNING, "Can't notify systemd at %s: %s", getenv("NOTIFY_SOCKET"), strerror(-sent));
    }
    if (library != NULL)
        dlclose(library);
}

void process_ready(struct options *o)
{
    enum supervision by = supervisor(o);
    if (by == SUPERVISED_SYSTEMD) {
        notify("STATUS=Ready to accept connections\nREADY=1");
    } else if (by == SUPERVISED_UPSTART) {
        log_line(LOG_NOTICE, "supervised by upstart, will stop to signal readiness");
        raise(SIGSTOP);
    }
}

/* /proc/self/pagemap has eight bytes a page: Documentation/admin-guide/mm/pagemap.rst of the kernel. */
enum { PAGES_LOOKED_AT = 512 };
#define PAGE_OF_FILE (UINT64_C(1) << 63 | UINT64_C(1) << 61) /* present, and not anonymous */

/* Lets go of those pages in [from, to) that are the file's own. What was written (a breakpoint, a probe) stays. */
static void drop_file_pages(int pagemap, char *from, const char *to, size_t page)
{
    uint64_t entry[PAGES_LOOKED_AT];
    while (from < to) {
        ssize_t got = pread(pagemap, entry, sizeof entry, (off_t)((uintptr_t)from / page * sizeof *entry));
        if (got < (ssize_t)sizeof *entry)
            return;
        size_t n = (size_t)got / sizeof *entry, left = (size_t)(to - from) / page, begin = 0;
        n = n < left ? n : left;
        for (size_t i = 0; i <= n; i++) {
            if (i < n && (entry[i] & PAGE_OF_FILE) == PAGE_OF_FILE)
                continue;
            if (i > begin)
                madvise(from + begin * page, (i - begin) * page, MADV_DONTNEED);
            begin = i + 1;
        }
        from += n * page;
    }
}

/* Of one program or library: what is mapped of its file and cannot be written. What is needed again is found in the
 * page cache. */
static int drop_mapped(struct dl_phdr_info *info, size_t size, void *pagemap)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t from = (info->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t to = (info->dlpi_addr + segment->p_vaddr + segment->p_memsz + page - 1) & ~(page - 1);
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) == 0)
            drop_file_pages(*(const int *)pagemap, (char *)from, (const char *)to, page);
    }
    return 0;
}

void process_drop_start(void)
{
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (pagemap < 0)
        return; /* what is the file's own cannot be told from what is not */
    dl_iterate_phdr(drop_mapped, &pagemap);
    close(pagemap);
}

void process_stopping(struct options *o)
{
    if (supervisor(o) == SUPERVISED_SYSTEMD)
        notify("STATUS=Waiting for clients to take their replies\nSTOPPING=1");
}
