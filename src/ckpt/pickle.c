/* pickle.c - the stack machine of pickle, without its means of running anything.
 *
 * Opcodes as in Lib/pickletools.py; which ones are read, and that marks hide what lies below them,
 * as in torch/_weights_only_unpickler.py (2.5.1). */
#include "ckpt/pickle_machine.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 1000 };

/* ---- bytes ---------------------------------------------------------------------------------- */

static const unsigned char *take(struct fb_pickle_machine *m, size_t count) {
    const unsigned char *at = m->bytes + m->at;

    if (count > m->size - m->at) {
        fb_fail(m->err, FB_EFORMAT, "ends inside an opcode: %zu bytes wanted, %zu are left", count,
                m->size - m->at);
        return NULL;
    }
    m->at += count;
    return at;
}

static uint32_t le32(const unsigned char *b) {
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* A number of `width` bytes (1, 2 or 4). */
static int take_number(struct fb_pickle_machine *m, size_t width, uint32_t *out) {
    const unsigned char *b = take(m, width);
    unsigned char full[4] = {0};

    *out = 0;
    if (!b) return m->err->code;
    memcpy(full, b, width);
    *out = le32(full);
    return FB_OK;
}

/* A line without its end. */
const char *fb_pickle_line(struct fb_pickle_machine *m, size_t *size) {
    const unsigned char *at = m->bytes + m->at, *end;
    size_t left = m->size - m->at;

    end = memchr(at, '\n', left < NAME_MAX_BYTES ? left : NAME_MAX_BYTES);
    if (!end) {
        fb_fail(m->err, FB_EFORMAT, "a name has no end within %d bytes", NAME_MAX_BYTES);
        return NULL;
    }
    *size = (size_t)(end - at);
    m->at += *size + 1;
    return (const char *)at;
}

/* ---- stack ---------------------------------------------------------------------------------- */

int fb_pickle_push(struct fb_pickle_machine *m, struct fb_pickle_value *v) {
    if (!v) return m->err->code;
    if (m->depth == m->capacity) {
        size_t capacity = m->capacity ? 2 * m->capacity : 64;
        void *stack = fb_realloc(m->stack, capacity, sizeof *m->stack, m->err);
        if (!stack) return m->err->code;
        m->stack = stack;
        m->capacity = capacity;
    }
    m->stack[m->depth++] = v;
    return FB_OK;
}

/* Whether `count` items lie above the innermost mark. */
int fb_pickle_need(struct fb_pickle_machine *m, size_t count) {
    if (m->depth - m->floor >= count) return FB_OK;
    return fb_fail(m->err, FB_EFORMAT, "takes %zu values from a stack of %zu", count,
                   m->depth - m->floor);
}

struct fb_pickle_value *fb_pickle_top(const struct fb_pickle_machine *m) {
    return m->stack[m->depth - 1];
}

/* Ends the innermost mark: its items stay at stack[*begin .. depth). */
static int end_mark(struct fb_pickle_machine *m, size_t *begin) {
    *begin = m->floor;
    if (!m->marks) return fb_fail(m->err, FB_EFORMAT, "takes a mark where none is set");
    m->floor = m->mark[--m->marks];
    return FB_OK;
}

struct fb_pickle_value *fb_pickle_new(struct fb_pickle_machine *m, enum fb_pickle_kind kind) {
    struct fb_pickle_value *v = fb_arena_calloc(m->arena, 1, sizeof *v, m->err);

    if (v) v->kind = kind;
    return v;
}

static int push_kind(struct fb_pickle_machine *m, enum fb_pickle_kind kind) {
    struct fb_pickle_value *v = fb_pickle_new(m, kind);

    if (!v) return m->err->code;
    v->unhashable = kind == FB_PICKLE_LIST || kind == FB_PICKLE_DICT || kind == FB_PICKLE_SET;
    return fb_pickle_push(m, v);
}

static int push_integer(struct fb_pickle_machine *m, enum fb_pickle_kind kind, int64_t integer) {
    struct fb_pickle_value *v = fb_pickle_new(m, kind);

    if (!v) return m->err->code;
    v->integer = integer;
    return fb_pickle_push(m, v);
}

static int push_text(struct fb_pickle_machine *m, enum fb_pickle_kind kind, size_t size) {
    struct fb_pickle_value *v;
    const unsigned char *text = take(m, size);

    if (!text || !(v = fb_pickle_new(m, kind))) return m->err->code;
    v->text = (const char *)text;
    v->count = size;
    return fb_pickle_push(m, v);
}

/* Adds `count` items that are still on the stack to a container. */
int fb_pickle_extend(struct fb_pickle_machine *m, struct fb_pickle_value *to,
                     struct fb_pickle_value **items, size_t count) {
    if (count > to->capacity - to->count) {
        size_t capacity = 2 * to->capacity;
        struct fb_pickle_value **item;
        if (capacity < to->count + count) capacity = to->count + count;
        if (!(item = fb_arena_calloc(m->arena, capacity, sizeof(struct fb_pickle_value *), m->err)))
            return m->err->code;
        if (to->count) memcpy(item, to->item, to->count * sizeof(struct fb_pickle_value *));
        to->item = item;
        to->capacity = capacity;
    }
    if (count) memcpy(to->item + to->count, items, count * sizeof(struct fb_pickle_value *));
    to->count += count;
    return FB_OK;
}

/* The items from stack[begin] on become one tuple. */
static int make_tuple(struct fb_pickle_machine *m, size_t begin) {
    struct fb_pickle_value *v = fb_pickle_new(m, FB_PICKLE_TUPLE);
    size_t count = m->depth - begin;

    if (!v || fb_pickle_extend(m, v, m->stack + begin, count)) return m->err->code;
    for (size_t i = 0; i < count; i++)
        if (v->item[i]->unhashable) v->unhashable = true;
    m->depth = begin;
    return fb_pickle_push(m, v);
}

static int put(struct fb_pickle_machine *m, uint32_t index) {
    if (fb_pickle_need(m, 1)) return m->err->code;
    /* Picklers count up from 0 or 1, so that no number exceeds that of the opcodes. */
    if (index > m->opcodes)
        return fb_fail(m->err, FB_EFORMAT, "memo number %u among the first %jd opcodes", index,
                       (intmax_t)m->opcodes);
    if (index >= m->memo_size) {
        size_t size = 2 * (size_t)index + 64;
        void *memo = fb_realloc(m->memo, size, sizeof *m->memo, m->err);
        if (!memo) return m->err->code;
        m->memo = memo;
        memset(m->memo + m->memo_size, 0, (size - m->memo_size) * sizeof *m->memo);
        m->memo_size = size;
    }
    m->memo[index] = fb_pickle_top(m);
    return FB_OK;
}

static int get(struct fb_pickle_machine *m, uint32_t index) {
    if (index >= m->memo_size || !m->memo[index])
        return fb_fail(m->err, FB_EFORMAT, "memo number %u was never put", index);
    return fb_pickle_push(m, m->memo[index]);
}

/* ---- opcodes: plain values ------------------------------------------------------------------ */

static int op_proto(struct fb_pickle_machine *m) {
    uint32_t version;

    if (take_number(m, 1, &version)) return m->err->code;
    if (version > 3)
        return fb_fail(m->err, FB_EUNSUPPORTED,
                       "pickle protocol %u is not read; torch.save writes 2, and up to 3 is "
                       "understood",
                       version);
    return FB_OK;
}

static int op_none(struct fb_pickle_machine *m) {
    return push_kind(m, FB_PICKLE_NONE);
}

static int op_true(struct fb_pickle_machine *m) {
    return push_integer(m, FB_PICKLE_BOOL, 1);
}

static int op_false(struct fb_pickle_machine *m) {
    return push_integer(m, FB_PICKLE_BOOL, 0);
}

static int op_binint(struct fb_pickle_machine *m) {
    uint32_t n;

    return take_number(m, 4, &n) ? m->err->code : push_integer(m, FB_PICKLE_INT, (int32_t)n);
}

static int op_binint1(struct fb_pickle_machine *m) {
    uint32_t n;

    return take_number(m, 1, &n) ? m->err->code : push_integer(m, FB_PICKLE_INT, n);
}

static int op_binint2(struct fb_pickle_machine *m) {
    uint32_t n;

    return take_number(m, 2, &n) ? m->err->code : push_integer(m, FB_PICKLE_INT, n);
}

static int op_long1(struct fb_pickle_machine *m) {
    const unsigned char *b;
    uint64_t value;
    uint32_t size;

    if (take_number(m, 1, &size)) return m->err->code;
    if (size > 8) return push_text(m, FB_PICKLE_LONG, size);
    if (!(b = take(m, size))) return m->err->code;
    value = size && b[size - 1] & 0x80 ? UINT64_MAX : 0; /* the sign above the last byte */
    for (size_t i = size; i-- > 0;)
        value = value << 8 | b[i];
    return push_integer(m, FB_PICKLE_INT, (int64_t)value);
}

static int op_binfloat(struct fb_pickle_machine *m) {
    return take(m, 8) ? push_kind(m, FB_PICKLE_REAL) : m->err->code;
}

static int op_binunicode(struct fb_pickle_machine *m) {
    uint32_t size;

    return take_number(m, 4, &size) ? m->err->code : push_text(m, FB_PICKLE_STRING, size);
}

static int op_short_binstring(struct fb_pickle_machine *m) {
    uint32_t size;

    return take_number(m, 1, &size) ? m->err->code : push_text(m, FB_PICKLE_STRING, size);
}

/* ---- opcodes: containers -------------------------------------------------------------------- */

static int op_empty_list(struct fb_pickle_machine *m) {
    return push_kind(m, FB_PICKLE_LIST);
}

static int op_empty_dict(struct fb_pickle_machine *m) {
    return push_kind(m, FB_PICKLE_DICT);
}

static int op_empty_set(struct fb_pickle_machine *m) {
    return push_kind(m, FB_PICKLE_SET);
}

static int op_empty_tuple(struct fb_pickle_machine *m) {
    return push_kind(m, FB_PICKLE_TUPLE);
}

static int op_mark(struct fb_pickle_machine *m) {
    if (m->marks == FB_PICKLE_MARKS)
        return fb_fail(m->err, FB_EFORMAT, "more than %d marks are open", FB_PICKLE_MARKS);
    m->mark[m->marks++] = m->floor;
    m->floor = m->depth;
    return FB_OK;
}

static int op_tuple(struct fb_pickle_machine *m) {
    size_t begin;

    return end_mark(m, &begin) ? m->err->code : make_tuple(m, begin);
}

static int op_tuple1(struct fb_pickle_machine *m) {
    return fb_pickle_need(m, 1) ? m->err->code : make_tuple(m, m->depth - 1);
}

static int op_tuple2(struct fb_pickle_machine *m) {
    return fb_pickle_need(m, 2) ? m->err->code : make_tuple(m, m->depth - 2);
}

static int op_tuple3(struct fb_pickle_machine *m) {
    return fb_pickle_need(m, 3) ? m->err->code : make_tuple(m, m->depth - 3);
}

/* Adds the items from stack[begin] on to the list below them. */
static int append(struct fb_pickle_machine *m, size_t begin) {
    struct fb_pickle_value *to;

    if (begin <= m->floor) return fb_fail(m->err, FB_EFORMAT, "appends to nothing");
    to = m->stack[begin - 1];
    if (to->kind != FB_PICKLE_LIST)
        return fb_fail(m->err, FB_EFORMAT, "appends to what is no list");
    if (fb_pickle_extend(m, to, m->stack + begin, m->depth - begin)) return m->err->code;
    m->depth = begin;
    return FB_OK;
}

static int op_append(struct fb_pickle_machine *m) {
    return fb_pickle_need(m, 2) ? m->err->code : append(m, m->depth - 1);
}

static int op_appends(struct fb_pickle_machine *m) {
    size_t begin;

    return end_mark(m, &begin) ? m->err->code : append(m, begin);
}

int fb_pickle_set_items(struct fb_pickle_machine *m, size_t begin) {
    struct fb_pickle_value *to;

    if (begin <= m->floor) return fb_fail(m->err, FB_EFORMAT, "sets items of nothing");
    to = m->stack[begin - 1];
    if (to->kind != FB_PICKLE_DICT)
        return fb_fail(m->err, FB_EFORMAT, "sets items of what is no dict");
    if ((m->depth - begin) % 2) return fb_fail(m->err, FB_EFORMAT, "sets a key without a value");
    for (size_t i = begin; i < m->depth; i += 2)
        if (m->stack[i]->unhashable)
            return fb_fail(m->err, FB_EFORMAT, "has a key that is a list, a dict or a set");
    for (size_t i = begin + 1; i < m->depth; i += 2)
        if (m->stack[i]->kind == FB_PICKLE_CALL && fb_global_makes_tensor(m->stack[i]->global))
            to->integer++;
    if (fb_pickle_extend(m, to, m->stack + begin, m->depth - begin)) return m->err->code;
    m->depth = begin;
    return FB_OK;
}

static int op_setitem(struct fb_pickle_machine *m) {
    return fb_pickle_need(m, 3) ? m->err->code : fb_pickle_set_items(m, m->depth - 2);
}

static int op_setitems(struct fb_pickle_machine *m) {
    size_t begin;

    return end_mark(m, &begin) ? m->err->code : fb_pickle_set_items(m, begin);
}

/* ---- opcodes: memo -------------------------------------------------------------------------- */

static int op_binput(struct fb_pickle_machine *m) {
    uint32_t index;

    return take_number(m, 1, &index) ? m->err->code : put(m, index);
}

static int op_long_binput(struct fb_pickle_machine *m) {
    uint32_t index;

    return take_number(m, 4, &index) ? m->err->code : put(m, index);
}

static int op_binget(struct fb_pickle_machine *m) {
    uint32_t index;

    return take_number(m, 1, &index) ? m->err->code : get(m, index);
}

static int op_long_binget(struct fb_pickle_machine *m) {
    uint32_t index;

    return take_number(m, 4, &index) ? m->err->code : get(m, index);
}

static int op_stop(struct fb_pickle_machine *m) {
    if (fb_pickle_need(m, 1)) return m->err->code;
    m->out->root = fb_pickle_top(m);
    m->stopped = true;
    return FB_OK;
}

/* ---- the machine ---------------------------------------------------------------------------- */

/* Opcodes with a name and no function are known and refused. */
static const struct {
    const char *name;
    int (*run)(struct fb_pickle_machine *m);
} opcodes[256] = {
    [0x80] = {"PROTO", op_proto},
    ['.'] = {"STOP", op_stop},
    ['('] = {"MARK", op_mark},
    ['N'] = {"NONE", op_none},
    [0x88] = {"NEWTRUE", op_true},
    [0x89] = {"NEWFALSE", op_false},
    ['J'] = {"BININT", op_binint},
    ['K'] = {"BININT1", op_binint1},
    ['M'] = {"BININT2", op_binint2},
    [0x8a] = {"LONG1", op_long1},
    ['G'] = {"BINFLOAT", op_binfloat},
    ['X'] = {"BINUNICODE", op_binunicode},
    ['U'] = {"SHORT_BINSTRING", op_short_binstring},
    [']'] = {"EMPTY_LIST", op_empty_list},
    ['}'] = {"EMPTY_DICT", op_empty_dict},
    [0x8f] = {"EMPTY_SET", op_empty_set},
    [')'] = {"EMPTY_TUPLE", op_empty_tuple},
    ['t'] = {"TUPLE", op_tuple},
    [0x85] = {"TUPLE1", op_tuple1},
    [0x86] = {"TUPLE2", op_tuple2},
    [0x87] = {"TUPLE3", op_tuple3},
    ['a'] = {"APPEND", op_append},
    ['e'] = {"APPENDS", op_appends},
    ['s'] = {"SETITEM", op_setitem},
    ['u'] = {"SETITEMS", op_setitems},
    ['q'] = {"BINPUT", op_binput},
    ['r'] = {"LONG_BINPUT", op_long_binput},
    ['h'] = {"BINGET", op_binget},
    ['j'] = {"LONG_BINGET", op_long_binget},
    ['c'] = {"GLOBAL", fb_pickle_global},
    ['i'] = {"INST", fb_pickle_inst},
    ['R'] = {"REDUCE", fb_pickle_reduce},
    [0x81] = {"NEWOBJ", fb_pickle_newobj},
    ['b'] = {"BUILD", fb_pickle_build},
    ['Q'] = {"BINPERSID", fb_pickle_binpersid},

    ['0'] = {"POP", NULL},
    ['1'] = {"POP_MARK", NULL},
    ['2'] = {"DUP", NULL},
    ['F'] = {"FLOAT", NULL},
    ['I'] = {"INT", NULL},
    ['L'] = {"LONG", NULL},
    ['P'] = {"PERSID", NULL},
    ['S'] = {"STRING", NULL},
    ['T'] = {"BINSTRING", NULL},
    ['V'] = {"UNICODE", NULL},
    ['d'] = {"DICT", NULL},
    ['g'] = {"GET", NULL},
    ['l'] = {"LIST", NULL},
    ['o'] = {"OBJ", NULL},
    ['p'] = {"PUT", NULL},
    [0x82] = {"EXT1", NULL},
    [0x83] = {"EXT2", NULL},
    [0x84] = {"EXT4", NULL},
    [0x8b] = {"LONG4", NULL},
    ['B'] = {"BINBYTES", NULL},
    ['C'] = {"SHORT_BINBYTES", NULL},
    [0x8c] = {"SHORT_BINUNICODE", NULL},
    [0x8d] = {"BINUNICODE8", NULL},
    [0x8e] = {"BINBYTES8", NULL},
    [0x90] = {"ADDITEMS", NULL},
    [0x91] = {"FROZENSET", NULL},
    [0x92] = {"NEWOBJ_EX", NULL},
    [0x93] = {"STACK_GLOBAL", NULL},
    [0x94] = {"MEMOIZE", NULL},
    [0x95] = {"FRAME", NULL},
    [0x96] = {"BYTEARRAY8", NULL},
    [0x97] = {"NEXT_BUFFER", NULL},
    [0x98] = {"READONLY_BUFFER", NULL},
};

static int step(struct fb_pickle_machine *m) {
    const unsigned char *code = take(m, 1);

    if (!code) return fb_fail(m->err, FB_EFORMAT, "the pickle ends without STOP");
    if (opcodes[*code].run) return opcodes[*code].run(m);
    if (opcodes[*code].name)
        return fb_fail(m->err, FB_EUNSUPPORTED,
                       "opcode %s is not read: torch.save does not write it", opcodes[*code].name);
    return fb_fail(m->err, FB_EFORMAT, "0x%02x is no opcode", *code);
}

static int run(struct fb_pickle_machine *m) {
    while (!m->stopped) {
        size_t begin = m->at;
        if (m->opcodes++ == FB_PICKLE_OPCODES)
            return fb_fail(m->err, FB_EUNSUPPORTED, "more than %d opcodes", FB_PICKLE_OPCODES);
        if (step(m)) return fb_context(m->err, "byte %zu", begin);
    }
    return FB_OK;
}

int fb_pickle_read(struct fb_pickle *out, struct fb_arena *arena, const void *bytes, size_t size,
                   struct fb_err *err) {
    struct fb_pickle_machine *m;
    int rc;

    *out = (struct fb_pickle){0};
    if (!(m = fb_calloc(1, sizeof *m, err))) return err->code;
    m->bytes = bytes;
    m->size = size < FB_PICKLE_BYTES ? size : FB_PICKLE_BYTES;
    m->arena = arena;
    m->out = out;
    m->err = err;
    rc = run(m);
    out->used = m->at;
    free(m->stack);
    free(m->memo);
    free(m);
    return rc;
}

bool fb_pickle_is(const struct fb_pickle_value *value, const char *text) {
    return value->kind == FB_PICKLE_STRING && value->count == strlen(text) &&
           !memcmp(value->text, text, value->count);
}

const struct fb_pickle_value *fb_pickle_get(const struct fb_pickle_value *dict, const char *key) {
    if (dict->kind != FB_PICKLE_DICT) return NULL;
    for (size_t i = dict->count; i >= 2; i -= 2)
        if (fb_pickle_is(dict->item[i - 2], key)) return dict->item[i - 1];
    return NULL;
}
