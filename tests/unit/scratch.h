/* scratch.h - a temporary folder for tests that write files. */
#ifndef FB_TESTS_SCRATCH_H
#define FB_TESTS_SCRATCH_H

/* Makes an empty folder below $TMPDIR or /tmp and returns its path, which stays valid until
 * scratch_remove; one at a time. Fails the test when that is impossible. */
const char *scratch_make(void);
/* Removes the folder and everything in it. */
void scratch_remove(void);
/* The same as fixtures of cmocka, for every test or for the group of them. */
int scratch_setup(void **state);
int scratch_teardown(void **state);
/* "<folder>/<name>" in one of four buffers, used in turn; parent folders of `name` are made. */
const char *scratch_path(const char *name);
/* Writes a text file into the folder; returns its path as scratch_path does. */
const char *scratch_write(const char *name, const char *text);

#endif
