/* What the machine says of transparent huge pages. */
#ifndef FLAGSTONE_SERVER_THP_H
#define FLAGSTONE_SERVER_THP_H

enum thp_mode { THP_NEVER, THP_MADVISE, THP_ALWAYS };

/* Reads /sys/kernel/mm/transparent_hugepage/enabled; THP_NEVER where there is no such thing. */
enum thp_mode thp_mode(void);

#endif
