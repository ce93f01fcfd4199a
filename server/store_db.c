/* Databases: logical numbers map to physical ones. SWAPDB swaps two numbers; FLUSHDB gives the logical one an empty
 * physical one and leaves the old to the sweep, which walks the index and frees what belongs to the dead. */
#include <stddef.h>
#include <string.h>

#include "server/store_private.h"
#include "slab/base/clock.h"

static int64_t sum_db(const struct store *s, uint16_t db, size_t offset)
{
    int64_t sum = 0;
    for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL; x = x->next)
        sum += atomic_load_explicit((_Atomic int64_t *)(void *)((char *)&x->dbs[db] + offset), memory_order_relaxed);
    return sum > 0 ? sum : 0;
}

int64_t store_db_keys(const struct store *s, uint16_t db)
{
    return sum_db(s, db, offsetof(struct db_counters, keys));
}

int64_t store_db_expires(const struct store *s, uint16_t db)
{
    return sum_db(s, db, offsetof(struct db_counters, expires));
}

/* Read twice: where no counter changed between, the sum is that of one moment. */
bool store_may_expire(const struct store *s)
{
    int64_t sum[2] = {0};
    uint64_t print[2] = {0};
    for (int pass = 0; pass < 2 && sum[0] == 0; pass++)
        for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL; x = x->next)
            for (int db = 0; db < DB_PHYSICAL; db++) {
                int64_t n = atomic_load(&x->dbs[db].expires);
                sum[pass] += n;
                print[pass] = print[pass] * 31 + (uint64_t)n;
            }
    return sum[0] != 0 || print[0] != print[1];
}

int64_t store_db_ttl_avg_ms(const struct store *s, uint16_t db)
{
    int64_t n = store_db_expires(s, db);
    if (n == 0)
        return 0;
    int64_t avg = sum_db(s, db, offsetof(struct db_counters, expire_sum_s)) / n * 1000 - clock_wall_ms();
    return avg > 0 ? avg : 0;
}

uint16_t store_db(const struct store *s, int logical)
{
    return atomic_load_explicit(&s->db_map[logical], memory_order_relaxed);
}

void store_db_swap(struct store *s, int a, int b)
{
    lock_take(&s->db_lock, LOCK_DB);
    uint16_t old = atomic_load(&s->db_map[a]);
    atomic_store(&s->db_map[a], atomic_load(&s->db_map[b]));
    atomic_store(&s->db_map[b], old);
    lock_release(&s->db_lock, LOCK_DB);
}

/* A sum over threads may miss a key that one inserts while another deletes an older one. So the counters are read
 * twice, and tell only when nothing changed between. */
static bool db_is_empty(const struct store *s, uint16_t db)
{
    int64_t sum[2] = {0};
    uint64_t print[2] = {0};
    for (int pass = 0; pass < 2; pass++)
        for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL; x = x->next) {
            int64_t keys = atomic_load(&x->dbs[db].keys);
            sum[pass] += keys;
            print[pass] = print[pass] * 31 + (uint64_t)keys;
        }
    return sum[0] == 0 && sum[1] == 0 && print[0] == print[1];
}

static void mark_dead(struct store *s, int db)
{
    s->db_dead[db] = 1;
    atomic_fetch_add(&s->dead_count, 1);
}

/* An unmapped, empty physical number; -1: all wait for the sweep. Database lock held. */
static int find_empty(struct store *s)
{
    uint8_t used[DB_PHYSICAL] = {0};
    for (int i = 0; i < s->databases; i++)
        used[atomic_load(&s->db_map[i])] = 1;
    for (int k = 0; k < DB_PHYSICAL; k++) {
        /* in turns among the numbers that items hold for nothing: a command that read one before its flush has long
         * ended when it comes round again */
        int i = k < ITEM_DB_WIDE ? (s->db_turn + k) % ITEM_DB_WIDE : k;
        if (used[i] || s->db_dead[i])
            continue;
        if (db_is_empty(s, (uint16_t)i)) {
            s->db_turn = i + 1;
            return i;
        }
        mark_dead(s, i); /* a command that had read the old number wrote after the sweep */
    }
    return -1;
}

