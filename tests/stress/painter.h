/* A client that writes small values over and over where they lie, while what lies about them is deleted: so they are
 * moved while they are written. A value is one byte many times, its colour; one of two colours was torn in the move,
 * and one of an old colour was moved from a copy that was made too early. */
#ifndef FLAGSTONE_TESTS_STRESS_PAINTER_H
#define FLAGSTONE_TESTS_STRESS_PAINTER_H

#include <stdbool.h>
#include <stdint.h>

struct test_server;
struct painter;

/* Connects; nobody else may change database `db`. `evicting`: keys may be gone at any time. */
struct painter *painter_new(const struct test_server *server, int db, bool evicting, uint64_t seed);
void painter_free(struct painter *p);

/* Sends some hundred commands at once and checks the replies; prints what is wrong and ends the program. Returns how
 * many commands there were. */
unsigned long painter_turn(struct painter *p);

/* The database was flushed. */
void painter_flushed(struct painter *p);

#endif
