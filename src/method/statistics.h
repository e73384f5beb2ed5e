/* statistics.h - what a method computed from an expert and its data, kept for the next run.
 *
 * One safetensors file per expert, <folder>/<method>-<expert>-<hash>.safetensors. The hash is
 * SHA-256 over all that the values are a function of: the tensors of the model, the ids and labels
 * in the order in which they were used, the options that matter. So a file never goes stale: other
 * contents have another name. Values are f32 under the names of the entries; "sha256" holds the
 * hash of the values, so that damage shows.
 *
 *     fb_statistics_begin(&id, "gpt2_fisher", err)
 *     fb_statistics_add_model, fb_statistics_add_examples, fb_digest_add_int(&id, batch_size, err)
 *     fb_statistics_path(&path, folder, "gpt2_fisher", "cola", &id, err)
 *     fb_statistics_load(&found, path, expected, count, log, err)      found NULL: compute, then
 *     fb_statistics_save(path, values, count, log, err) */
#ifndef FB_METHOD_STATISTICS_H
#define FB_METHOD_STATISTICS_H

#include "base/digest.h"
#include "data/examples.h"
#include "method/method.h"

/* Whether files can be written to the folder, which is made. NULL: nothing to do. Errors begin with
 * "option 'statistics_dir'". */
int fb_statistics_check(const char *folder, struct fb_err *err) FB_MUST_CHECK;

int fb_statistics_begin(struct fb_digest *id, const char *method, struct fb_err *err) FB_MUST_CHECK;
/* Configuration and all keys of a model of an aligned pool; its pages are dropped behind. */
int fb_statistics_add_model(struct fb_digest *id, struct fb_pool *pool, int model,
                            struct fb_err *err) FB_MUST_CHECK;
/* Ids and labels in order, and target ids where there are any. */
int fb_statistics_add_examples(struct fb_digest *id, const struct fb_examples *e,
                               struct fb_err *err) FB_MUST_CHECK;
/* Ends the hash. Owned; NULL for a NULL folder. What a file name should not hold becomes '_' in the
 * expert's name. */
int fb_statistics_path(char **out, const char *folder, const char *method, const char *expert,
                       struct fb_digest *id, struct fb_err *err) FB_MUST_CHECK;

/* Opens and verifies the file; *out is NULL where there is none, or for a NULL path. `expected`
 * [count]: name, ndim and shape of every tensor, in the order in which they were saved. The values
 * are found in *out by name (fb_ckpt_find) as f32 bytes of any alignment; owned: fb_ckpt_close. The
 * message about a damaged file (FB_EFORMAT, FB_EMISMATCH) says that it may be deleted. */
int fb_statistics_load(struct fb_ckpt **out, const char *path, const struct fb_entry *expected,
                       int64_t count, const struct fb_log *log, struct fb_err *err) FB_MUST_CHECK;
/* Writes `values` [count], entries of FB_F32 with data; does nothing for a NULL path. */
int fb_statistics_save(const char *path, const struct fb_entry *values, int64_t count,
                       const struct fb_log *log, struct fb_err *err) FB_MUST_CHECK;

#endif
