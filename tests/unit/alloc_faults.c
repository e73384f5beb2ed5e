#include "alloc_faults.h"

#include "base/err.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long allocations_left = -1; /* -1: never fail */

static int allocation_fails(void) {
    if (allocations_left < 0) return 0;
    if (allocations_left == 0) return 1;
    allocations_left--;
    return 0;
}

void *__wrap_malloc(size_t size) {
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return allocation_fails() ? NULL : __real_realloc(old, size);
}

long for_each_allocation_failure(int (*attempt)(void *), void *arg, long limit) {
    for (long n = 0; n < limit; n++) {
        int rc;
        allocations_left = n;
        rc = attempt(arg);
        allocations_left = -1;
        if (rc == FB_OK) return n;
        if (rc != FB_ENOMEM) return -1;
    }
    return -1;
}