void store_db_flush(struct store_ctx *sx, int logical)
{
    struct store *s = sx->store;
    for (;;) {
        lock_take(&s->db_lock, LOCK_DB);
        uint16_t old = atomic_load(&s->db_map[logical]);
        int empty = db_is_empty(s, old) ? old : find_empty(s);
        if (empty >= 0 && empty != old) {
            atomic_store(&s->db_map[logical], (uint16_t)empty);
            mark_dead(s, old);
        }
        lock_release(&s->db_lock, LOCK_DB);
        if (empty >= 0) {
            if (empty != old)
                s->wake(s->wake_arg);
            return;
        }
        while (store_sweep(sx, SHARDS)) /* every number waits for the sweep: help */
            ;
    }
}

/* Frees what is dead of one table: all of it at once, or entry by entry (removals re-lay the table, so they are
 * collected first). */
static void sweep_table(struct store_ctx *sx, struct shard *sh, uint32_t n, const uint8_t *dead)
{
    struct store *s = sx->store;
    struct table t;
    chunk_ref refs[TABLE_CAP_MAX];
    uint32_t first, found = 0, entries = 0;
    if (!index_table(s, sh, n, &t, &first))
        return;
    for (uint32_t j = 0; j < t.cap; j++)
        if (t.slots[j] != 0) {
            __builtin_prefetch(slab_ptr(&s->slab, slot_ref(t.slots[j])));
            __builtin_prefetch((const void *)slab_state_of(&s->slab, slot_ref(t.slots[j])));
        }
    for (uint32_t j = 0; j < t.cap; j++) {
        if (t.slots[j] == 0)
            continue;
        const struct item *it = slab_ptr(&s->slab, slot_ref(t.slots[j]));
        entries++;
        if (dead[item_db(it, item_head(it))])
            refs[found++] = slot_ref(t.slots[j]);
    }
    if (found > 0 && found == entries) {
        index_drop_table(sx, sh, n);
        for (uint32_t j = 0; j < found; j++)
            payload_drop(sx, refs[j]);
        return;
    }
    for (uint32_t j = 0; j < found; j++) {
        uint64_t hash = item_hash(s, slab_ptr(&s->slab, refs[j]));
        entry_drop(sx, hash, index_find_ref(s, hash, refs[j]));
    }
}

static void sweep_shard(struct store_ctx *sx, struct shard *sh, const uint8_t *dead)
{
    lock_take(&sh->lock, LOCK_SHARD);
    for (uint32_t i = 0; i < shard_entries(sh); i++)
        sweep_table(sx, sh, i, dead);
    shard_release(sx, sh);
}

/* The end of a round: numbers that are empty now may be used again; true: some are not. */
static bool sweep_end(struct store *s, const uint8_t *dead)
{
    bool more = false;
    lock_take(&s->db_lock, LOCK_DB);
    for (int i = 0; i < DB_PHYSICAL; i++) {
        if (!s->db_dead[i])
            continue;
        if (dead[i] && db_is_empty(s, (uint16_t)i)) {
            s->db_dead[i] = 0;
            atomic_fetch_sub(&s->dead_count, 1);
        } else {
            more = true;
        }
    }
    lock_release(&s->db_lock, LOCK_DB);
    return more;
}

bool store_sweep(struct store_ctx *sx, uint32_t shards)
{
    struct store *s = sx->store;
    bool more = true;
    if (atomic_load(&s->dead_count) == 0)
        return false;
    lock_take(&s->reclaim, LOCK_RECLAIM);
    if (s->sweep_shard == 0) { /* a round frees what was dead at its beginning */
        lock_take(&s->db_lock, LOCK_DB);
        memcpy(s->sweep_dead, s->db_dead, sizeof s->sweep_dead);
        lock_release(&s->db_lock, LOCK_DB);
    }
    for (; shards > 0 && s->sweep_shard < SHARDS; shards--, s->sweep_shard++)
        if (!shard_is_bare(&s->shards[s->sweep_shard]))
            sweep_shard(sx, &s->shards[s->sweep_shard], s->sweep_dead);
    if (s->sweep_shard == SHARDS) {
        s->sweep_shard = 0;
        more = sweep_end(s, s->sweep_dead);
    }
    lock_release(&s->reclaim, LOCK_RECLAIM);
    return more;
}
