/* pickle_calls.c - the opcodes that run code in Python: here they only write down what was asked.
 *
 * GLOBAL looks a name up in a table, REDUCE and NEWOBJ leave a value that says which row was called
 * with what, BUILD drops attributes, and a persistent id becomes a storage that the container fills
 * in. OrderedDict is the one call that is made, since what follows puts items into it. */
#include "ckpt/pickle_machine.h"

#include <string.h>

static int find_global(struct fb_pickle_machine *m, const struct fb_global **out) {
    size_t module_size, name_size;
    const char *module = fb_pickle_line(m, &module_size), *name;

    if (!module || !(name = fb_pickle_line(m, &name_size))) return m->err->code;
    return fb_global_find(out, module, module_size, name, name_size, m->err);
}

int fb_pickle_global(struct fb_pickle_machine *m) {
    const struct fb_global *global;
    struct fb_pickle_value *v;

    if (find_global(m, &global) || !(v = fb_pickle_new(m, FB_PICKLE_GLOBAL))) return m->err->code;
    v->global = global;
    return fb_pickle_push(m, v);
}

/* INST has the name of a class in it: if that is allowed, the opcode still is not. */
int fb_pickle_inst(struct fb_pickle_machine *m) {
    const struct fb_global *global;

    if (find_global(m, &global)) return m->err->code;
    return fb_fail(m->err, FB_EUNSUPPORTED, "opcode INST (of '%s') is not read", global->name);
}

/* OrderedDict() or OrderedDict([[key, value], ...]), which Python 2 wrote. */
static int make_ordered(struct fb_pickle_machine *m, const struct fb_pickle_value *args) {
    const struct fb_pickle_value *pairs = args->count ? args->item[0] : NULL;
    struct fb_pickle_value *dict;
    size_t begin;

    if (args->count > 1 || (pairs && pairs->kind != FB_PICKLE_LIST))
        return fb_fail(m->err, FB_EFORMAT, "calls OrderedDict with what is no list of pairs");
    if (!(dict = fb_pickle_new(m, FB_PICKLE_DICT)) || fb_pickle_push(m, dict)) return m->err->code;
    dict->unhashable = dict->ordered = true;
    /* Lists can be shared: without a limit, n calls on one list of n pairs would take n * n. */
    if (pairs && (int64_t)pairs->count > FB_PICKLE_OPCODES - m->opcodes)
        return fb_fail(m->err, FB_EUNSUPPORTED, "more than %d opcodes and pairs of OrderedDicts",
                       FB_PICKLE_OPCODES);
    if (pairs) m->opcodes += (int64_t)pairs->count;
    begin = m->depth;
    for (size_t i = 0; pairs && i < pairs->count; i++) {
        const struct fb_pickle_value *pair = pairs->item[i];
        bool is_pair = pair->kind == FB_PICKLE_LIST || pair->kind == FB_PICKLE_TUPLE;
        if (!is_pair || pair->count != 2)
            return fb_fail(m->err, FB_EFORMAT, "calls OrderedDict with what is no list of pairs");
        if (fb_pickle_push(m, pair->item[0]) || fb_pickle_push(m, pair->item[1]))
            return m->err->code;
    }
    return fb_pickle_set_items(m, begin);
}

static int keep_call(struct fb_pickle_machine *m, const struct fb_global *function,
                     struct fb_pickle_value *args) {
    struct fb_pickle_value *v = fb_pickle_new(m, FB_PICKLE_CALL);

    if (!v || fb_pickle_extend(m, v, &args, 1)) return m->err->code;
    v->global = function;
    return fb_pickle_push(m, v);
}

/* Takes a function and its arguments off the stack. */
static int take_call(struct fb_pickle_machine *m, const struct fb_global **function,
                     struct fb_pickle_value **args) {
    struct fb_pickle_value *f;

    if (fb_pickle_need(m, 2)) return m->err->code;
    *args = fb_pickle_top(m);
    f = m->stack[m->depth - 2];
    if (f->kind != FB_PICKLE_GLOBAL)
        return fb_fail(m->err, FB_EFORMAT, "calls what is no function");
    if ((*args)->kind != FB_PICKLE_TUPLE)
        return fb_fail(m->err, FB_EFORMAT, "calls '%s' with what is no tuple", f->global->name);
    *function = f->global;
    m->depth -= 2;
    return FB_OK;
}

