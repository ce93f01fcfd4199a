/* See thp.h. */
#include "server/thp.h"

#include <stdio.h>
#include <string.h>

enum thp_mode thp_mode(void)
{
    char line[64] = "";
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (f == NULL)
        return THP_NEVER;
    if (fgets(line, sizeof line, f) == NULL)
        line[0] = '\0';
    fclose(f);
    return strstr(line, "[always]") != NULL ? THP_ALWAYS : strstr(line, "[madvise]") != NULL ? THP_MADVISE : THP_NEVER;
}
