/* rebuild.c - see rebuild.h. */
#include "ckpt/rebuild.h"

#include <string.h>

/* Arguments of the rebuilding functions. */
enum { STORAGE, OFFSET, SIZE, STRIDE, GRAD, HOOKS, V2_METADATA, V3_DTYPE = 6, V3_METADATA };
/* A parameter of a subclass has two layers. */
enum { LAYERS_MAX = 8 };

struct view {
    const unsigned char *data; /* first byte of the storage */
    int64_t elements;          /* of the storage */
    int64_t offset, stride[FB_DIMS];
};

/* A function and its arguments. */
struct call {
    const struct fb_global *function;
    const struct fb_pickle_value *args; /* a tuple */
};

static const struct fb_pickle_value *argument(struct call c, size_t i) {
    return i < c.args->count ? c.args->item[i] : NULL;
}

static bool is_kind(const struct fb_pickle_value *v, enum fb_pickle_kind kind) {
    return v && v->kind == kind;
}

bool fb_rebuild_is_tensor(const struct fb_pickle_value *value) {
    return value->kind == FB_PICKLE_CALL && fb_global_makes_tensor(value->global);
}

/* One layer less of parameters and subclasses: 1 if there was one, 0, or an error. The attributes
 * of a subclass are dropped, its data are those of the tensor. */
static int unwrap(struct call *c, struct fb_err *err) {
    const struct fb_pickle_value *first = argument(*c, 0), *type = argument(*c, 1);
    const struct fb_pickle_value *inner = argument(*c, 2);

    if (c->function->kind == FB_GLOBAL_PARAMETER ||
        c->function->kind == FB_GLOBAL_REBUILD_PARAMETER) {
        if (!first || !fb_rebuild_is_tensor(first))
            return fb_fail(err, FB_EFORMAT, "'%s' of what is no tensor", c->function->name);
        *c = (struct call){first->global, first->item[0]};
        return 1;
    }
    if (c->function->kind != FB_GLOBAL_REBUILD_FROM_TYPE) return 0;
    if (!is_kind(first, FB_PICKLE_GLOBAL) || !fb_global_makes_tensor(first->global) ||
        !is_kind(type, FB_PICKLE_GLOBAL) || !is_kind(inner, FB_PICKLE_TUPLE))
        return fb_fail(err, FB_EFORMAT, "'%s' of what is no tensor", c->function->name);
    *c = (struct call){first->global, inner};
    return 1;
}

/* (2, 3) or torch.Size((2, 3)): the number of values, or -1. */
static int read_sizes(const struct fb_pickle_value *v, int64_t out[FB_DIMS]) {
    if (is_kind(v, FB_PICKLE_CALL) && v->global->kind == FB_GLOBAL_SIZE && v->item[0]->count == 1)
        v = v->item[0]->item[0];
    if (!is_kind(v, FB_PICKLE_TUPLE) || v->count > FB_DIMS) return -1;
    for (size_t i = 0; i < v->count; i++) {
        if (v->item[i]->kind != FB_PICKLE_INT || v->item[i]->integer < 0) return -1;
        out[i] = v->item[i]->integer;
    }
    return (int)v->count;
}

/* v3 names the element type; before, it is that of the storage. */
static int read_dtype(struct call c, const struct fb_pickle_storage *storage, enum fb_dtype *out,
                      struct fb_err *err) {
    const struct fb_pickle_value *v = argument(c, V3_DTYPE);

    *out = storage->type->dtype;
    if (c.function->kind != FB_GLOBAL_REBUILD_TENSOR_V3) return FB_OK;
    if (!is_kind(v, FB_PICKLE_GLOBAL) || v->global->kind != FB_GLOBAL_DTYPE)
        return fb_fail(err, FB_EFORMAT, "its element type is not given");
    *out = v->global->dtype;
    return FB_OK;
}

/* Metadata say that a tensor is to be negated or conjugated when it is read. */
static int check_metadata(struct call c, struct fb_err *err) {
    bool v3 = c.function->kind == FB_GLOBAL_REBUILD_TENSOR_V3;
    const struct fb_pickle_value *v = argument(c, v3 ? V3_METADATA : V2_METADATA);

    if (c.function->kind == FB_GLOBAL_REBUILD_TENSOR || !v || v->kind == FB_PICKLE_NONE ||
        (v->kind == FB_PICKLE_DICT && !v->count))
        return FB_OK;
    return fb_fail(err, FB_EUNSUPPORTED,
                   "it is stored with metadata (a negative or conjugate view), which is not read");
}

