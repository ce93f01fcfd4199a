/* What changed options do to the process itself. See options_apply.h. */
#include "server/options_apply.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "server/options.h"
#include "slab/base/log.h"

static const char oom_path[] = "/proc/self/oom_score_adj";

bool options_apply_log(struct options *o, char *err, size_t size)
{
    char path[OPTIONS_TEXT_CHARS];
    options_text(o, &o->logfile, path, sizeof path);
    int error = log_open(path, (enum log_level)OPT(o, loglevel));
    if (error == 0)
        return true;
    snprintf(err, size, "Can't open the log file '%.200s': %s", path, strerror(error));
    return false;
}

static bool read_oom_score(int64_t *score)
{
    char text[32] = "";
    int fd = open(oom_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    *score = strtoll(text, NULL, 10);
    return n > 0;
}

static int write_oom_score(int64_t score)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%" PRId64 "\n", score);
    int fd = open(oom_path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = write(fd, text, (size_t)n) == n ? 0 : errno;
    close(fd);
    return error;
}

/* While the option is `no` the score is left alone, unless it was set before: then what was found goes back. */
bool options_apply_oom(struct options *o, char *err, size_t size)
{
    enum oom_adjust mode = (enum oom_adjust)OPT(o, oom_score_adj);
    bool touched = OPT(o, oom_touched);
    int64_t score;
    if (mode == OOM_ADJUST_NO && !touched)
        return true;
    if (!touched) {
        if (!read_oom_score(&score)) {
            snprintf(err, size, "Failed to apply new oom_score_adj configuration, check server logs.");
            return false;
        }
        o->oom_base = score;
    }
    score = OPT(o, oom_base);
    if (mode == OOM_ADJUST_RELATIVE)
        score += OPT(o, oom_score_adj_values[0]);
    else if (mode == OOM_ADJUST_ABSOLUTE)
        score = OPT(o, oom_score_adj_values[0]);
    score = score < -1000 ? -1000 : score > 1000 ? 1000 : score;
    int error = write_oom_score(score);
    if (error != 0) {
        log_line(LOG_WARNING, "Unable to write oom_score_adj %" PRId64 ": %s", score, strerror(error));
        snprintf(err, size, "Failed to apply new oom_score_adj configuration, check server logs.");
        return false;
    }
    o->oom_touched = mode != OOM_ADJUST_NO;
    return true;
}

bool options_apply_thp(struct options *o, char *err, size_t size)
{
    if (!OPT(o, disable_thp) || prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0)
        return true;
    if (errno == EINVAL) {
        log_line(LOG_NOTICE, "This kernel does not know how to disable transparent huge pages for a process");
        return true;
    }
    snprintf(err, size, "Can't disable transparent huge pages: %s", strerror(errno));
    return false;
}

bool options_apply_dir(struct options *o, char *err, size_t size)
{
    char path[OPTIONS_TEXT_CHARS];
    options_text(o, &o->dir, path, sizeof path);
    if (chdir(path) == 0)
        return true;
    snprintf(err, size, "Can't chdir to '%.200s': %s", path, strerror(errno));
    return false;
}
