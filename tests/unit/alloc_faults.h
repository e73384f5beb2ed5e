/* alloc_faults.h - makes the Nth allocation of our own code fail.
 *
 * The unit tests are linked with --wrap=malloc,calloc,realloc, which catches the calls of the
 * project's code but not those inside shared libraries. */
#ifndef FB_TESTS_ALLOC_FAULTS_H
#define FB_TESTS_ALLOC_FAULTS_H

/* Calls `attempt(arg)` with the Nth allocation failing, N = 0, 1, ... until one succeeds.
 * `attempt` frees everything it got and returns an fb_code. Every failure must be FB_ENOMEM.
 * Returns the number of failures provoked, or -1 if some other error came out or `limit` attempts
 * did not suffice. */
long for_each_allocation_failure(int (*attempt)(void *), void *arg, long limit);

#endif
