/* See memory_watch.h. A cgroup kills at its limit whatever maxmemory says, so values are kept within the lesser of the
 * two; the option itself is left as it was asked for. Without maxmemory nothing is bounded: MEMORY DOCTOR says that. */
#include "server/memory_watch.h"

#include <string.h>

#include "server/memory_state.h"
#include "server/options.h"
#include "server/server.h"
#include "server/store_private.h"
#include "slab/base/log.h"

enum { CEILING_MARGIN = 32, SWAP_WORTH_SAYING = 1 << 20 };

static void say_limit(struct memory_watch *w, const struct memory_facts *f, uint64_t maxmemory, uint64_t ceiling,
                      struct text *said)
{
    char limit[TEXT_BYTES_CHARS], there[TEXT_BYTES_CHARS], kept[TEXT_BYTES_CHARS];
    bool over = ceiling > 0 && maxmemory > ceiling;
    if (over && !w->over)
        text_printf(said,
                    "maxmemory is %s, but the control group (cgroup) allows %s: memory is kept within %s. Raise "
                    "memory.max, or lower maxmemory (80%% stands for that share of what there is)\n",
                    text_bytes(limit, maxmemory), text_bytes(there, (unsigned long long)f->cgroup_limit),
                    text_bytes(kept, ceiling));
    else if (!over && w->over)
        text_printf(said, "maxmemory is %s, and the control group (cgroup) allows that again\n",
                    text_bytes(limit, maxmemory));
    w->over = over;
}

static void say_machine(struct memory_watch *w, const struct memory_facts *f, uint64_t maxmemory, struct text *said)
{
    char limit[TEXT_BYTES_CHARS], there[TEXT_BYTES_CHARS];
    bool over = f->machine > 0 && maxmemory > (uint64_t)f->machine;
    if (over && !w->over_ram)
        text_printf(said,
                    "maxmemory is %s, but this machine has %s: before it is reached the kernel swaps or kills the "
                    "process. Lower maxmemory (80%% stands for that share of what there is)\n",
                    text_bytes(limit, maxmemory), text_bytes(there, (unsigned long long)f->machine));
    w->over_ram = over;
}

static void say_swap(struct memory_watch *w, const struct memory_facts *f, struct text *said)
{
    char swapped[TEXT_BYTES_CHARS];
    if (f->swapped >= SWAP_WORTH_SAYING && f->swapped / 2 >= w->swapped) {
        text_printf(said,
                    "%s of this process are in swap: a request that needs them waits for the disk. Lower maxmemory, "
                    "or take swap away from this service (memory.swap.max of its cgroup, or swapoff)\n",
                    text_bytes(swapped, f->swapped));
        w->swapped = f->swapped;
    } else if (f->swapped < SWAP_WORTH_SAYING && w->swapped > 0) {
        text_puts(said, "Nothing of this process is in swap any more\n");
        w->swapped = 0;
    }
}

uint64_t memory_watch_step(struct memory_watch *w, const struct memory_facts *f, uint64_t maxmemory, struct text *said)
{
    uint64_t limit = f->cgroup_limit > 0 ? (uint64_t)f->cgroup_limit : 0, ceiling = limit - limit / CEILING_MARGIN;
    say_limit(w, f, maxmemory, ceiling, said);
    say_machine(w, f, maxmemory, said);
    say_swap(w, f, said);
    if (f->overcommit == 2 && !w->overcommit)
        text_puts(said, "vm.overcommit_memory is 2: the kernel may refuse memory that is there, and writes are then "
                        "answered with OOM. Set it to 0 or 1, or raise vm.overcommit_ratio\n");
    w->overcommit = f->overcommit == 2;
    return ceiling;
}

static void log_lines(const struct text *said)
{
    for (const char *at = said->p; at != NULL && *at != '\0';) {
        const char *end = strchr(at, '\n');
        size_t n = end != NULL ? (size_t)(end - at) : strlen(at);
        log_line(LOG_WARNING, "%.*s", (int)n, at);
        at += n + (end != NULL);
    }
}

void memory_watch(struct server *srv, struct memory_watch *w)
{
    struct memory_facts f;
    struct text said = {0};
    memory_facts(srv, &f);
    options_follow_memory(srv->opt);
    uint64_t ceiling = memory_watch_step(w, &f, (uint64_t)OPT(srv->opt, maxmemory), &said);
    atomic_store(&srv->store->memory.ceiling, ceiling);
    log_lines(&said);
    text_free(&said);
}