static int read_view(struct view *view, struct fb_entry *entry, struct call c, struct fb_err *err) {
    const struct fb_pickle_value *storage = argument(c, STORAGE), *offset = argument(c, OFFSET);
    size_t bytes;

    if (!is_kind(storage, FB_PICKLE_STORAGE) || !is_kind(offset, FB_PICKLE_INT))
        return fb_fail(err, FB_EFORMAT, "it has no storage and offset");
    entry->ndim = read_sizes(argument(c, SIZE), entry->shape);
    if (entry->ndim < 0 || read_sizes(argument(c, STRIDE), view->stride) != entry->ndim)
        return fb_fail(err, FB_EFORMAT,
                       "its sizes and strides are not two tuples of up to %d whole numbers of "
                       "one length",
                       FB_DIMS);
    if (read_dtype(c, storage->storage, &entry->dtype, err) || check_metadata(c, err))
        return err->code;
    bytes = (size_t)storage->storage->numel * fb_dtype_size(storage->storage->type->dtype);
    view->data = storage->storage->data;
    view->elements = (int64_t)(bytes / fb_dtype_size(entry->dtype));
    view->offset = offset->integer;
    if (view->offset < 0 || view->offset > view->elements)
        return fb_fail(err, FB_EFORMAT, "it begins at element %jd of a storage of %jd",
                       (intmax_t)view->offset, (intmax_t)view->elements);
    return FB_OK;
}

/* numel, and that the last element lies in the storage. */
static int check_reach(const struct view *view, struct fb_entry *entry, struct fb_err *err) {
    int64_t left = view->elements - view->offset - 1; /* what the last index may add */
    bool inside = left >= 0;

    entry->numel = 1;
    for (int d = 0; d < entry->ndim; d++)
        if (!entry->shape[d]) entry->numel = 0;
    if (!entry->numel) return FB_OK;
    for (int d = 0; d < entry->ndim; d++) {
        int64_t steps = entry->shape[d] - 1;
        if (entry->shape[d] > INT64_MAX / 8 / entry->numel)
            return fb_fail(err, FB_EFORMAT, "it has more than 2^60 elements");
        entry->numel *= entry->shape[d];
        if (!steps) continue;
        if (left < 0 || view->stride[d] > left / steps) inside = false;
        else left -= steps * view->stride[d];
    }
    if (inside) return FB_OK;
    return fb_fail(err, FB_EFORMAT, "it reaches beyond its storage of %jd elements",
                   (intmax_t)view->elements);
}

static bool is_contiguous(const struct view *view, const struct fb_entry *entry) {
    int64_t expected = 1;

    for (int d = entry->ndim - 1; d >= 0; d--) {
        if (entry->shape[d] != 1 && view->stride[d] != expected) return false;
        expected *= entry->shape[d];
    }
    return true;
}

/* Row after row of the last dimension; `at` is the index of a row. */
static void gather(unsigned char *out, const struct view *view, const struct fb_entry *entry) {
    const size_t size = fb_dtype_size(entry->dtype);
    const int last = entry->ndim - 1;
    int64_t at[FB_DIMS] = {0}, from = view->offset;

    for (int64_t done = 0; done < entry->numel; done += entry->shape[last]) {
        for (int64_t i = 0; i < entry->shape[last]; i++, out += size)
            memcpy(out, view->data + (size_t)(from + i * view->stride[last]) * size, size);
        for (int d = last - 1; d >= 0; d--) {
            from += view->stride[d];
            if (++at[d] < entry->shape[d]) break;
            from -= at[d] * view->stride[d];
            at[d] = 0;
        }
    }
}

static int copy_view(struct fb_entry *entry, const struct view *view, struct fb_copies *copies,
                     struct fb_err *err) {
    unsigned char *out;

    if ((uint64_t)entry->numel > copies->left / fb_dtype_size(entry->dtype))
        return fb_fail(err, FB_EUNSUPPORTED,
                       "its %jd elements are a view on a storage of %jd that would have to be "
                       "copied, and %zu bytes are left for copies",
                       (intmax_t)entry->numel, (intmax_t)view->elements, copies->left);
    if (!(out = fb_arena_alloc(copies->arena, entry->size, err))) return err->code;
    copies->left -= entry->size;
    gather(out, view, entry);
    entry->data = out;
    return FB_OK;
}

int fb_rebuild_tensor(struct fb_entry *entry, const struct fb_pickle_value *call,
                      struct fb_copies *copies, struct fb_err *err) {
    struct call c = {call->global, call->item[0]};
    struct view view = {0};
    int wrapped;

    for (int layer = 0; (wrapped = unwrap(&c, err)) > 0; layer++)
        if (layer == LAYERS_MAX)
            return fb_fail(err, FB_EFORMAT, "it is wrapped more than %d times", LAYERS_MAX);
    if (wrapped < 0 || read_view(&view, entry, c, err) || check_reach(&view, entry, err))
        return err->code;
    entry->size = (size_t)entry->numel * fb_dtype_size(entry->dtype);
    if (entry->numel && !is_contiguous(&view, entry)) return copy_view(entry, &view, copies, err);
    entry->data = view.data + (size_t)view.offset * fb_dtype_size(entry->dtype);
    return FB_OK;
}
