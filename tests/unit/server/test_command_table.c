/* The command table: names, ids, subcommands, keys, and that the rows agree with themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "server/command.h"
#include "server/command_keys.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Looks up a copy that is exactly as long as the name, so that a sanitizer sees a read past it. */
static const struct command *find(const char *name, size_t n)
{
    char *copy = malloc(n + !n);
    memcpy(copy, name, n);
    struct arg argv = {.p = copy, .len = n};
    const struct command *c = command_find(&argv, 1);
    assert_ptr_equal(command_find_name(copy, n), memchr(name, '|', n) ? command_find_name(name, n) : c);
    free(copy);
    return c;
}

static const struct command *find2(const char *name, const char *sub)
{
    struct arg argv[] = {{.p = name, .len = strlen(name)}, {.p = sub, .len = strlen(sub)}};
    return command_find(argv, 2);
}

static void upper(char *to, const char *from)
{
    for (; *from; from++)
        *to++ = *from >= 'a' && *from <= 'z' ? (char)(*from - 'a' + 'A') : *from;
    *to = '\0';
}

/* The plain way: the table from end to end. */
static const struct command *find_slowly(const char *name, size_t n)
{
    int count;
    const struct command *const *table = command_table(&count);
    for (int i = 0; i < count; i++)
        if (strlen(table[i]->name) == n && strncasecmp(table[i]->name, name, n) == 0 && !memchr(name, '\0', n))
            return table[i];
    return NULL;
}

static void test_every_name_is_found_in_any_case(void **state)
{
    (void)state;
    int count;
    const struct command *const *table = command_table(&count);
    assert_true(count > 70);
    for (int i = 0; i < count; i++) {
        char name[32];
        size_t n = strlen(table[i]->name);
        assert_ptr_equal(find(table[i]->name, n), table[i]);
        upper(name, table[i]->name);
        assert_ptr_equal(find(name, n), table[i]);
        for (size_t at = 0; at < n; at++) { /* one letter small in a name of capitals */
            char was = name[at];
            name[at] = table[i]->name[at];
            assert_ptr_equal(find(name, n), table[i]);
            name[at] = was;
        }
    }
}

static void test_a_name_with_any_byte_changed_is_what_it_spells(void **state)
{
    (void)state;
    int count;
    const struct command *const *table = command_table(&count);
    for (int i = 0; i < count; i++) {
        char name[32];
        size_t n = strlen(table[i]->name);
        for (size_t at = 0; at < n; at++)
            for (int byte = 0; byte < 256; byte++) {
                memcpy(name, table[i]->name, n);
                name[at] = (char)byte;
                assert_ptr_equal(find(name, n), find_slowly(name, n));
            }
    }
}

static void test_a_name_with_a_byte_more_or_less_is_what_it_spells(void **state)
{
    (void)state;
    int count;
    const struct command *const *table = command_table(&count);
    for (int i = 0; i < count; i++) {
        char name[32];
        size_t n = strlen(table[i]->name);
        memcpy(name, table[i]->name, n);
        assert_ptr_equal(find(name, n - 1), find_slowly(name, n - 1));
        for (int byte = 0; byte < 256; byte++) {
            name[n] = (char)byte;
            assert_ptr_equal(find(name, n + 1), find_slowly(name, n + 1));
        }
    }
}

static void test_unknown_names(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "g",
                                        "ge",
                                        "gets",
                                        "foo",
                                        "exexec",
                                        "subscribers",
                                        "config|get",
                                        "bitfield_rw",
                                        "pexpireatx",
                                        "geoadd",
                                        "zzzzzzzzzzzzzzzzzzzzzzzzzzzzz"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_null(find(names[i], strlen(names[i])));
    struct arg apart = {.p = NULL, .len = 1 << 20};
    assert_null(command_find(&apart, 1));
    assert_null(command_find_name(NULL, 1 << 20));
}

static void test_ids_are_dense_and_unique(void **state)
{
    (void)state;
    int count, all = 0;
    const struct command *const *table = command_table(&count);
    for (int i = 0; i < count; i++) {
        assert_ptr_equal(command_by_id(table[i]->id), table[i]);
        all += 1 + table[i]->nsub;
        for (int s = 0; s < table[i]->nsub; s++)
            assert_ptr_equal(command_by_id(table[i]->sub[s].id), &table[i]->sub[s]);
    }
    assert_int_equal(command_count(), all);
    for (uint16_t id = 0; id < command_count(); id++) {
        assert_non_null(command_by_id(id));
        assert_int_equal(command_by_id(id)->id, id);
    }
    assert_null(command_by_id(command_count()));
    assert_null(command_by_id(UINT16_MAX));
}

