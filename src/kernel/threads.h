/* threads.h - how many threads the kernels and the merge loop use. Results never depend on it. */
#ifndef FB_KERNEL_THREADS_H
#define FB_KERNEL_THREADS_H

/* Threads that a parallel loop gets: OMP_NUM_THREADS, or the cores there are. */
int fb_threads(void);
/* For all loops from now on; n >= 1. Called once, when the configuration is read. */
void fb_threads_set(int n);

#endif
