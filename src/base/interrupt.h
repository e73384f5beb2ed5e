/* interrupt.h - SIGINT, SIGTERM and SIGHUP end a run cleanly.
 *
 * A signal handler can only reach a global, so this is the one mutable global of the program. Long
 * loops ask fb_interrupted between steps and fail with FB_EINTERRUPTED, so that temporary files
 * are removed on the way out. A second signal ends the process at once. SIGHUP stays ignored where
 * nohup has it so. SIGXFSZ is ignored: a file above the limit of the shell is a failed write, which
 * is reported and leaves nothing behind. */
#ifndef FB_BASE_INTERRUPT_H
#define FB_BASE_INTERRUPT_H

#include "base/err.h"

void fb_interrupt_install(void);
/* FB_OK, or FB_EINTERRUPTED after a signal. */
int fb_interrupted(struct fb_err *err) FB_MUST_CHECK;

#endif
