#include "pool/conversion.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/interrupt.h"
#include "base/map.h"
#include "base/str.h"
#include "ckpt/write.h"
#include "pool/companions.h"
#include "pool/save.h"
#include "pool/whole.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 20 }; /* elements at once */

struct job {
    const struct fb_conversion *c;
    const char *out_path; /* where it is written: OUT, or what will become it */
    bool exists;          /* OUT is a folder with files */
    struct fb_whole model;
    bool keep;
    enum fb_dtype dtype;  /* unless `keep` */
    int64_t *order;       /* [count] tensors in the order of the file */
    struct fb_entry *out; /* [count] what is written, in that order */
    struct fb_arena *arena;
    const struct fb_log *log;
};

/* ---- where it goes ---- */

static int check_folder(struct job *job, const char *path, struct fb_err *err) {
    char **names;
    size_t count;
    bool adapter = false;

    if (fb_list_dir(path, &names, &count, err)) return fb_context(err, "OUT '%s'", path);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(names[i], "adapter_config.json")) adapter = true;
    fb_list_free(names, count);
    if (adapter)
        return fb_fail(err, FB_EIO,
                       "OUT '%s' is the folder of an adapter: a model written there would be taken "
                       "for one; name another folder",
                       path);
    job->exists = count > 0;
    if (count && !job->c->force)
        return fb_fail(err, FB_EIO,
                       "OUT '%s' exists and has %zu files; --force replaces those of a model's "
                       "folder and leaves the others",
                       path, count);
    return FB_OK;
}

static int check_out(struct job *job, struct fb_err *err) {
    const struct fb_conversion *c = job->c;

    if (fb_save_check(c->out, "OUT", err)) return err->code;
    if (fb_is_dir(c->out) && fb_save_is_folder(c->out)) return check_folder(job, c->out, err);
    if (fb_is_file(c->out) && !c->force)
        return fb_fail(err, FB_EIO, "OUT '%s' exists; --force replaces it", c->out);
    return FB_OK;
}

/* ---- what is written ---- */

static enum fb_dtype target(const struct job *job, const struct fb_entry *e) {
    return job->keep || !fb_dtype_is_float(e->dtype) ? e->dtype : job->dtype;
}

/* Wide types first, so that every tensor lies at a multiple of its element's size. */
static int lay_out(struct job *job, struct fb_err *err) {
    const struct fb_whole *m = &job->model;
    int64_t n = 0;

    job->order = fb_arena_calloc(job->arena, (size_t)m->count + 1, sizeof *job->order, err);
    job->out = fb_arena_calloc(job->arena, (size_t)m->count + 1, sizeof *job->out, err);
    if (!job->order || !job->out) return err->code;
    for (size_t size = 8; size > 0; size /= 2)
        for (int64_t i = 0; i < m->count; i++) {
            enum fb_dtype dtype = target(job, &m->tensor[i].entry);
            if (fb_dtype_size(dtype) != size) continue;
            job->out[n] = m->tensor[i].entry;
            job->out[n].dtype = dtype;
            job->order[n++] = i;
        }
    return FB_OK;
}

/* The type that most elements of the floats have; f32 if there are none. */
static enum fb_dtype main_dtype(const struct job *job) {
    int64_t elements[FB_DTYPES] = {0};
    enum fb_dtype best = FB_F32;

    for (int64_t i = 0; i < job->model.count; i++)
        if (fb_dtype_is_float(job->out[i].dtype)) elements[job->out[i].dtype] += job->out[i].numel;
    for (int d = 0; d < FB_DTYPES; d++)
        if (elements[d] > elements[best]) best = (enum fb_dtype)d;
    return best;
}

struct buffers {
    float *values;
    void *narrow;
};

static int write_block(struct fb_ckpt_writer *writer, const struct job *job, int64_t n,
                       int64_t begin, int64_t count, const struct buffers *b, struct fb_err *err) {
    const struct fb_whole_tensor *t = &job->model.tensor[job->order[n]];
    const char *bytes = (const char *)t->entry.data + (size_t)begin * fb_dtype_size(t->entry.dtype);

    if (t->change < 0 && t->entry.dtype == job->out[n].dtype)
        return fb_ckpt_write_bytes(writer, n, begin, count, bytes, err);
    if (t->change < 0 && t->entry.dtype == FB_F64 && job->out[n].dtype != FB_F32)
        fb_dtype_f64_to_odd(b->values, bytes, count);
    else fb_whole_block(&job->model, job->order[n], begin, count, b->values);
    return fb_ckpt_write_f32(writer, n, begin, count, b->values, b->narrow, err);
}

