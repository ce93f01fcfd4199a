/* INFO: the sections memory and slabs, from memory_report.c and the store's rows of classes. */
#ifndef FLAGSTONE_NO_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif
#include <stdlib.h>

#include "defrag/outcome.h"
#include "server/clients.h"
#include "server/info_private.h"
#include "server/memory_report.h"
#include "server/options.h"
#include "server/store_private.h"

enum { CLASS_ROWS_MAX = 1024 };

static void write_bytes(struct info *i, const char *name, size_t bytes)
{
    char human[TEXT_BYTES_CHARS];
    INFO_LINE(i, "%s:%zu", name, bytes);
    INFO_LINE(i, "%s_human:%s", name, text_bytes(human, bytes));
}

static void write_used(struct info *i, const struct memory_report *r)
{
    write_bytes(i, "used_memory", r->m.used);
    write_bytes(i, "used_memory_rss", r->m.rss);
    write_bytes(i, "used_memory_peak", r->m.peak_used);
    INFO_LINE(i, "used_memory_peak_perc:%.2f%%", r->peak_perc);
    INFO_LINE(i, "used_memory_overhead:%zu", r->overhead);
    INFO_LINE(i, "used_memory_startup:%zu", r->m.startup);
    INFO_LINE(i, "used_memory_dataset:%zu", r->m.dataset);
    INFO_LINE(i, "used_memory_dataset_perc:%.2f%%", r->dataset_perc);
    INFO_LINE(i, "allocator_allocated:%zu", r->allocated);
    INFO_LINE(i, "allocator_active:%zu", r->active);
    INFO_LINE(i, "allocator_resident:%zu", r->resident);
    write_bytes(i, "total_system_memory", (size_t)memory_machine_bytes());
    info_constant(i, "used_memory_lua used_memory_vm_eval", "0");
    info_constant(i, "used_memory_lua_human", "0B");
    info_constant(i,
                  "used_memory_scripts_eval number_of_cached_scripts number_of_functions number_of_libraries "
                  "used_memory_vm_functions used_memory_vm_total",
                  "0");
    info_constant(i, "used_memory_vm_total_human", "0B");
    info_constant(i, "used_memory_functions used_memory_scripts", "0");
    info_constant(i, "used_memory_scripts_human", "0B");
}

static void write_ratios(struct info *i, const struct memory_report *r)
{
    INFO_LINE(i, "allocator_frag_ratio:%.2f", r->frag_ratio);
    INFO_LINE(i, "allocator_frag_bytes:%lld", (long long)r->frag_bytes);
    INFO_LINE(i, "allocator_rss_ratio:%.2f", r->rss_ratio);
    INFO_LINE(i, "allocator_rss_bytes:%lld", (long long)r->rss_bytes);
    INFO_LINE(i, "rss_overhead_ratio:%.2f", r->overhead_ratio);
    INFO_LINE(i, "rss_overhead_bytes:%lld", (long long)r->overhead_bytes);
    INFO_LINE(i, "mem_fragmentation_ratio:%.2f", r->fragmentation_ratio);
    INFO_LINE(i, "mem_fragmentation_bytes:%lld", (long long)r->fragmentation_bytes);
}

#ifdef FLAGSTONE_NO_JEMALLOC
static const char allocator_name[] = "slab+libc";
#else
#define QUOTED(x) #x
#define VERSION_TEXT(major, minor, fix) QUOTED(major) "." QUOTED(minor) "." QUOTED(fix)
static const char allocator_name[] =
    "slab+jemalloc-" VERSION_TEXT(JEMALLOC_VERSION_MAJOR, JEMALLOC_VERSION_MINOR, JEMALLOC_VERSION_BUGFIX);
#endif

static void write_clients(struct info *i)
{
    struct clients_totals c;
    clients_totals(i->srv, &c);
    info_constant(
        i, "mem_not_counted_for_evict mem_replication_backlog mem_total_replication_buffers mem_clients_slaves", "0");
    INFO_LINE(i, "mem_clients_normal:%zu", c.memory_normal);
    INFO_LINE(i, "mem_clients_pubsub:%zu", c.memory_pubsub);
    info_constant(i, "mem_cluster_links mem_aof_buffer", "0");
    INFO_LINE(i, "mem_allocator:%s", allocator_name);
}

