/* The version of Flagstone, and the version of Redis whose behaviour clients may count on. */
#ifndef FLAGSTONE_SERVER_VERSION_H
#define FLAGSTONE_SERVER_VERSION_H

#define FLAGSTONE_VERSION "0.1.0"
#define FLAGSTONE_VERSION_DATE "November 25, 2026"
#define FLAGSTONE_REDIS_VERSION "7.2.5"

#endif