static void check_container(const struct command *c)
{
    size_t n = strlen(c->name);
    for (int s = 0; s < c->nsub; s++) {
        const struct command *sub = &c->sub[s];
        char name[64];
        assert_memory_equal(sub->name, c->name, n);
        assert_int_equal(sub->name[n], '|');
        assert_string_equal(command_sub_name(c, sub), sub->name + n + 1);
        assert_ptr_equal(find2(c->name, command_sub_name(c, sub)), sub);
        upper(name, command_sub_name(c, sub));
        assert_ptr_equal(find2(c->name, name), sub);
        assert_false(command_lacks_sub(sub, 2));
        upper(name, sub->name);
        assert_ptr_equal(command_find_name(name, strlen(name)), sub);
        assert_null(command_find_name(name, strlen(name) - 1));
        assert_int_equal(sub->nsub, 0);
        assert_string_equal(sub->group, c->group);
    }
    assert_ptr_equal(find2(c->name, "help"), command_find_name(c->sub[c->nsub - 1].name, strlen(c->name) + 5));
    assert_ptr_equal(find2(c->name, "nosuch"), c);
    assert_ptr_equal(find2(c->name, ""), c);
    assert_true(command_lacks_sub(find2(c->name, "nosuch"), 2));
    assert_false(command_lacks_sub(c, 1));
}

static void test_subcommands(void **state)
{
    (void)state;
    int count, containers = 0;
    const struct command *const *table = command_table(&count);
    for (int i = 0; i < count; i++)
        if (table[i]->nsub > 0) {
            check_container(table[i]);
            containers++;
        }
    /* OBJECT CLIENT ACL CONFIG MEMORY SLOWLOG LATENCY COMMAND PUBSUB MODULE CLUSTER */
    assert_int_equal(containers, 11);
    assert_false(command_lacks_sub(find2("get", "help"), 2));
    static const char *const names[] = {"|", "get|", "|get", "get|get", "config|", "config||get", "config|get|"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_null(command_find_name(names[i], strlen(names[i])));
}

static bool starts_with_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    return strncmp(words, word, n) == 0 && (words[n] == ' ' || words[n] == '\0');
}

static void test_key_specs_are_sane(void **state)
{
    (void)state;
    for (uint16_t id = 0; id < command_count(); id++) {
        const struct command *c = command_by_id(id);
        assert_true(c->nkeyspecs <= COUNT_OF(c->keys));
        if (c->nkeyspecs > 0 && strcmp(c->name, "watch") != 0 && (c->flags & CMD_PUBSUB) == 0) /* by Redis's table */
            assert_true((c->flags & (CMD_READONLY | CMD_WRITE)) != 0);
        for (int s = 0; s < c->nkeyspecs; s++) {
            const struct cmd_keyspec *k = &c->keys[s];
            if (starts_with_word(k->flags, "not_key"))
                continue;
            if (k->first == 0) /* behind SORT's STORE */
                continue;
            assert_true(k->first >= 1 && k->step >= 1);
            assert_true(k->last < 0 || k->last >= k->first);
            assert_true(abs(c->arity) > k->first && abs(c->arity) > k->last);
            bool read = starts_with_word(k->flags, "RO");
            assert_true(read || starts_with_word(k->flags, "RW") || starts_with_word(k->flags, "OW") ||
                        starts_with_word(k->flags, "RM"));
            if (!read)
                assert_true((c->flags & CMD_WRITE) != 0);
        }
    }
}

static void check_args(const struct command *c, const struct cmd_argdoc *args, int n)
{
    for (int i = 0; i < n; i++) {
        assert_non_null(args[i].name);
        assert_non_null(args[i].type);
        assert_true(args[i].key_spec < c->nkeyspecs);
        assert_int_equal(args[i].nsub > 0, strcmp(args[i].type, "oneof") == 0 || strcmp(args[i].type, "block") == 0);
        if (strcmp(args[i].type, "pure-token") == 0)
            assert_non_null(args[i].token);
        check_args(c, args[i].sub, args[i].nsub);
    }
}

