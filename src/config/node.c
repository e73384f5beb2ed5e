#include "config/node.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

static struct fb_node *fresh(struct fb_arena *a, enum fb_kind kind, struct fb_place place,
                             struct fb_err *err) {
    struct fb_node *node = fb_arena_calloc(a, 1, sizeof *node, err);

    if (!node) return NULL;
    node->kind = kind;
    node->place = place;
    return node;
}

struct fb_node *fb_node_null(struct fb_arena *a, struct fb_place place, struct fb_err *err) {
    return fresh(a, FB_NULL, place, err);
}

struct fb_node *fb_node_bool(struct fb_arena *a, bool v, struct fb_place place,
                             struct fb_err *err) {
    struct fb_node *node = fresh(a, FB_BOOL, place, err);

    if (node) node->value.flag = v;
    return node;
}

struct fb_node *fb_node_int(struct fb_arena *a, int64_t v, struct fb_place place,
                            struct fb_err *err) {
    struct fb_node *node = fresh(a, FB_INT, place, err);

    if (node) node->value.integer = v;
    return node;
}

struct fb_node *fb_node_real(struct fb_arena *a, double v, struct fb_place place,
                             struct fb_err *err) {
    struct fb_node *node = fresh(a, FB_REAL, place, err);

    if (node) node->value.real = v;
    return node;
}

struct fb_node *fb_node_text(struct fb_arena *a, const char *v, struct fb_place place,
                             struct fb_err *err) {
    struct fb_node *node = fresh(a, FB_TEXT, place, err);

    if (!node || !(node->text = fb_arena_strdup(a, v, err))) return NULL;
    return node;
}

struct fb_node *fb_node_list(struct fb_arena *a, struct fb_place place, struct fb_err *err) {
    return fresh(a, FB_LIST, place, err);
}

struct fb_node *fb_node_map(struct fb_arena *a, struct fb_place place, struct fb_err *err) {
    return fresh(a, FB_MAP, place, err);
}

struct fb_node *fb_node_copy(struct fb_arena *a, const struct fb_node *node, struct fb_err *err) {
    struct fb_node *copy = fresh(a, node->kind, node->place, err);

    if (!copy) return NULL;
    copy->value = node->value;
    copy->quoted = node->quoted;
    copy->literal = node->literal;
    if (node->text && !(copy->text = fb_arena_strdup(a, node->text, err))) return NULL;
    for (int64_t i = 0; i < node->count; i++) {
        struct fb_node *child = fb_node_copy(a, node->item[i], err);
        int rc;
        if (!child) return NULL;
        rc = node->kind == FB_MAP ? fb_node_set_key(a, copy, node->key[i], child, err)
                                  : fb_node_push(a, copy, child, err);
        if (rc) return NULL;
    }
    return copy;
}

/* ---- the index of a large map --------------------------------------------------------------- */

enum { INDEX_FROM = 16 }; /* smaller maps are searched in order */

