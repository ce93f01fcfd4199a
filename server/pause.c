/* See pause.h. Changes are made under a lock; commands read mode and time without, after they saw the bit in
 * srv->attention. */
#include "server/pause.h"

#include "server/mailbox.h"
#include "server/worker.h"

void pause_begin(struct server *s, enum pause_mode mode, int64_t until_ms)
{
    lock_take(&s->pause_lock, LOCK_CLIENTS);
    if ((int)mode > atomic_load(&s->pause_mode))
        atomic_store(&s->pause_mode, mode);
    if (until_ms > atomic_load(&s->pause_until_ms))
        atomic_store(&s->pause_until_ms, until_ms);
    atomic_fetch_or(&s->attention, ATTENTION_PAUSE);
    lock_release(&s->pause_lock, LOCK_CLIENTS);
}

static void clear(struct server *s)
{
    atomic_store(&s->pause_mode, PAUSE_NONE);
    atomic_store(&s->pause_until_ms, 0);
    atomic_fetch_and(&s->attention, ~(uint32_t)ATTENTION_PAUSE);
}

void pause_end(struct server *s)
{
    lock_take(&s->pause_lock, LOCK_CLIENTS);
    clear(s);
    lock_release(&s->pause_lock, LOCK_CLIENTS);
    for (int i = 0; i < s->nworkers; i++) {
        struct letter *l = letter_new(LETTER_UNPAUSE, 0, 0);
        if (l != NULL) /* else the worker's timer does it */
            mailbox_post(s->workers[i]->mail, l);
    }
}

void pause_expire(struct server *s, int64_t now_ms)
{
    lock_take(&s->pause_lock, LOCK_CLIENTS);
    if (atomic_load(&s->pause_mode) != PAUSE_NONE && now_ms >= atomic_load(&s->pause_until_ms))
        clear(s);
    lock_release(&s->pause_lock, LOCK_CLIENTS);
}
