/* The inside of pub/sub, shared by its two halves: who listens (pubsub.c) and what is told (pubsub_message.c). */
#ifndef FLAGSTONE_SERVER_PUBSUB_PRIVATE_H
#define FLAGSTONE_SERVER_PUBSUB_PRIVATE_H

#include <stdatomic.h>

#include "server/pubsub.h"
#include "server/hash.h"
#include "slab/base/lock.h"

enum { BUCKETS = 1024, WORKER_WORDS = 4 };

/* A connection's subscription to a topic: in two lists of its worker's. */
struct sub {
    struct conn *conn;
    struct topic *topic;
    uint64_t since;                    /* the bucket's count of changes when it began */
    struct sub *prev, *next;           /* of the topic */
    struct sub *mine_prev, *mine_next; /* of the connection */
};

/* Who is subscribed counts from pubsub_subscribe to pubsub_unsubscribe (`n`); the topic lives as long as somebody names
 * it (`names`), so a worker that has a `first` of its own may use it without the bucket's lock. */
struct topic {
    struct topic *next; /* in its chain; the bucket's lock, as what follows */
    uint64_t hash;
    uint64_t names;
    enum topic_kind kind;
    size_t len;
    char *name; /* constant */
    struct here {
        uint32_t n;
        struct sub *first; /* the worker's own */
    } here[];
};

/* A hash table of topics with one lock, which grows with them. */
struct bucket {
    struct lock lock;
    uint32_t n, cap;          /* topics; chains, a power of two, 0 as long as it has had none */
    struct topic **chain;     /* the lock */
    _Atomic uint64_t changes; /* subscriptions that began or ended; written under the lock */
};

/* All patterns as they were at one moment, for whoever publishes to match without a lock. It is made by who needs it
 * first after a change, and shared by the workers until the next one. */
struct patterns {
    _Atomic uint32_t refs;
    uint64_t changes; /* of the bucket, when it was made */
    size_t n;
    struct pattern {
        struct topic *topic; /* to be looked at only by workers that have subscribers of it */
        const char *name;
        size_t len;
        uint64_t subscribers;
        uint64_t workers[WORKER_WORDS]; /* a bit each: it has some */
    } v[];
};

/* The last bucket is that of all patterns. */
struct pubsub {
    int nworkers;
    struct hash_secret secret;
    _Atomic uint64_t topics[TOPIC_KINDS];
    struct patterns *current;  /* the lock of the bucket of patterns */
    struct patterns *memories; /* what the memory thread holds */
    struct bucket bucket[BUCKETS + 1];
};

/* A connection's subscriptions. */
struct subs {
    struct sub *first[TOPIC_KINDS];
};

/* The hash of a name, and the bucket that it belongs to. */
uint64_t topic_hash(const struct pubsub *p, enum topic_kind kind, const char *name, size_t n);
struct bucket *topic_bucket(struct pubsub *p, enum topic_kind kind, uint64_t hash);
/* NULL: nobody is subscribed to it. Bucket locked. */
struct topic *topic_find(const struct bucket *b, enum topic_kind kind, uint64_t hash, const char *name, size_t n);

/* The patterns as they are now, kept in *mine, the caller's own; NULL: memory is short. No lock held. */
struct patterns *patterns_now(struct pubsub *p, struct patterns **mine);

#endif