int fb_pickle_reduce(struct fb_pickle_machine *m) {
    const struct fb_global *function;
    struct fb_pickle_value *args;

    if (take_call(m, &function, &args)) return m->err->code;
    if (function->kind == FB_GLOBAL_ORDERED_DICT) return make_ordered(m, args);
    if (function->kind == FB_GLOBAL_STORAGE || function->kind == FB_GLOBAL_DTYPE ||
        function->kind == FB_GLOBAL_TENSOR)
        return fb_fail(m->err, FB_EUNSUPPORTED, "a call of '%s' is not read", function->name);
    return keep_call(m, function, args);
}

int fb_pickle_newobj(struct fb_pickle_machine *m) {
    const struct fb_global *class;
    struct fb_pickle_value *args;

    if (take_call(m, &class, &args)) return m->err->code;
    if (class->kind != FB_GLOBAL_PARAMETER)
        return fb_fail(m->err, FB_EUNSUPPORTED, "opcode NEWOBJ (of '%s') is not read", class->name);
    return keep_call(m, class, args);
}

/* The attributes of an OrderedDict (a state dict's _metadata) are dropped. */
int fb_pickle_build(struct fb_pickle_machine *m) {
    if (fb_pickle_need(m, 2)) return m->err->code;
    m->depth--;
    if (fb_pickle_top(m)->kind == FB_PICKLE_DICT && fb_pickle_top(m)->ordered) return FB_OK;
    return fb_fail(m->err, FB_EUNSUPPORTED,
                   "opcode BUILD is read for an OrderedDict and for nothing else");
}

/* Arguments of ('storage', type, key, location, elements[, view]). */
static int check_id(struct fb_pickle_machine *m, const struct fb_pickle_value *id) {
    char shown[FB_SHOWN_TEXT];

    if (id->kind != FB_PICKLE_TUPLE || !id->count || id->item[0]->kind != FB_PICKLE_STRING)
        return fb_fail(m->err, FB_EUNSUPPORTED, "a persistent id is no tuple that names its kind");
    if (!fb_pickle_is(id->item[0], "storage"))
        return fb_fail(m->err, FB_EUNSUPPORTED,
                       "a persistent id of kind '%s' is not read, only 'storage' is",
                       fb_shown(shown, id->item[0]->text, id->item[0]->count));
    if (id->count < 5 || id->count > 6 || id->item[1]->kind != FB_PICKLE_GLOBAL ||
        id->item[1]->global->kind != FB_GLOBAL_STORAGE || id->item[2]->kind != FB_PICKLE_STRING ||
        id->item[4]->kind != FB_PICKLE_INT)
        return fb_fail(m->err, FB_EFORMAT,
                       "a persistent id is not ('storage', type, key, "
                       "location, elements)");
    if (id->count == 6 && id->item[5]->kind != FB_PICKLE_NONE)
        return fb_fail(m->err, FB_EUNSUPPORTED,
                       "storage '%s' is a view of another one, which is not read",
                       fb_shown(shown, id->item[2]->text, id->item[2]->count));
    if (id->item[2]->count > FB_PICKLE_KEY)
        return fb_fail(m->err, FB_EFORMAT, "a storage key has %zu bytes, the limit is %d",
                       id->item[2]->count, FB_PICKLE_KEY);
    if (id->item[4]->integer < 0 || memchr(id->item[2]->text, 0, id->item[2]->count))
        return fb_fail(m->err, FB_EFORMAT, "storage '%s' of %jd elements",
                       fb_shown(shown, id->item[2]->text, id->item[2]->count),
                       (intmax_t)id->item[4]->integer);
    return FB_OK;
}

int fb_pickle_binpersid(struct fb_pickle_machine *m) {
    struct fb_pickle_storage *storage;
    const struct fb_pickle_value *id;
    struct fb_pickle_value *v;

    if (fb_pickle_need(m, 1)) return m->err->code;
    id = fb_pickle_top(m);
    if (check_id(m, id) || !(v = fb_pickle_new(m, FB_PICKLE_STORAGE)) ||
        !(storage = fb_arena_calloc(m->arena, 1, sizeof *storage, m->err)) ||
        !(storage->key = fb_arena_strndup(m->arena, id->item[2]->text, id->item[2]->count, m->err)))
        return m->err->code;
    storage->type = id->item[1]->global;
    storage->numel = id->item[4]->integer;
    storage->next = m->out->storages;
    m->out->storages = storage;
    v->storage = storage;
    m->depth--;
    return fb_pickle_push(m, v);
}
