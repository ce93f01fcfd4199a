/* See memory_report.h. */
#include "server/memory_report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/cgroup.h"
#include "server/options.h"
#include "server/server.h"

#define MB ((size_t)1 << 20)

static double ratio(size_t a, size_t b)
{
    return b > 0 ? (double)a / (double)b : 0;
}

static int64_t difference(size_t a, size_t b)
{
    return (int64_t)a - (int64_t)b;
}

void memory_report(struct server *srv, struct memory_report *r)
{
    memset(r, 0, sizeof *r);
    struct memory_parts *m = &r->m;
    memory_parts(srv, m);
    m->peak_used = m->used > m->peak_used ? m->used : m->peak_used;
    m->peak_rss = m->rss > m->peak_rss ? m->rss : m->peak_rss;
    r->overhead = m->used > m->dataset ? m->used - m->dataset : 0;
    r->dataset_perc = m->used > m->startup ? 100 * ratio(m->dataset, m->used - m->startup) : 0;
    r->dataset_perc = r->dataset_perc > 100 ? 100 : r->dataset_perc;
    r->peak_perc = 100 * ratio(m->used, m->peak_used);
    r->allocated = m->dataset + m->index + m->reserved + m->orphaned + m->jemalloc_allocated;
    r->active = m->pages - (m->reserve < m->pages ? m->reserve : m->pages) + m->jemalloc_active;
    r->resident = m->pages + m->tables + m->jemalloc;
    r->frag_ratio = ratio(r->active, r->allocated);
    r->frag_bytes = difference(r->active, r->allocated);
    r->rss_ratio = ratio(r->resident, r->active);
    r->rss_bytes = difference(r->resident, r->active);
    r->overhead_ratio = ratio(m->rss, r->resident);
    r->overhead_bytes = difference(m->rss, r->resident);
    r->fragmentation_ratio = ratio(m->rss, m->used);
    r->fragmentation_bytes = difference(m->rss, m->used);
}

/* A figure of /proc/self/status in bytes ("VmSwap"), 0 where it has none. */
static size_t status_bytes(const char *field)
{
    char line[128];
    unsigned long long kb = 0;
    FILE *f = fopen("/proc/self/status", "re");
    size_t n = strlen(field);
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, field, n) == 0 && line[n] == ':' && sscanf(line + n + 1, "%llu", &kb) == 1)
            break;
    }
    if (f != NULL)
        fclose(f);
    return (size_t)kb * 1024;
}

