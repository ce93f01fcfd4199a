/* Pub/sub: who listens to which channel, and getting messages to them.
 *
 * A topic (channel, pattern or shard channel) is in one registry, in a bucket with a lock of its own (rank
 * LOCK_TOPICS), with the number of its subscribers on each worker. The list of a worker's subscribers is touched by
 * that worker alone. PUBLISH looks at the topic's bucket and posts one message, which they share, to each worker that
 * has some; its own it delivers to at once. So the messages of a channel arrive everywhere in one order, an answer
 * after what it answers, and no lock is common to all channels. Patterns are matched without one.
 * PUBLISH's count is of those subscribed at that moment, and they get the message, unless their connection ends before.
 * A subscriber that reads too slowly is cut by client-output-buffer-limit, or when client memory is short. */
#ifndef FLAGSTONE_SERVER_PUBSUB_H
#define FLAGSTONE_SERVER_PUBSUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct letter;
struct pubsub;
struct reply;
struct server;
struct worker;

enum topic_kind { TOPIC_CHANNEL, TOPIC_PATTERN, TOPIC_SHARD, TOPIC_KINDS };

/* NULL: memory is short. */
struct pubsub *pubsub_new(int nworkers);
void pubsub_free(struct pubsub *p); /* all connections are closed */

/* Subscribes the connection, or does nothing where it is; false: memory is short. The connection's worker. */
bool pubsub_subscribe(struct conn *c, enum topic_kind kind, const char *name, size_t n);
/* True: it was subscribed and is not any more. */
bool pubsub_unsubscribe(struct conn *c, enum topic_kind kind, const char *name, size_t n);
/* Unsubscribes from one topic of the kind, whichever, and calls `each` with its name; false: there is none. What was
 * told before is delivered before, here as in pubsub_unsubscribe. */
bool pubsub_unsubscribe_any(struct conn *c, enum topic_kind kind, void (*each)(void *arg, const char *name, size_t n),
                            void *arg);
void pubsub_drop(struct conn *c); /* from all */
/* Calls each(arg, name) for what it is subscribed to, until that returns false; true: it never did. */
bool pubsub_each(const struct conn *c, enum topic_kind kind, bool (*each)(void *arg, const char *name, size_t n),
                 void *arg);
/* Topics of the kind that the connection is subscribed to. Any thread. */
uint32_t pubsub_count(const struct conn *c, enum topic_kind kind);
size_t pubsub_memory(const struct conn *c);

/* Delivers a message to the subscribers of a channel (TOPIC_CHANNEL: and of patterns that match it), returns how many
 * there are. `w` is the worker whose thread it is, NULL: another thread. No lock held. */
uint64_t pubsub_publish(struct server *s, struct worker *w, enum topic_kind kind, const char *name, size_t n,
                        const char *message, size_t len);
/* Delivers what a LETTER_MESSAGE brings; pubsub_forget drops it instead. The letter is the caller's to free. */
void pubsub_receive(struct worker *w, const struct letter *l);
void pubsub_forget(const struct letter *l);
/* Delivers the messages in the worker's mailbox now, and holds the other letters. Its thread, no lock held. */
void pubsub_read_mail(struct worker *w);
void pubsub_worker_free(struct worker *w); /* what a worker keeps of pub/sub */
/* More messages wait for some worker than is good: who publishes is not read meanwhile (CONN_PUBLISHER). */
bool pubsub_congested(const struct server *s);
/* Now and then: reads on from who had to wait for that. */
void pubsub_resume(struct worker *w);
/* Sends what was delivered to the worker's subscribers; at the end of a batch or of the mail. */
void pubsub_flush(struct worker *w);

/* Topics of a kind that have subscribers; subscribers of one. Any thread. */
uint64_t pubsub_topics(struct pubsub *p, enum topic_kind kind);
uint64_t pubsub_subscribers(struct pubsub *p, enum topic_kind kind, const char *name, size_t n);
/* Replies an array of the names that match the pattern (NULL: all). */
void pubsub_list(struct pubsub *p, enum topic_kind kind, const char *pattern, size_t n, struct reply *out);

#endif
