/* What became of the attempt to move one chunk. Every outcome has a name and a counter. */
#ifndef FLAGSTONE_DEFRAG_OUTCOME_H
#define FLAGSTONE_DEFRAG_OUTCOME_H

enum move_outcome {
    MOVE_MOVED,    /* copied and repointed, the old chunk is free */
    MOVE_GONE,     /* deleted or replaced meanwhile */
    MOVE_PINNED,   /* a socket sends from it */
    MOVE_RESERVED, /* in a magazine, or being filled */
    MOVE_NO_ROOM,  /* no free chunk elsewhere in its class */
    MOVE_OUTCOMES
};

const char *move_outcome_name(enum move_outcome o);

#endif
