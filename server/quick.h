/* The quick way: plain GETs and SETs of a pipeline, from the bytes to the reply with nothing in between.
 *
 *     conn_input.c   quick_parse   recognises, hashes and queues them         (dispatch_prepare does it for the rest)
 *     batch.c        quick_run     executes a run of them under one reading of the clock, of the flags, of the database
 *
 * It does the common case only: a short flat value, nobody who watches, nothing that is odd with the connection or the
 * server. Whatever is not common is left to dispatch_run, before anything has happened; the request is queued with all
 * that takes. So nothing exists here alone, and a build without it would answer the same.
 *
 * A run shares its duration: each of its commands counts with the mean, and should all of it have been slow, the slow
 * log names the last. Flags and database are looked at once a run, too; all of its commands had come before that. */
#ifndef FLAGSTONE_SERVER_QUICK_H
#define FLAGSTONE_SERVER_QUICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct conn;
struct dispatch;
struct request;
struct worker;

enum { QUICK_RUN = 16 }; /* commands that share a reading of the clock */

/* Queues the plain GETs and SETs that stand at the front of buf[0 .. len) into the batch's open group, up to the first
 * request that is anything else, is not complete, or has no room. `value_max`: bytes of a value. Returns the bytes
 * that were taken; *full: the batch is full, batch_run must follow. The connection is authenticated and has no
 * unfinished request. */
size_t quick_parse(struct worker *w, struct conn *c, const char *buf, size_t len, size_t value_max, bool *full);

/* Executes requests from r on, of which `n` are the connection's, as long as they are quick and common, QUICK_RUN at
 * most. Returns how many it did. *refused: the one after them, if there is one, is for dispatch_run; else the run was
 * full, and another may follow. */
uint32_t quick_run(struct dispatch *d, struct batch *b, struct request *r, uint32_t n, bool *refused);

#endif