/* Flagstone's own: the sum that equals the resident size, and what the pages hold. */
static void write_accounting(struct info *i, const struct memory_parts *m)
{
    INFO_LINE(i, "accounted_total:%zu", m->total);
    INFO_LINE(i, "accounted_pages:%zu", m->pages);
    INFO_LINE(i, "accounted_tables:%zu", m->tables);
    INFO_LINE(i, "accounted_jemalloc:%zu", m->jemalloc);
    INFO_LINE(i, "accounted_stacks:%zu", m->stacks);
    INFO_LINE(i, "accounted_base:%zu", m->base);
    INFO_LINE(i, "rss_peak:%zu", m->peak_rss);
    INFO_LINE(i, "pages_used:%llu", (unsigned long long)m->n_pages_used);
    INFO_LINE(i, "pages_draining:%llu", (unsigned long long)m->n_pages_draining);
    INFO_LINE(i, "pages_free:%llu", (unsigned long long)m->n_pages_free);
    INFO_LINE(i, "bytes_reserve:%zu", m->reserve);
    INFO_LINE(i, "bytes_live:%zu", m->live);
    INFO_LINE(i, "bytes_free_in_pages:%zu", m->page_free);
    INFO_LINE(i, "bytes_chunk_waste:%zu", m->waste);
    INFO_LINE(i, "bytes_index:%zu", m->index);
    INFO_LINE(i, "bytes_reserved_chunks:%zu", m->reserved);
    INFO_LINE(i, "bytes_orphaned:%zu", m->orphaned);
    INFO_LINE(i, "bytes_connections:%zu", m->clients);
    INFO_LINE(i, "jemalloc_allocated:%zu", m->jemalloc_allocated);
    INFO_LINE(i, "jemalloc_active:%zu", m->jemalloc_active);
    INFO_LINE(i, "pages_moved:%llu", (unsigned long long)m->pages_moved);
    INFO_LINE(i, "chunks_moved:%llu", (unsigned long long)m->chunks_moved);
    INFO_LINE(i, "bytes_moved:%llu", (unsigned long long)m->bytes_moved);
    INFO_LINE(i, "reclaim_background:%llu", (unsigned long long)m->reclaim_background);
    INFO_LINE(i, "reclaim_direct:%llu", (unsigned long long)m->reclaim_direct);
}

/* As in Redis: per cent of a core that it means to take, 0: it is not at work. */
static void write_defrag(struct info *i)
{
    struct defrag_report d;
    defrag_run_report(i->srv, &d);
    INFO_LINE(i, "active_defrag_running:%u", d.effort > 0 && d.effort < 10 ? 1 : d.effort / 10);
    INFO_LINE(i, "active_defrag_state:%s", policy_why_name(d.why));
    INFO_LINE(i, "active_defrag_scattered:%zu", d.scattered);
    INFO_LINE(i, "active_defrag_latency_guard:%u", d.guard / 10);
}

void info_memory(struct info *i)
{
    struct memory_report r;
    memory_report(i->srv, &r);
    write_used(i, &r);
    write_bytes(i, "maxmemory", r.m.limit);
    INFO_LINE(i, "maxmemory_effective:%llu", (unsigned long long)memory_limit(i->srv));
    INFO_LINE(i, "maxmemory_policy:%s", options_choice("maxmemory-policy", OPT(i->srv->opt, maxmemory_policy)));
    write_ratios(i, &r);
    write_clients(i);
    write_defrag(i);
    INFO_LINE(i, "lazyfree_pending_objects:%llu", (unsigned long long)r.m.lazyfree_pending);
    write_accounting(i, &r.m);
}

static void write_class(struct info *i, const struct memory_class_row *row)
{
    INFO_LINE(i,
              "class_%u:chunks_per_page=%u,pages=%llu,live=%llu,free=%llu,reserved=%llu,orphaned=%llu,frag_index=%u,"
              "evicted=%llu,evicted_age_ms=%llu",
              row->chunk_size, row->chunks_per_page, (unsigned long long)row->pages, (unsigned long long)row->live,
              (unsigned long long)row->free, (unsigned long long)row->reserved, (unsigned long long)row->orphaned,
              row->frag_index, (unsigned long long)row->evicted, (unsigned long long)row->evicted_age_ms);
}

/* How relocations ended, by outcome. */
static void write_outcomes(struct info *i)
{
    for (int o = 0; o < MOVE_OUTCOMES; o++)
        INFO_LINE(i, "relocated_%s:%llu", move_outcome_name((enum move_outcome)o),
                  (unsigned long long)atomic_load_explicit(&i->srv->store->outcomes[o], memory_order_relaxed));
}

void info_slabs(struct info *i)
{
    struct memory_class_row *rows = calloc(CLASS_ROWS_MAX, sizeof *rows);
    if (rows == NULL) {
        i->t->failed = true;
        return;
    }
    int n = memory_class_rows(i->srv, rows, CLASS_ROWS_MAX);
    n = n < CLASS_ROWS_MAX ? n : CLASS_ROWS_MAX;
    INFO_LINE(i, "classes:%d", n);
    for (int c = 0; c < n; c++)
        write_class(i, &rows[c]);
    write_outcomes(i);
    free(rows);
}
