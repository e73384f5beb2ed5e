/* clones.h - wider vectors where the machine has them. */
#ifndef FB_BASE_CLONES_H
#define FB_BASE_CLONES_H

#include <stdint.h> /* for __GLIBC__: other C libraries cannot choose when they load a program */

/* For loops over elements: versions with wider vectors, chosen when the program is loaded. Nothing
 * is contracted (-ffp-contract=off), so all give the same bits. Sanitizers are not set up yet when
 * the choice is made, and clang 14 gives the choices of two static functions of one name the same
 * global symbol: both go without. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) &&       \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FB_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FB_CLONES
#endif

#endif
