/* The listening sockets: listener.c accepts from them, listen.c opens and closes them. */
#ifndef FLAGSTONE_SERVER_LISTENER_PRIVATE_H
#define FLAGSTONE_SERVER_LISTENER_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/options.h"

struct event;
struct server;

enum { LISTEN_ADDRESSES = OPTIONS_BIND_MAX, LISTEN_MAX = LISTEN_ADDRESSES + 1 };

/* A listening TCP socket, known by what was asked for. */
struct listen_socket {
    char address[OPTIONS_ADDRESS_CHARS];
    int port;
    int fd;
};

struct listener {
    struct server *srv;
    pthread_mutex_t lock; /* the sockets and the epoll set's members */
    struct listen_socket tcp[LISTEN_ADDRESSES];
    int ntcp;
    int unix_fd; /* 0: none */
    int epoll;
    struct event *event;          /* the main thread's */
    bool starved, starved_logged; /* the main thread's: descriptors have run out */
};

/* Makes the TCP sockets what bind, port and tcp-backlog say; sockets that stay are left alone. False: `err` says why,
 * it was logged, and the sockets are again what they were. `lock` is held, or no other thread runs. */
bool listen_open(struct listener *l, char *err, size_t size);

/* Opens the unix socket where unixsocket names one; false: logged why. */
bool listen_open_unix(struct listener *l);

void listen_close(struct listener *l);

#endif
