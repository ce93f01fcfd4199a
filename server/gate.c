/* See gate.h. Two words in each other's sight (Dekker): a worker says that it is busy and then looks at the gate; who
 * closes the gate does so and then looks who is busy. Both are sequentially consistent. Sleepers wait on futexes. */
#include "server/gate.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/server.h"
#include "server/worker.h"
#include "slab/base/assert.h"

static void sleep_while(_Atomic uint32_t *word, uint32_t value)
{
    while (atomic_load(word) == value)
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake_all(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

void gate_enter(struct worker *w)
{
    for (;;) {
        atomic_store(&w->busy, 1);
        if (LIKELY(atomic_load(&w->srv->gate_closed) == 0))
            return;
        gate_leave(w);
        sleep_while(&w->srv->gate_closed, 1);
    }
}

void gate_leave(struct worker *w)
{
    atomic_store(&w->busy, 0);
    if (UNLIKELY(atomic_load(&w->srv->gate_closed) != 0))
        wake_all(&w->busy);
}

void gate_close(struct worker *w)
{
    struct server *s = w->srv;
    gate_leave(w); /* another one that closes it does not wait for this one */
    uint32_t open = 0;
    while (!atomic_compare_exchange_strong(&s->gate_closed, &open, 1)) {
        open = 0;
        sleep_while(&s->gate_closed, 1);
    }
    for (int i = 0; i < s->nworkers; i++) {
        if (s->workers[i] != w)
            sleep_while(&s->workers[i]->busy, 1);
    }
}

void gate_open(struct worker *w)
{
    atomic_store(&w->busy, 1);
    atomic_store(&w->srv->gate_closed, 0);
    wake_all(&w->srv->gate_closed);
}
