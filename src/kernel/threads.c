#include "kernel/threads.h"

#include <omp.h>

int fb_threads(void) {
    return omp_get_max_threads();
}

void fb_threads_set(int n) {
    omp_set_num_threads(n);
}

void fb_threads_bound(void) {
    if (fb_threads() > FB_THREADS_MAX) fb_threads_set(FB_THREADS_MAX);
}
