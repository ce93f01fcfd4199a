/* See limit.h. Over the limit is who has more pages in use than maxmemory leaves for them; what is merely scattered, or
 * waits to be freed, does not count, since the memory thread gives it back without losing anything. Under a
 * policy that evicts, a write that runs short evicts: it is refused here only where that cannot help, since what is no
 * value takes all of maxmemory by itself and no more pages are in use than the few that a server keeps regardless. */
#include "server/limit.h"

#include "defrag/policy.h"
#include "server/options.h"
#include "server/reclaim.h"
#include "server/server.h"
#include "server/store_private.h"

void limit_measured(struct server *srv, uint64_t pages)
{
    atomic_store_explicit(&srv->store->memory.pages_allowed, pages, memory_order_relaxed);
    if (pages == 0 || pool_in_use(&srv->store->slab.pool) > pages)
        atomic_fetch_or(&srv->attention, ATTENTION_MEMORY);
    else if ((atomic_load(&srv->attention) & ATTENTION_MEMORY) != 0)
        atomic_fetch_and(&srv->attention, ~(uint32_t)ATTENTION_MEMORY);
}

bool limit_refuses(struct server *srv, struct store_ctx *sx)
{
    struct store *s = sx->store;
    struct class_view v[CLASS_MAX];
    uint64_t allowed = atomic_load_explicit(&s->memory.pages_allowed, memory_order_relaxed);
    uint64_t in_use = pool_in_use(&s->slab.pool);
    if (OPT(srv->opt, maxmemory_policy) != POLICY_NOEVICTION)
        return allowed == 0 && in_use <= BUDGET_MIN_PAGES;
    if (in_use <= allowed && allowed > 0)
        return false;
    if (allowed == 0)
        return true;
    if (atomic_load(&s->dead_count) > 0 || atomic_load(&s->lazy_ropes) > 0)
        return false;
    return (in_use - allowed) * PAGE_SIZE > policy_scattered_bytes(v, reclaim_views(s, v));
}
