/* What integration tests share: a server of their own, connections to it, expectations.
 *
 * The server is the program that the environment's FLAGSTONE_SERVER names, on a free port of the loopback and in a
 * directory of its own. Everything that waits, waits for an event with a far deadline (HARNESS_DEADLINE_S): a test
 * fails when it is reached, and asserts nothing else about time. All functions fail the running test on trouble. */
#ifndef FLAGSTONE_TESTS_HARNESS_H
#define FLAGSTONE_TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

enum { HARNESS_DEADLINE_S = 120 };

struct test_server;

/* Starts the server with these options (NULL ends them) and waits until it accepts. */
struct test_server *server_start(const char *const *options);
#define SERVER_START(...) server_start((const char *const[]){__VA_ARGS__, NULL})
#define SERVER_START_PLAIN() server_start((const char *const[]){NULL})

/* The same with limits on its address space (bytes, 0: none) and open files (0: none). */
struct test_server *server_start_limited(const char *const *options, size_t address_space, unsigned files);

/* Ends it by SIGTERM, or waits for a server that is ending by itself (server_join), and frees it. Fails unless it
 * ends with status 0 and no sanitizer has reported. */
void server_stop(struct test_server *s);
void server_join(struct test_server *s);
void server_join_status(struct test_server *s, int want); /* the same with another status than 0 */

/* Ends it by SIGKILL; starts it again on the same port. */
void server_kill(struct test_server *s);
void server_again(struct test_server *s, const char *const *options);

int server_port(const struct test_server *s);
int server_pid(const struct test_server *s);
const char *server_dir(const struct test_server *s);

/* What it has logged so far; more may follow while it is read. */
const char *server_log(const struct test_server *s);

/* Whether it has logged `text` so far. */
bool server_has_logged(struct test_server *s, const char *text);

/* Waits until the server has logged `text`. */
void server_wait_log(struct test_server *s, const char *text);

/* Runs the program with these arguments to its end, `input` (may be NULL) as its standard input. Returns its exit
 * status (negative: the signal that ended it); *output is what it wrote, to be freed. */
int server_run(const char *const *arguments, const char *input, char **output);
#define SERVER_RUN(input, output, ...) server_run((const char *const[]){__VA_ARGS__, NULL}, input, output)

/* Which build is tested: release, asan ...; sanitized ones are slower and map terabytes. */
bool flavour_is_sanitized(void);

/* ---- connections ---- */

redisContext *client_open(const struct test_server *s);

/* Sends one command (hiredis's format: %s, %b) and checks the reply. */
void expect_status(redisContext *c, const char *want, const char *format, ...);
void expect_int(redisContext *c, long long want, const char *format, ...);
void expect_bulk(redisContext *c, const char *want, const char *format, ...);
void expect_bulk_n(redisContext *c, const void *want, size_t n, const char *format, ...);
void expect_nil(redisContext *c, const char *format, ...);
/* The error must begin with `want`. */
void expect_error(redisContext *c, const char *want, const char *format, ...);
/* Any reply that is no error; to be freed with freeReplyObject. */
redisReply *ask(redisContext *c, const char *format, ...);
long long ask_int(redisContext *c, const char *format, ...);
/* A reply to a command sent with redisAppendCommand. */
redisReply *next_reply(redisContext *c);

/* A number of INFO, -1 if there is no such field. */
long long info_number(redisContext *c, const char *section, const char *field);

/* ---- bytes ---- */

int raw_open(const struct test_server *s);
/* The same by --unixsocket socket, which takes less of what is not read than TCP does. */
int raw_open_unix(const struct test_server *s);
void raw_send(int fd, const void *p, size_t n);
void raw_send_text(int fd, const char *text);
/* The next bytes must be these. */
void raw_expect(int fd, const char *want);
/* The server must close the connection, whatever it sends before. */
void raw_expect_closed(int fd);
/* Reads n bytes. */
void raw_read(int fd, void *p, size_t n);

/* Calls step(arg) until it returns true. For what only polling can tell; fails at the deadline. */
void eventually(bool (*step)(void *arg), void *arg, const char *what);

#endif
