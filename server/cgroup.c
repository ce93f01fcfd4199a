/* cgroup v2 (https://docs.kernel.org/admin-guide/cgroup-v2.html): /proc/self/cgroup has one line "0::/path", the
 * path is below where the hierarchy is mounted, and a limit of any parent binds. In a container the path is "/" (or
 * begins with "/..", for a parent that cannot be seen) and the limits of the container itself stand in the mount's
 * root. On systems with both versions the second may be mounted at /sys/fs/cgroup/unified. Nothing readable means
 * no limit. */
#include "server/cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

/* The v2 path of this process, without "/.." at its beginning; false where there is none. */
static bool cgroup_path(const char *root, char path[PATH_MAX])
{
    char name[PATH_MAX];
    char line[PATH_MAX];
    bool found = false;
    snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
    FILE *f = fopen(name, "re");
    if (!f)
        return false;
    while (!found && fgets(line, sizeof line, f)) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        const char *p = line + 3;
        while (strncmp(p, "/..", 3) == 0 && (p[3] == '/' || p[3] == '\n' || p[3] == '\0'))
            p += 3;
        snprintf(path, PATH_MAX, "%s", p);
        path[strcspn(path, "\n")] = '\0';
        found = true;
    }
    fclose(f);
    return found;
}

/* A limit's file: bytes, or INT64_MAX for "max" and for what cannot be read. */
static int64_t read_limit(const char *mount, const char *path, const char *file)
{
    char name[3 * PATH_MAX];
    char text[64];
    int64_t limit = INT64_MAX;
    snprintf(name, sizeof name, "%s%s/%s", mount, path, file);
    FILE *f = fopen(name, "re");
    if (!f)
        return limit;
    if (fgets(text, sizeof text, f) && text[0] >= '0' && text[0] <= '9') {
        errno = 0;
        unsigned long long v = strtoull(text, NULL, 10);
        if (errno == 0 && v < (unsigned long long)INT64_MAX)
            limit = (int64_t)v;
    }
    fclose(f);
    return limit;
}

static int64_t least_limit(const char *mount, const char *path)
{
    int64_t max = read_limit(mount, path, "memory.max");
    int64_t high = read_limit(mount, path, "memory.high");
    return max < high ? max : high;
}

int64_t cgroup_memory_limit(const char *root)
{
    static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    char path[PATH_MAX];
    int64_t least = INT64_MAX;
    if (!cgroup_path(root, path))
        return 0;
    for (;;) {
        if (strcmp(path, "/") == 0)
            path[0] = '\0';
        for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
            char mount[PATH_MAX];
            snprintf(mount, sizeof mount, "%s%s", root, mounts[i]);
            int64_t limit = least_limit(mount, path);
            least = limit < least ? limit : least;
        }
        char *slash = strrchr(path, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    return least == INT64_MAX ? 0 : least;
}

int64_t memory_available(const char *root)
{
    struct sysinfo info;
    int64_t machine = INT64_MAX;
    if (sysinfo(&info) == 0)
        machine = (int64_t)info.totalram * (int64_t)info.mem_unit;
    int64_t limit = cgroup_memory_limit(root);
    return limit > 0 && limit < machine ? limit : machine;
}
