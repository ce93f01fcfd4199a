/* The option table, for the files that walk it: options*.c. */
#ifndef FLAGSTONE_SERVER_OPTIONS_TABLE_H
#define FLAGSTONE_SERVER_OPTIONS_TABLE_H

#include "server/options_private.h"

enum { OPTIONS_THREADS_MAX = 256 };

extern const struct option option_table[];
extern const int option_table_length;
extern const char *const option_group_names[GROUP_COUNT];

#endif
