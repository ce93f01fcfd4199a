/*
 * CPU time is the sum of the first field of /proc/<pid>/task/<tid>/schedstat, the scheduler's own count of run time in
 * nanoseconds; where the kernel has no schedstat, utime + stime of /proc/<pid>/stat (ticks of 10 ms) stands in.
 */
#include "tests/bench/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_by_ticks(int pid)
{
    char path[64];
    char line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    unsigned long utime = 0;
    unsigned long stime = 0;
    if (fgets(line, sizeof line, file) != NULL) {
        const char *rest = strrchr(line, ')');
        if (rest != NULL) {
            sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &utime, &stime);
        }
    }
    fclose(file);
    return (uint64_t)(utime + stime) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

struct process_cpu process_cpu(int pid)
{
    struct process_cpu cpu = {0, 0};
    char path[320];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return cpu;
    }
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, entry->d_name);
        FILE *file = fopen(path, "r");
        unsigned long long ns = 0;
        if (file != NULL) {
            if (fscanf(file, "%llu", &ns) != 1) {
                ns = 0;
            }
            fclose(file);
        }
        cpu.total_ns += ns;
        cpu.busiest_ns = ns > cpu.busiest_ns ? ns : cpu.busiest_ns;
    }
    closedir(dir);
    if (cpu.total_ns == 0) {
        cpu.total_ns = cpu_by_ticks(pid);
        cpu.busiest_ns = cpu.total_ns;
    }
    return cpu;
}

uint64_t process_stolen_ns(void)
{
    unsigned long stolen = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %lu", &stolen) != 1) {
        stolen = 0;
    }
    fclose(file);
    return stolen * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t status_field(int pid, const char *name)
{
    char path[64];
    char line[256];
    uint64_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtoull(line + strlen(name), NULL, 10);
            break;
        }
    }
    fclose(file);
    return kib * 1024;
}

uint64_t process_rss(int pid)
{
    return status_field(pid, "VmRSS:");
}

uint64_t process_peak_rss(int pid)
{
    return status_field(pid, "VmHWM:");
}