static int write_tensors(struct fb_ckpt_writer *writer, const struct job *job,
                         const struct buffers *b, struct fb_err *err) {
    struct fb_progress progress;
    int rc = FB_OK;

    fb_progress_begin(&progress, job->log, "convert", "tensors", job->model.count);
    for (int64_t n = 0; !rc && n < job->model.count; n++) {
        int64_t numel = job->out[n].numel;
        for (int64_t begin = 0; !rc && begin < numel; begin += BLOCK) {
            int64_t count = numel - begin < BLOCK ? numel - begin : BLOCK;
            rc = fb_interrupted(err) || write_block(writer, job, n, begin, count, b, err);
            fb_whole_forget(&job->model, job->order[n], begin, count);
        }
        fb_progress_add(&progress, 1);
    }
    fb_progress_end(&progress);
    return rc ? err->code : FB_OK;
}

static int write_weights(const struct job *job, struct fb_err *err) {
    struct buffers b = {fb_malloc((size_t)BLOCK * sizeof(float), err),
                        fb_malloc((size_t)BLOCK * sizeof(double), err)};
    char *path = b.values && b.narrow ? fb_save_weights_path(job->out_path, err) : NULL;
    struct fb_ckpt_writer *writer = NULL;
    int rc = path ? FB_OK : err->code;

    if (!rc) rc = fb_ckpt_create(&writer, path, job->out, job->model.count, NULL, 0, err);
    if (!rc) rc = write_tensors(writer, job, &b, err);
    if (!rc) rc = fb_ckpt_commit(writer, err);
    else if (writer) fb_ckpt_abandon(writer);
    free(path);
    free(b.values);
    free(b.narrow);
    return rc;
}

/* ---- what stands beside the weights ---- */

/* "GPT2LMHeadModel" and "ForSequenceClassification" -> "GPT2ForSequenceClassification". */
static const char *with_head(struct job *job, const char *class, const char *head,
                             struct fb_err *err) {
    static const char *const ends[] = {"LMHeadModel", "DoubleHeadsModel", "EncoderModel", "Model"};
    const char *stop = strstr(class, "For");
    size_t length = stop ? (size_t)(stop - class) : strlen(class);

    for (size_t i = 0; !stop && i < sizeof ends / sizeof *ends; i++)
        if (fb_ends_with(class, ends[i])) {
            length -= strlen(ends[i]);
            break;
        }
    return fb_arena_printf(job->arena, err, "%.*s%s", (int)length, class, head);
}