int64_t memory_machine_bytes(void)
{
    return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

static int overcommit_mode(void)
{
    int mode = -1;
    FILE *f = fopen("/proc/sys/vm/overcommit_memory", "re");
    if (f == NULL)
        return mode;
    if (fscanf(f, "%d", &mode) != 1)
        mode = -1;
    fclose(f);
    return mode;
}

void memory_facts(struct server *srv, struct memory_facts *f)
{
    char root[OPTIONS_TEXT_CHARS];
    memset(f, 0, sizeof *f);
    options_text(srv->opt, &srv->opt->system_root, root, sizeof root);
    f->swapped = status_bytes("VmSwap");
    f->cgroup_limit = cgroup_memory_limit(root);
    f->machine = memory_machine_bytes();
    f->overcommit = overcommit_mode();
    f->clients = atomic_load_explicit(&srv->nclients, memory_order_relaxed);
    f->activedefrag = OPT(srv->opt, activedefrag) != 0;
    f->evicts = OPT(srv->opt, maxmemory_policy) != POLICY_NOEVICTION;
}

/* ---- findings: each appends its paragraph and returns true where it applies -------------------------------------- */

typedef bool (*finding)(struct text *t, const struct memory_report *r, const struct memory_facts *f);

static bool find_small_limit(struct text *t, const struct memory_report *r, const struct memory_facts *f)
{
    char limit[TEXT_BYTES_CHARS], other[TEXT_BYTES_CHARS];
    (void)f;
    if (r->m.limit == 0 || r->m.limit > r->m.total - r->m.pages)
        return false;
    text_printf(
        t,
        " * maxmemory leaves nothing to values: it is %s, but what is not values takes %s. Raise it; bytes take "
        "units, as in 100mb.\n\n",
        text_bytes(limit, r->m.limit), text_bytes(other, r->m.total - r->m.pages));
    return true;
}

static bool find_limits(struct text *t, const struct memory_report *r, const struct memory_facts *f)
{
    char limit[TEXT_BYTES_CHARS], room[TEXT_BYTES_CHARS];
    bool cgroup = f->cgroup_limit > 0 && f->cgroup_limit < f->machine;
    int64_t there = cgroup ? f->cgroup_limit : f->machine;
    const char *what = cgroup ? "this control group (cgroup)" : "this machine";
    if (r->m.limit == 0) {
        if (!cgroup)
            return false;
        text_printf(t,
                    " * No maxmemory while the cgroup is limited: %s may have %s, and beyond that the kernel kills the "
                    "process. Set maxmemory below it, for example CONFIG SET maxmemory 80%%.\n\n",
                    what, text_bytes(room, (unsigned long long)there));
        return true;
    }
    if ((int64_t)r->m.limit <= there)
        return false;
    text_printf(t,
                " * maxmemory cannot be reached: it is %s, but %s has %s. %s Lower maxmemory (80%% stands for that "
                "share of what there is), or give it more memory.\n\n",
                text_bytes(limit, r->m.limit), what, text_bytes(room, (unsigned long long)there),
                cgroup ? "Memory is kept below that meanwhile (maxmemory_effective in INFO memory)."
                       : "The kernel will swap or kill the process before anything is evicted.");
    return true;
}

static bool find_swap(struct text *t, const struct memory_report *r, const struct memory_facts *f)
{
    char swapped[TEXT_BYTES_CHARS];
    (void)r;
    if (f->swapped < MB)
        return false;
    text_printf(t,
                " * Swapped out: %s of this process are in swap, and a request that needs them waits for the disk. "
                "Lower maxmemory so that the machine's other programs have room, or take swap away from this "
                "service (memory.swap.max of its cgroup, or swapoff).\n\n",
                text_bytes(swapped, f->swapped));
    return true;
}

static bool find_peak(struct text *t, const struct memory_report *r, const struct memory_facts *f)
{
    char peak[TEXT_BYTES_CHARS], used[TEXT_BYTES_CHARS], rss[TEXT_BYTES_CHARS];
    (void)f;
    if (r->m.peak_used < r->m.used + r->m.used / 2 + 10 * MB)
        return false;
    text_printf(t, " * Big peak: %s were in use once, %s are now. ", text_bytes(peak, r->m.peak_used),
                text_bytes(used, r->m.used));
    if (r->m.rss > r->m.used + r->m.used / 4)
        text_printf(t, "%s are still resident; they are given back in the background, or at once by MEMORY PURGE.\n\n",
                    text_bytes(rss, r->m.rss));
    else
        text_puts(t, "What is no longer needed went back to the system; nothing is to be done.\n\n");
    return true;
}

static bool find_fragmentation(struct text *t, const struct memory_report *r, const struct memory_facts *f)
{
    char scattered[TEXT_BYTES_CHARS];
    if (r->fragmentation_ratio < 1.4 || r->m.page_free < 10 * MB)
        return false;
    text_printf(t,
                " * High fragmentation: the ratio of resident to used memory is %.2f, and %s are free chunks scattered "
                "over pages in use. ",
                r->fragmentation_ratio, text_bytes(scattered, r->m.page_free));
    if (f->activedefrag)
        text_puts(t,
                  "Active defragmentation is on and at work on it; active-defrag-cycle-max lets it take a larger share "
                  "of a core, MEMORY PURGE does it all at once.\n\n");
    else
        text_puts(t, "Turn on CONFIG SET activedefrag yes, or run MEMORY PURGE.\n\n");
    return true;
}

static bool find_allocator(struct text *t, const struct memory_report *r, const struct memory_facts *f)
{
    char idle[TEXT_BYTES_CHARS];
    (void)f;
    size_t held = r->m.jemalloc, needed = r->m.jemalloc_allocated;
    if (held < needed + 10 * MB || ratio(held, needed) < 1.5)
        return false;
    text_printf(
        t,
        " * Buffers left behind: jemalloc, which serves connections and buffers, holds %s that nobody uses. They "
        "go back within seconds, or at once by MEMORY PURGE.\n\n",
        text_bytes(idle, held - needed));
    return true;
}

static bool find_clients(struct text *t, const struct memory_report *r, const struct memory_facts *f)
{
    char all[TEXT_BYTES_CHARS], each[TEXT_BYTES_CHARS];
    size_t mean = f->clients > 0 ? r->m.clients / f->clients : 0;
    if (mean < 200 * 1024 && r->m.clients < 10 * MB + r->m.used / 4)
        return false;
    text_printf(t,
                " * Big client buffers: %u connections hold %s, %s each on average. Readers that are slower than what "
                "they ask for cause this: see tot-mem and omem in CLIENT LIST, and bound it with maxmemory-clients "
                "and client-output-buffer-limit.\n\n",
                f->clients, text_bytes(all, r->m.clients), text_bytes(each, mean));
    return true;
}

static bool find_overcommit(struct text *t, const struct memory_report *r, const struct memory_facts *f)
{
    (void)r;
    if (f->overcommit != 2)
        return false;
    text_puts(
        t, " * Strict overcommit: vm.overcommit_memory is 2, so the kernel may refuse memory that is there. Writes are "
           "then answered with OOM although maxmemory is not reached. Set it to 0 or 1, or raise "
           "vm.overcommit_ratio.\n\n");
    return true;
}

static bool find_refusal(struct text *t, const struct memory_report *r, const struct memory_facts *f)
{
    if (r->m.limit == 0 || f->evicts || r->m.total < r->m.limit - r->m.limit / 20)
        return false;
    text_puts(
        t, " * Nearly full: memory is within 5% of maxmemory and maxmemory-policy is noeviction, so writes are or will "
           "soon be refused. Raise maxmemory, delete keys, or choose a policy that evicts, for example "
           "CONFIG SET maxmemory-policy allkeys-s3fifo.\n\n");
    return true;
}

unsigned memory_diagnose(struct text *t, const struct memory_report *r, const struct memory_facts *f)
{
    static const finding findings[] = {
        find_small_limit,   find_limits,    find_swap,    find_refusal,    find_peak,
        find_fragmentation, find_allocator, find_clients, find_overcommit,
    };
    struct text found = {0};
    unsigned n = 0;
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++)
        n += findings[i](&found, r, f);
    if (n == 0) {
        text_puts(t, "No memory problem was found in this instance.\n");
    } else {
        text_printf(t, "%u memory problem%s found in this instance:\n\n", n, n == 1 ? " was" : "s were");
        text_add(t, found.p != NULL ? found.p : "", found.len);
        t->failed |= found.failed;
    }
    text_free(&found);
    return n;
}
