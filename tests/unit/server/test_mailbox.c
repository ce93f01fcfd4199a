/* Mailboxes: order, wake-ups, and what is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/mailbox.h"

static bool readable(const struct mailbox *m)
{
    struct pollfd p = {.fd = mailbox_fd(m), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void test_order_and_wake(void **state)
{
    (void)state;
    struct mailbox *m = mailbox_new();
    assert_false(readable(m));
    for (uint64_t i = 1; i <= 3; i++)
        mailbox_post(m, letter_new(LETTER_KILL, i, 0));
    assert_true(readable(m));
    struct letter *l = mailbox_take(m);
    assert_false(readable(m));
    for (uint64_t i = 1; i <= 3; i++) {
        struct letter *next = l->next;
        assert_int_equal(l->id, i);
        free(l);
        l = next;
    }
    assert_null(l);
    assert_null(mailbox_take(m));
    mailbox_post(m, letter_new(LETTER_STOP, 0, 0));
    assert_true(readable(m));
    mailbox_free(m);
}

static void test_descriptors_left_inside_are_closed(void **state)
{
    (void)state;
    int fd[2];
    char byte;
    struct mailbox *m = mailbox_new();
    assert_int_equal(pipe(fd), 0);
    struct letter *l = letter_new(LETTER_ADOPT, 0, 8);
    l->fd = fd[1];
    memset(l->data, 0, 8);
    mailbox_post(m, l);
    mailbox_free(m);
    assert_int_equal(read(fd[0], &byte, 1), 0); /* nobody writes any more */
    close(fd[0]);
}

enum { LETTERS = 20000 };

static void *post_many(void *arg)
{
    for (uint64_t i = 1; i <= LETTERS; i++)
        mailbox_post(arg, letter_new(LETTER_KILL, i, 0));
    return NULL;
}

static void test_two_threads(void **state)
{
    (void)state;
    struct mailbox *m = mailbox_new();
    pthread_t t;
    uint64_t expected = 1;
    assert_int_equal(pthread_create(&t, NULL, post_many, m), 0);
    while (expected <= LETTERS) {
        struct pollfd p = {.fd = mailbox_fd(m), .events = POLLIN};
        assert_int_equal(poll(&p, 1, -1), 1);
        for (struct letter *l = mailbox_take(m), *next; l != NULL; l = next) {
            next = l->next;
            assert_int_equal(l->id, expected++);
            free(l);
        }
    }
    pthread_join(t, NULL);
    mailbox_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_wake),
        cmocka_unit_test(test_descriptors_left_inside_are_closed),
        cmocka_unit_test(test_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
