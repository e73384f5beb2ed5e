/* record.h - what a run leaves in its folder, so that every printed number can be traced:
 * config.yaml (composed and resolved) and run.json (inputs with size and time of change, version,
 * compiler, threads, timings). The report goes where report_save_path says, by default to the same
 * folder. */
#ifndef FB_CLI_RECORD_H
#define FB_CLI_RECORD_H

#include "config/node.h"
#include "pool/pool.h"

struct fb_record {
    const char *folder;
    const struct fb_node *config;
    struct fb_pool *pool;
    double seconds, merge_seconds;
};

/* Makes the folder and writes the files. */
int fb_record_write(const struct fb_record *record, struct fb_arena *arena,
                    struct fb_err *err) FB_MUST_CHECK;

#endif
