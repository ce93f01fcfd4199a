/* Glob patterns, as redis-server 7.0.15 matches them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/glob.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Matches in blocks of exactly the texts' sizes, so that a sanitizer sees an overread. */
static bool match(const char *pattern, size_t pn, const char *text, size_t tn, bool nocase)
{
    char *p = malloc(pn ? pn : 1), *t = malloc(tn ? tn : 1);
    memcpy(p, pattern, pn);
    memcpy(t, text, tn);
    bool yes = glob_match(p, pn, t, tn, nocase);
    free(p);
    free(t);
    return yes;
}

struct glob_case {
    const char *pattern, *text;
    bool yes;
};

static void check(const struct glob_case *cases, size_t n, bool nocase)
{
    for (size_t i = 0; i < n; i++) {
        const struct glob_case *c = &cases[i];
        if (match(c->pattern, strlen(c->pattern), c->text, strlen(c->text), nocase) != c->yes)
            fail_msg("'%s' and '%s': expected %d", c->pattern, c->text, c->yes);
    }
}

static void patterns_match_as_in_redis(void **state)
{
    static const struct glob_case cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"abc", "abc", true},
        {"abc", "abd", false},
        {"ab", "abc", false},
        {"abc", "ab", false},
        {"?", "a", true},
        {"?", "", false},
        {"a?c", "abc", true},
        {"*", "", true},
        {"**", "", false},
        {"*", "abc", true},
        {"a*", "a", true},
        {"a**", "a", true},
        {"*c", "abc", true},
        {"*b", "abc", false},
        {"a*c*e", "abcde", true},
        {"a*c*e", "abcd", false},
        {"*a*b", "xaxab", true},
        {"*ab", "aab", true},
        {"h[ae]llo", "hello", true},
        {"h[ae]llo", "hillo", false},
        {"h[^e]llo", "hallo", true},
        {"h[^e]llo", "hello", false},
        {"h[a-b]llo", "hbllo", true},
        {"h[b-a]llo", "hallo", true},
        {"h[a-b]llo", "hcllo", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"\\", "\\", true},
        {"a\\", "a\\", true},
        {"\\a", "a", true},
        {"[]", "a", false},
        {"[^]", "a", true},
        {"[]a]", "a", false},
        {"[abc", "b", true},
        {"[abc", "d", false},
        {"[", "a", false},
        {"[^", "a", true},
        {"[\\]]", "]", true},
        {"[\\", "\\", true},
        {"[a-]", "a", true},
        {"[a-]", "]", true},
        {"[a-", "-", true},
        {"[\\a-z]", "-", true},
        {"[\\a-z]", "b", false},
        {"x[a-z]*y", "xqqy", true},
        {"*[0-9]", "ab7", true},
        {"*[0-9]", "ab", false},
        {"[*]", "*", true},
        {"[?]", "a", false},
        {"ABC", "abc", false},
    };
    (void)state;
    check(cases, COUNT(cases), false);
    assert_true(match("a\0*", 3, "a\0b", 3, false));
    assert_false(match("a\0c", 3, "a\0b", 3, false));
    assert_true(match("[\x80-\xff]", 5, "\xe0", 1, false));
}

static void case_can_be_ignored(void **state)
{
    static const struct glob_case cases[] = {
        {"ABC", "abc", true},      {"a?C*", "ABcD", true},    {"[G]et", "get", true},    {"[F-H]et", "get", true},
        {"[f-H]et", "get", false}, {"[\\G]et", "get", false}, {"[\\g]et", "get", true},  {"\\Get", "get", true},
        {"[^G]et", "get", false},  {"[^G]et", "SET", true},   {"[Z-g]et", "get", false}, {"MAX*", "maxmemory", true},
    };
    (void)state;
    check(cases, COUNT(cases), true);
}

/* Trying every way to share the text among the stars would not end. */
static void many_stars_cost_little(void **state)
{
    char text[20000], pattern[200];
    size_t n = 0;
    (void)state;
    memset(text, 'a', sizeof text);
    while (n < sizeof pattern - 1) {
        pattern[n++] = '*';
        pattern[n++] = 'a';
    }
    pattern[n - 1] = 'b';
    assert_false(match(pattern, n, text, sizeof text, false));
    text[sizeof text - 1] = 'b';
    assert_true(match(pattern, n, text, sizeof text, false));
}

static void literals_are_known(void **state)
{
    (void)state;
    assert_true(glob_is_literal("", 0));
    assert_true(glob_is_literal("maxmemory", 9));
    assert_true(glob_is_literal("a]^-", 4));
    assert_true(glob_is_literal("a\0b", 3));
    assert_false(glob_is_literal("a*", 2));
    assert_false(glob_is_literal("a?", 2));
    assert_false(glob_is_literal("[a]", 3));
    assert_false(glob_is_literal("a\\", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_in_redis),
        cmocka_unit_test(case_can_be_ignored),
        cmocka_unit_test(many_stars_cost_little),
        cmocka_unit_test(literals_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
