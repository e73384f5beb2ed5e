/* threads.h - how many threads the kernels and the merge loop use. Results never depend on it. */
#ifndef FB_KERNEL_THREADS_H
#define FB_KERNEL_THREADS_H

enum { FB_THREADS_MAX = 1024 };

/* Threads that a parallel loop gets: OMP_NUM_THREADS, or the cores there are. */
int fb_threads(void);
/* For all loops from now on; 1 <= n <= FB_THREADS_MAX. */
void fb_threads_set(int n);
/* OMP_NUM_THREADS may say anything, and the OpenMP runtime crashes when it cannot start so many:
 * more than FB_THREADS_MAX become FB_THREADS_MAX. Called once, when the program starts. */
void fb_threads_bound(void);

#endif
