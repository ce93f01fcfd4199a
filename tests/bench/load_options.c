/* A table of options with a function each; every one takes a value, but the flags. */
#include "tests/bench/load_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: bench-load --target NAME,resp|memcache|meta,PORT,PID [--target ...] [options]\n"
    "  what: --mix get:90,set:10 (also incr mget del ping) | --fill | --delete PERCENT (of the keys, each once)\n"
    "  keys: --keys N  --first-key N  --zipf SKEW  --survivors PERCENT (leave out what --delete PERCENT removed)\n"
    "  values: --values 100 | 64-192 | lognormal:150:1.0 [,BYTES@SHARE]  --resize  --ttl LOW-HIGH  --mget N  --verify\n"
    "  how: --conns N  --pipeline N  --rounds N  --seconds S  --warm S  --rate OPS (open loop)  --window S\n"
    "       --ring N (operations built beforehand)  --seed N  --cpu N\n";

static void refuse(const char *option, const char *value)
{
    fprintf(stderr, "bench-load: bad %s %s\n%s", option, value, usage);
    exit(2);
}

static bool parse_target(struct load_options *o, const char *text)
{
    if (o->target_count == LOAD_MAX_TARGETS) {
        return false;
    }
    struct load_target_option *t = &o->targets[o->target_count++];
    char protocol[16];
    if (sscanf(text, "%31[^,],%15[^,],%d,%d", t->name, protocol, &t->port, &t->pid) != 4) {
        return false;
    }
    t->protocol = strcmp(protocol, "meta") == 0       ? PROTOCOL_META
                  : strcmp(protocol, "memcache") == 0 ? PROTOCOL_MEMCACHE
                                                      : PROTOCOL_RESP;
    return t->protocol != PROTOCOL_RESP || strcmp(protocol, "resp") == 0;
}

static bool parse_mix(struct bench_plan *plan, const char *text)
{
    static const char *const verbs[VERB_COUNT] = {"get", "set", "incr", "mget", "del", "ping"};
    char word[8];
    unsigned weight;
    int used;
    while (sscanf(text, "%7[a-z]:%u%n", word, &weight, &used) == 2) {
        uint32_t verb = 0;
        while (verb < VERB_COUNT && strcmp(word, verbs[verb]) != 0) {
            verb++;
        }
        if (verb == VERB_COUNT) {
            return false;
        }
        plan->weights[verb] = weight;
        text += used;
        text += *text == ',';
    }
    return *text == '\0';
}

static bool parse_range(const char *text, uint32_t *low, uint32_t *high)
{
    int n = sscanf(text, "%u-%u", low, high);
    *high = n == 1 ? *low : *high;
    return n >= 1 && *low <= *high;
}

static bool parse_flag(struct load_options *o, const char *name)
{
    if (strcmp(name, "--fill") == 0) {
        o->plan.kind = PLAN_FILL;
    } else if (strcmp(name, "--resize") == 0) {
        o->plan.resize = true;
    } else if (strcmp(name, "--verify") == 0) {
        o->verify = true;
    } else {
        return false;
    }
    return true;
}

static bool parse_key_option(struct load_options *o, const char *name, const char *value)
{
    struct bench_plan *p = &o->plan;
    if (strcmp(name, "--keys") == 0) {
        p->keys = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--first-key") == 0) {
        p->first_key = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--zipf") == 0) {
        p->zipf = true;
        p->skew = strtod(value, NULL);
    } else if (strcmp(name, "--survivors") == 0) {
        p->doomed = (uint32_t)atoi(value);
    } else if (strcmp(name, "--delete") == 0) {
        p->kind = PLAN_DELETE;
        p->doomed = (uint32_t)atoi(value);
    } else if (strcmp(name, "--values") == 0) {
        return bench_sizes_parse(&p->sizes, value);
    } else if (strcmp(name, "--ttl") == 0) {
        return parse_range(value, &p->ttl_low, &p->ttl_high);
    } else if (strcmp(name, "--mget") == 0) {
        p->mget_keys = (uint32_t)atoi(value);
    } else if (strcmp(name, "--mix") == 0) {
        return parse_mix(p, value);
    } else if (strcmp(name, "--target") == 0) {
        return parse_target(o, value);
    } else {
        return false;
    }
    return true;
}

static bool parse_run_option(struct load_options *o, const char *name, const char *value)
{
    if (strcmp(name, "--conns") == 0) {
        o->conns = (uint32_t)atoi(value);
    } else if (strcmp(name, "--pipeline") == 0) {
        o->plan.depth = (uint32_t)atoi(value);
    } else if (strcmp(name, "--rounds") == 0) {
        o->rounds = atoi(value);
    } else if (strcmp(name, "--seconds") == 0) {
        o->seconds = strtod(value, NULL);
    } else if (strcmp(name, "--warm") == 0) {
        o->warm = strtod(value, NULL);
    } else if (strcmp(name, "--rate") == 0) {
        o->rate = strtod(value, NULL);
    } else if (strcmp(name, "--window") == 0) {
        o->window = strtod(value, NULL);
    } else if (strcmp(name, "--ring") == 0) {
        o->plan.operations = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--seed") == 0) {
        o->plan.seed = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--cpu") == 0) {
        o->cpu = atoi(value);
    } else {
        return false;
    }
    return true;
}

static void check(struct load_options *o)
{
    struct bench_plan *p = &o->plan;
    uint32_t sum = 0;
    for (int i = 0; i < VERB_COUNT; i++) {
        sum += p->weights[i];
    }
    if (o->target_count == 0 || p->keys == 0 || p->depth == 0 || o->conns == 0 || p->operations == 0) {
        refuse("command line:", "targets, keys, depth, connections and ring must not be 0");
    }
    if (p->kind == PLAN_MIX && sum == 0) {
        p->weights[VERB_GET] = 90;
        p->weights[VERB_SET] = 10;
    }
    if (p->kind == PLAN_MIX && p->doomed >= 100) {
        refuse("--survivors", "of 100 per cent");
    }
    p->operations = (p->operations + p->depth - 1) / p->depth * p->depth;
}

void load_options_parse(struct load_options *o, int argc, char **argv)
{
    memset(o, 0, sizeof *o);
    o->plan.keys = 1000000;
    o->plan.operations = 1000000;
    o->plan.depth = 1;
    o->plan.mget_keys = 32;
    o->plan.seed = 1;
    o->plan.sizes = (struct bench_sizes){.law = SIZE_FIXED, .low = 100};
    o->conns = 50;
    o->rounds = 3;
    o->seconds = 1.0;
    o->cpu = -1;
    for (int i = 1; i < argc; i++) {
        if (parse_flag(o, argv[i])) {
            continue;
        }
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!parse_key_option(o, argv[i], value) && !parse_run_option(o, argv[i], value)) {
            refuse(argv[i], value);
        }
        i++;
    }
    check(o);
}
