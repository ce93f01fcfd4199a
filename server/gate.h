/* The gate: a worker that needs the store to itself (a transaction with commands that lock no keys, txn_exec.c) closes
 * it; the others stop where they hold no lock, before their next batch. Without one it costs a batch two writes to a
 * word of the worker's own and a look at a line that nobody writes.
 *
 * The memory thread does not stop: what it does (moving, expiring, evicting) may happen between any two commands. */
#ifndef FLAGSTONE_SERVER_GATE_H
#define FLAGSTONE_SERVER_GATE_H

struct worker;

/* Around everything that executes commands; no lock held. gate_enter waits while the gate is closed. */
void gate_enter(struct worker *w);
void gate_leave(struct worker *w);

/* Between gate_enter and gate_leave, no lock held: returns when all other workers have stopped. */
void gate_close(struct worker *w);
void gate_open(struct worker *w);

#endif
