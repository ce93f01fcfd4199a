/* RESP3 on the wire: HELLO, maps, nulls, doubles, verbatim strings, push; and back to RESP2. */
#include "tests/integration/harness.h"

#include <unistd.h>

static int start(void **state)
{
    *state = SERVER_START_PLAIN();
    return 0;
}

static int stop(void **state)
{
    server_stop(*state);
    return 0;
}

/* Everything up to the reply of the ECHO that is sent after it; to be freed. */
static char *exchange(int fd, const char *commands)
{
    enum { ROOM = 1 << 20 };
    static const char end[] = "$3\r\nEND\r\n";
    char *got = calloc(1, ROOM);
    raw_send_text(fd, commands);
    raw_send_text(fd, "ECHO END\r\n");
    for (size_t n = 0; n < ROOM - 1 && !strstr(got, end); n++)
        raw_read(fd, got + n, 1);
    *strstr(got, end) = '\0';
    return got;
}

static void test_hello(void **state)
{
    int fd = raw_open(*state);
    char *got = exchange(fd, "HELLO 3 SETNAME three\r\n");
    assert_int_equal(strncmp(got, "%7\r\n$6\r\nserver\r\n", 16), 0);
    assert_non_null(strstr(got, "$5\r\nproto\r\n:3\r\n"));
    free(got);
    got = exchange(fd, "CLIENT GETNAME\r\nHELLO 2\r\n");
    assert_int_equal(strncmp(got, "$5\r\nthree\r\n*14\r\n", 16), 0);
    free(got);
    got = exchange(fd, "HELLO 4\r\nHELLO x\r\n");
    assert_string_equal(got, "-NOPROTO unsupported protocol version\r\n"
                             "-ERR Protocol version is not an integer or out of range\r\n");
    free(got);
    close(fd);
}

static void test_types(void **state)
{
    int fd = raw_open(*state);
    char *got = exchange(fd, "HELLO 3\r\n");
    free(got);
    got = exchange(fd, "GET nosuch\r\nMGET nosuch nosuch\r\n"
                       "CONFIG GET maxmemory-samples\r\nOBJECT ENCODING nosuch\r\n");
    assert_string_equal(got, "_\r\n*2\r\n_\r\n_\r\n%1\r\n$17\r\nmaxmemory-samples\r\n$1\r\n5\r\n_\r\n");
    free(got);
    got = exchange(fd, "INFO keyspace\r\n");
    assert_int_equal(got[0], '=');
    assert_non_null(strstr(got, "txt:"));
    free(got);
    got = exchange(fd, "SET a 1\r\nINCRBYFLOAT a 0.5\r\nEXISTS a\r\nRESET\r\nGET nosuch\r\n");
    assert_string_equal(got, "+OK\r\n$3\r\n1.5\r\n:1\r\n+RESET\r\n$-1\r\n");
    free(got);
    close(fd);
}

static void test_protocol_is_per_connection(void **state)
{
    int three = raw_open(*state), two = raw_open(*state);
    char *got = exchange(three, "HELLO 3\r\n");
    free(got);
    got = exchange(two, "GET nosuch\r\n");
    assert_string_equal(got, "$-1\r\n");
    free(got);
    got = exchange(three, "GET nosuch\r\n");
    assert_string_equal(got, "_\r\n");
    free(got);
    close(three);
    close(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_protocol_is_per_connection),
    };
    return cmocka_run_group_tests_name("RESP3", tests, start, stop);
}