static size_t hash_key(const char *text, enum fb_kind kind) {
    uint64_t h = 14695981039346656037u ^ (uint64_t)kind; /* FNV-1a */

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static bool same_key(const struct fb_key *a, const struct fb_key *b) {
    return a->kind == b->kind && !strcmp(a->text, b->text);
}

static void index_add(struct fb_node *map, int64_t i) {
    size_t mask = (size_t)map->slots - 1, s = hash_key(map->key[i].text, map->key[i].kind) & mask;

    while (map->slot[s])
        s = (s + 1) & mask;
    map->slot[s] = i + 1;
    map->indexed++;
}

/* Brings the index up to date; at most half of the slots are used. */
static int index_keys(struct fb_arena *a, struct fb_node *map, struct fb_err *err) {
    if (map->count < INDEX_FROM) return FB_OK;
    if (map->indexed + 1 == map->count && map->count * 2 <= map->slots) {
        index_add(map, map->count - 1);
        return FB_OK;
    }
    if (map->indexed == map->count) return FB_OK;
    for (map->slots = INDEX_FROM; map->slots < map->count * 4;)
        map->slots *= 2;
    map->indexed = 0;
    map->slot = fb_arena_calloc(a, (size_t)map->slots, sizeof *map->slot, err);
    if (!map->slot) {
        map->slots = 0;
        return err->code;
    }
    for (int64_t i = 0; i < map->count; i++)
        index_add(map, i);
    return FB_OK;
}

static int64_t index_find(const struct fb_node *map, const struct fb_key *key) {
    size_t mask = (size_t)map->slots - 1, s = hash_key(key->text, key->kind) & mask;

    for (; map->slot[s]; s = (s + 1) & mask)
        if (same_key(&map->key[map->slot[s] - 1], key)) return map->slot[s] - 1;
    return -1;
}

/* ---- building ------------------------------------------------------------------------------- */

static int grow(struct fb_arena *a, struct fb_node *node, struct fb_err *err) {
    int64_t capacity = node->capacity ? node->capacity * 2 : 8;
    struct fb_node **item;
    struct fb_key *key = NULL;

    if (node->count < node->capacity) return FB_OK;
    if (!(item = fb_arena_calloc(a, (size_t)capacity, sizeof *item, err))) return err->code;
    if (node->count) memcpy(item, node->item, (size_t)node->count * sizeof *item);
    if (node->kind == FB_MAP) {
        if (!(key = fb_arena_calloc(a, (size_t)capacity, sizeof *key, err))) return err->code;
        if (node->count) memcpy(key, node->key, (size_t)node->count * sizeof *key);
    }
    node->item = item;
    node->key = key;
    node->capacity = capacity;
    return FB_OK;
}

int fb_node_push(struct fb_arena *a, struct fb_node *list, struct fb_node *child,
                 struct fb_err *err) {
    if (!list || !child) return err->code;
    if (grow(a, list, err)) return err->code;
    child->parent = list;
    list->item[list->count++] = child;
    return FB_OK;
}

int fb_node_set_key(struct fb_arena *a, struct fb_node *map, struct fb_key key,
                    struct fb_node *child, struct fb_err *err) {
    int64_t at;

    if (!map || !child) return err->code;
    child->parent = map;
    if ((at = fb_node_index(map, key)) >= 0) {
        map->item[at] = child;
        return FB_OK;
    }
    if (grow(a, map, err) || !(key.text = fb_arena_strdup(a, key.text, err))) return err->code;
    map->key[map->count] = key;
    map->item[map->count++] = child;
    return index_keys(a, map, err);
}

int fb_key_of(struct fb_key *key, struct fb_arena *a, const struct fb_node *scalar,
              struct fb_err *err) {
    char number[FB_REAL_TEXT];

    *key = (struct fb_key){scalar->text, scalar->kind};
    switch (scalar->kind) {
    case FB_NULL: key->text = "null"; break;
    case FB_BOOL: key->text = scalar->value.flag ? "true" : "false"; break;
    case FB_INT:
        if (!key->text) key->text = fb_arena_printf(a, err, "%jd", (intmax_t)scalar->value.integer);
        break;
    case FB_REAL:
        fb_format_real(number, scalar->value.real);
        key->text = fb_arena_strdup(a, number, err);
        break;
    case FB_TEXT: break;
    default:
        return fb_fail(err, FB_ECONFIG, "a key must be a scalar, found a %s",
                       fb_kind_name(scalar->kind));
    }
    return key->text ? FB_OK : err->code;
}

int fb_node_set(struct fb_arena *a, struct fb_node *map, const char *key, struct fb_node *child,
                struct fb_err *err) {
    return fb_node_set_key(a, map, (struct fb_key){key, FB_TEXT}, child, err);
}

int fb_node_set_text(struct fb_arena *a, struct fb_node *map, const char *key, const char *v,
                     struct fb_err *err) {
    return fb_node_set(a, map, key, fb_node_text(a, v, (struct fb_place){0}, err), err);
}

int fb_node_set_int(struct fb_arena *a, struct fb_node *map, const char *key, int64_t v,
                    struct fb_err *err) {
    return fb_node_set(a, map, key, fb_node_int(a, v, (struct fb_place){0}, err), err);
}

int fb_node_set_real(struct fb_arena *a, struct fb_node *map, const char *key, double v,
                     struct fb_err *err) {
    return fb_node_set(a, map, key, fb_node_real(a, v, (struct fb_place){0}, err), err);
}

void fb_node_remove(struct fb_node *node, int64_t i) {
    size_t rest = (size_t)(node->count - i - 1);

    node->item[i]->parent = NULL;
    memmove(node->item + i, node->item + i + 1, rest * sizeof *node->item);
    if (node->kind == FB_MAP) memmove(node->key + i, node->key + i + 1, rest * sizeof *node->key);
    node->count--;
    node->indexed = -1; /* positions have moved */
}

int64_t fb_node_index(const struct fb_node *map, struct fb_key key) {
    if (!map || map->kind != FB_MAP) return -1;
    if (map->slots && map->indexed == map->count) return index_find(map, &key);
    for (int64_t i = 0; i < map->count; i++)
        if (same_key(&map->key[i], &key)) return i;
    return -1;
}

struct fb_node *fb_node_get(const struct fb_node *map, const char *key) {
    int64_t at = fb_node_index(map, (struct fb_key){key, FB_TEXT});

    return at < 0 ? NULL : map->item[at];
}

static struct fb_node *child_by_text(const struct fb_node *node, const char *word, size_t n) {
    char number[24] = {0};
    int64_t at;

    if (node->kind == FB_MAP) {
        for (int64_t i = 0; i < node->count; i++)
            if (!strncmp(node->key[i].text, word, n) && !node->key[i].text[n]) return node->item[i];
        return NULL;
    }
    if (node->kind != FB_LIST || n >= sizeof number) return NULL;
    memcpy(number, word, n);
    if (!fb_parse_int(number, &at) || at < 0 || at >= node->count) return NULL;
    return node->item[at];
}

struct fb_node *fb_node_at(const struct fb_node *root, const char *path) {
    const struct fb_node *node = root;
    size_t n;

    if (node && !*path) return (struct fb_node *)(uintptr_t)node;
    for (; node; path += n + 1) {
        n = strcspn(path, ".");
        node = child_by_text(node, path, n);
        if (!path[n]) break;
    }
    return (struct fb_node *)(uintptr_t)node;
}

bool fb_node_is_missing(const struct fb_node *node) {
    return node && node->kind == FB_TEXT && !strcmp(node->text, "???");
}

bool fb_node_is_interpolation(const struct fb_node *node) {
    return node && node->kind == FB_TEXT && !node->literal && strstr(node->text, "${");
}

static bool number_of(const struct fb_node *node, double *out) {
    switch (node->kind) {
    case FB_BOOL: *out = node->value.flag; return true;
    case FB_INT:
        if (node->text) return fb_parse_real(node->text, out);
        *out = (double)node->value.integer;
        return true;
    case FB_REAL: *out = node->value.real; return true;
    default: return false;
    }
}

bool fb_node_equal(const struct fb_node *a, const struct fb_node *b) {
    double x, y;

    if (a->kind == FB_INT && b->kind == FB_INT) {
        if (a->text && b->text) return !strcmp(a->text, b->text);
        return !a->text && !b->text && a->value.integer == b->value.integer;
    }
    if (number_of(a, &x) && number_of(b, &y)) return x == y;
    if (a->kind != b->kind || a->count != b->count) return false;
    if (a->kind == FB_TEXT) return !strcmp(a->text, b->text);
    for (int64_t i = 0; i < a->count; i++) {
        int64_t j = a->kind == FB_MAP ? fb_node_index(b, a->key[i]) : i;
        if (j < 0 || !fb_node_equal(a->item[i], b->item[j])) return false;
    }
    return true;
}

const char *fb_kind_name(enum fb_kind kind) {
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "list",    "mapping"};

    return names[kind];
}

void fb_place_format(char *out, size_t size, struct fb_place place) {
    if (!place.file) snprintf(out, size, "%s", "");
    else if (!place.line) snprintf(out, size, "%s: ", place.file);
    else snprintf(out, size, "%s:%d:%d: ", place.file, place.line, place.column);
}

int fb_node_path(struct fb_str *out, const struct fb_node *node, struct fb_err *err) {
    const struct fb_node *parent = node->parent;
    int64_t i = 0;

    if (!parent) return FB_OK;
    if (fb_node_path(out, parent, err)) return err->code;
    while (i < parent->count && parent->item[i] != node)
        i++;
    if (i == parent->count) return FB_OK; /* a value made for this parent, not one of its items */
    if (out->size && fb_str_putc(out, '.', err)) return err->code;
    if (parent->kind == FB_MAP) return fb_str_puts(out, parent->key[i].text, err);
    return fb_str_printf(out, err, "%jd", (intmax_t)i);
}