static void test_rows_agree_with_themselves(void **state)
{
    (void)state;
    for (uint16_t id = 0; id < command_count(); id++) {
        const struct command *c = command_by_id(id);
        assert_true(c->handler || c->nsub > 0);
        assert_true(c->arity != 0);
        assert_non_null(c->group);
        assert_non_null(c->since);
        assert_non_null(c->summary);
        assert_int_equal(!!(c->flags & CMD_FAST), !!(c->categories & CAT_FAST));
        assert_int_equal(!!(c->categories & CAT_FAST), !(c->categories & CAT_SLOW));
        if (c->flags & CMD_WRITE)
            assert_true((c->categories & CAT_WRITE) != 0);
        if (c->flags & CMD_ADMIN)
            assert_true((c->categories & CAT_ADMIN) && (c->categories & CAT_DANGEROUS));
        assert_false((c->flags & CMD_WRITE) && (c->flags & CMD_READONLY));
        check_args(c, c->args, c->nargs);
        if (strcmp(c->group, "string") == 0 || strcmp(c->group, "bitmap") == 0)
            assert_true(c->nkeyspecs > 0);
    }
}

static void check_keys(const char *line, int nexpected, const int *expected)
{
    char text[128];
    struct arg argv[16];
    int argc = 0, positions[8];
    assert_true(strlen(line) < sizeof(text));
    strcpy(text, line);
    char *rest;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = (struct arg){.p = word, .len = strlen(word)};
    const struct command *c = command_find(argv, argc);
    assert_non_null(c);
    assert_int_equal(command_keys(c, argv, argc, positions, 8), nexpected);
    for (int i = 0; i < nexpected; i++)
        assert_int_equal(positions[i], expected[i]);
    bool one = c->nkeyspecs == 1 && nexpected == 1 && expected[0] == 1 && c->keys[0].last == 1;
    assert_int_equal(command_one_key(c), one);
    assert_int_equal(command_keys(c, argv, argc, NULL, 0), nexpected);
}

static void test_keys_of_commands(void **state)
{
    (void)state;
    check_keys("get k", 1, (int[]){1});
    check_keys("SET k v ex 10", 1, (int[]){1});
    check_keys("del a", 1, (int[]){1});
    check_keys("del a b c", 3, (int[]){1, 2, 3});
    check_keys("mset a 1 b 2", 2, (int[]){1, 3});
    check_keys("mset a 1 b", 2, (int[]){1, 3});
    check_keys("lcs a b idx", 2, (int[]){1, 2});
    check_keys("rename a b", 2, (int[]){1, 2});
    check_keys("copy a b db 1", 2, (int[]){1, 2});
    check_keys("bitop and d a b", 3, (int[]){2, 3, 4});
    check_keys("object freq k", 1, (int[]){2});
    check_keys("memory usage k samples 5", 1, (int[]){2});
    check_keys("sort k", 1, (int[]){1});
    check_keys("sort k by store get # limit 0 1 store d asc", 2, (int[]){1, 10});
    check_keys("sort k store a desc store b", 2, (int[]){1, 6});
    check_keys("sort k limit store 1 get store by", 1, (int[]){1});
    check_keys("sort_ro k store d", 1, (int[]){1});
    check_keys("ping", 0, NULL);
    check_keys("config get x", 0, NULL);
    check_keys("scan 0", 0, NULL);
}

static void test_keys_beyond_the_room_are_counted(void **state)
{
    (void)state;
    struct arg argv[] = {{"del", 3, NULL}, {"a", 1, NULL}, {"b", 1, NULL}, {"c", 1, NULL}};
    int positions[] = {-1, -1, -1};
    const struct command *c = command_find(argv, 4);
    assert_int_equal(command_keys(c, argv, 4, positions, 2), 3);
    assert_int_equal(positions[1], 2);
    assert_int_equal(positions[2], -1);
}

static void test_printed_table_has_every_command_once(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    assert_non_null(to);
    command_print_table(to);
    fclose(to);
    for (uint16_t id = 0; id < command_count(); id++) {
        const struct command *c = command_by_id(id);
        char row[64], name[48];
        upper(name, c->name);
        if (strchr(name, '|'))
            *strchr(name, '|') = ' ';
        snprintf(row, sizeof(row), "\n| `%s` |", name);
        const char *at = strstr(text, row);
        assert_int_equal(at != NULL, c->handler != NULL);
        if (at)
            assert_null(strstr(at + 1, row));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_name_is_found_in_any_case),
        cmocka_unit_test(test_a_name_with_any_byte_changed_is_what_it_spells),
        cmocka_unit_test(test_a_name_with_a_byte_more_or_less_is_what_it_spells),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_ids_are_dense_and_unique),
        cmocka_unit_test(test_subcommands),
        cmocka_unit_test(test_key_specs_are_sane),
        cmocka_unit_test(test_rows_agree_with_themselves),
        cmocka_unit_test(test_keys_of_commands),
        cmocka_unit_test(test_keys_beyond_the_room_are_counted),
        cmocka_unit_test(test_printed_table_has_every_command_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