/* Rows of the matrix that gives the scores of a classifier, 0: there is none among the heads. */
static int64_t labels(const struct fb_whole *m) {
    static const char *const names[] = {"score.weight", "classifier.weight", "out_proj.weight"};

    for (int64_t i = m->count - m->heads; i < m->count; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (m->tensor[i].entry.ndim == 2 && fb_ends_with(m->tensor[i].entry.name, names[k]))
                return m->tensor[i].entry.shape[0];
    return 0;
}

/* transformers derives the number of labels from these two; without them it is two. */
static int set_labels(struct job *job, struct fb_node *config, int64_t n, struct fb_err *err) {
    const struct fb_place nowhere = {0};
    const struct fb_node *old = fb_node_get(config, "id2label");
    struct fb_node *names, *numbers;

    if (old && old->kind == FB_MAP ? old->count == n : n == 2) return FB_OK;
    names = fb_node_map(job->arena, nowhere, err);
    numbers = names ? fb_node_map(job->arena, nowhere, err) : NULL;
    if (!numbers) return err->code;
    for (int64_t i = 0; i < n; i++) {
        char number[32], label[40];
        snprintf(number, sizeof number, "%jd", (intmax_t)i);
        snprintf(label, sizeof label, "LABEL_%jd", (intmax_t)i);
        if (fb_node_set_text(job->arena, names, number, label, err) ||
            fb_node_set_int(job->arena, numbers, label, i, err))
            return err->code;
    }
    if (fb_node_set(job->arena, config, "id2label", names, err)) return err->code;
    return fb_node_set(job->arena, config, "label2id", numbers, err);
}

/* The configuration of a model that has got a head from its adapter. */
static int set_head(struct job *job, struct fb_node *config, struct fb_err *err) {
    const char *task = fb_lora_task(job->model.lora), *head = NULL, *class;
    const struct fb_node *old = fb_node_at(config, "architectures.0");
    int64_t n = labels(&job->model);

    if (task && !strcmp(task, "SEQ_CLS")) head = "ForSequenceClassification";
    if (task && !strcmp(task, "TOKEN_CLS")) head = "ForTokenClassification";
    if (head && old && old->kind == FB_TEXT) {
        if (!(class = with_head(job, old->text, head, err)) ||
            fb_companions_set_architecture(config, class, job->arena, err))
            return err->code;
    }
    if (job->model.unties) {
        struct fb_node *no = fb_node_bool(job->arena, false, (struct fb_place){0}, err);
        if (!no || fb_node_set(job->arena, config, "tie_word_embeddings", no, err))
            return err->code;
    }
    return head && n ? set_labels(job, config, n, err) : FB_OK;
}

static int write_config(struct job *job, struct fb_err *err) {
    struct fb_node *config = fb_node_copy(job->arena, job->model.config, err);

    if (!config || (job->model.heads && set_head(job, config, err))) return err->code;
    return fb_companions_write_config(job->out_path, config, main_dtype(job), job->arena, err);
}

/* The adapter's folder comes first: a tokenizer with added tokens is saved there. */
static int copy_files(const struct job *job, struct fb_err *err) {
    const struct fb_whole *m = &job->model;
    bool own = m->adapter && fb_companions_has_tokenizer(m->adapter);

    if (fb_companions_copy_generation(m->folder, job->out_path, err)) return err->code;
    return fb_companions_copy_tokenizer(own ? m->adapter : m->folder, job->out_path, err);
}

static int write_card(const struct job *job, struct fb_err *err) {
    const struct fb_whole *m = &job->model;
    const char *base = job->c->base ? job->c->base : m->lora ? fb_lora_base_name(m->lora) : NULL;
    const char *name[2] = {base ? "base" : NULL, base ? "adapter" : NULL};
    const char *path[2] = {base ? base : job->c->in, base ? job->c->in : NULL};
    struct fb_card card = {.name = name, .path = path, .models = base ? 2 : 1, .merged = base};

    card.what =
        base ? fb_arena_printf(job->arena, err,
                               "The adapter merged into its base by fusion_bench %s, "
                               "computed in float32 and stored as %s.",
                               FB_VERSION, fb_dtype_torch_name(main_dtype(job)))
             : fb_arena_printf(job->arena, err, "Converted by fusion_bench %s, stored as %s.",
                               FB_VERSION, fb_dtype_torch_name(main_dtype(job)));
    return card.what ? fb_companions_write_card(job->out_path, &card, job->arena, err) : err->code;
}

static int write_files(struct job *job, struct fb_err *err) {
    if (write_weights(job, err)) return err->code;
    if (!fb_save_is_folder(job->c->out)) return FB_OK;
    if (write_config(job, err) || copy_files(job, err)) return err->code;
    return write_card(job, err);
}

/* A new folder appears whole. In one that has files they are replaced one by one, since others may
 * be there that are none of ours. */
static int write_out(struct job *job, struct fb_err *err) {
    struct fb_folder folder;

    job->out_path = job->c->out;
    if (!fb_save_is_folder(job->c->out) || job->exists) return write_files(job, err);
    if (fb_folder_begin(&folder, job->c->out, err)) return err->code;
    job->out_path = folder.partial;
    if (!write_files(job, err)) return fb_folder_commit(&folder, err);
    fb_folder_abandon(&folder);
    return err->code;
}

/* ---- interface ---- */

static int open_model(struct job *job, struct fb_err *err) {
    const struct fb_conversion *c = job->c;

    if (fb_whole_open(&job->model, c->in, c->base, job->log, err)) return err->code;
    if (job->model.config || !fb_save_is_folder(c->out)) return FB_OK;
    return fb_fail(err, FB_ENOTFOUND,
                   "there is no config.json in '%s', which a model's folder needs; give OUT a name "
                   "that ends in .safetensors",
                   *job->model.folder ? job->model.folder : ".");
}

static void count(const struct job *job, struct fb_converted *done) {
    *done = (struct fb_converted){.tensors = job->model.count, .heads = job->model.heads};
    for (int64_t i = 0; i < job->model.count; i++) {
        done->elements += job->out[i].numel;
        done->bytes += job->out[i].numel * (int64_t)fb_dtype_size(job->out[i].dtype);
        done->changed += job->model.tensor[i].change >= 0;
    }
}

int fb_convert(const struct fb_conversion *c, struct fb_converted *done, const struct fb_log *log,
               struct fb_arena *arena, struct fb_err *err) {
    struct job job = {.c = c, .arena = arena, .log = log};
    int rc;

    job.keep = !fb_dtype_parse(c->dtype, &job.dtype);
    rc = check_out(&job, err);
    if (!rc) rc = open_model(&job, err);
    if (!rc) rc = lay_out(&job, err);
    if (!rc) rc = write_out(&job, err);
    if (!rc) count(&job, done);
    fb_whole_close(&job.model);
    return rc;
}
