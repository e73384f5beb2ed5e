/* yaml.c - reads YAML with libyaml and builds the values OmegaConf would.
 *
 * The events become a tree of raw nodes first, where an alias is a second pointer to the same raw
 * node; building the result copies what aliases point to, within a budget, because OmegaConf does
 * not share nodes either. What libyaml leaves open is decided as in PyYAML's composer and safe
 * constructor with OmegaConf's loader on top. Deliberately refused: tags other than the scalar,
 * seq and map ones (OmegaConf's bytes, paths and Python objects have no place in our tree). */
#include "config/yaml.h"

#include "base/map.h"
#include "base/names.h"
#include "config/interp.h"
#include "config/yaml_scalar.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 200, BUDGET = 500000, KEY_BYTES_PER_UNIT = 64 };

enum raw_kind { RAW_SCALAR, RAW_LIST, RAW_MAP };

struct raw {
    enum raw_kind kind;
    enum fb_yaml_tag tag; /* of a scalar */
    const char *text;     /* of a scalar; in the caller's arena */
    bool quoted;
    bool open;   /* being built: a second visit is a cycle */
    bool merged; /* its "<<" keys are gone */
    struct fb_place place;
    struct raw **item; /* of a map: keys at even, values at odd positions */
    int64_t count, capacity;
};

struct reader {
    yaml_parser_t parser;
    const char *source;
    size_t size;
    const char *file;
    struct fb_arena *arena;  /* the caller's */
    struct fb_arena scratch; /* raw nodes */
    struct fb_names anchors;
    struct raw *anchored; /* a list; item i belongs to anchors.name[i] */
    int depth, flow;
    int64_t budget;
    struct fb_err *err;
};

/* ---- messages ------------------------------------------------------------------------------- */

static int at(struct reader *r, struct fb_place place) {
    return place.file ? fb_context(r->err, "%s:%d:%d", place.file, place.line, place.column)
                      : fb_context(r->err, "%d:%d", place.line, place.column);
}

static struct fb_place place_of(const struct reader *r, yaml_mark_t mark) {
    return (struct fb_place){r->file, (int)mark.line + 1, (int)mark.column + 1};
}

/* The reader of libyaml gives a byte offset instead of a mark. */
static struct fb_place place_of_offset(const struct reader *r, size_t offset) {
    struct fb_place place = {r->file, 1, 1};

    for (size_t i = 0; i < offset && i < r->size; i++) {
        place.column++;
        if (r->source[i] == '\n') place.line++, place.column = 1;
    }
    return place;
}

static int parser_failed(struct reader *r) {
    const yaml_parser_t *p = &r->parser;

    if (p->error == YAML_MEMORY_ERROR) return fb_fail(r->err, FB_ENOMEM, "out of memory");
    if (p->error == YAML_READER_ERROR) {
        fb_fail(r->err, FB_EFORMAT, "%s", p->problem);
        return at(r, place_of_offset(r, p->problem_offset));
    }
    if (p->context)
        fb_fail(r->err, FB_EFORMAT, "%s (%s that begins at %zu:%zu)", p->problem, p->context,
                p->context_mark.line + 1, p->context_mark.column + 1);
    else fb_fail(r->err, FB_EFORMAT, "%s", p->problem);
    return at(r, place_of(r, p->problem_mark));
}

static int spend(struct reader *r, int64_t units, struct fb_place place) {
    if (units <= r->budget) {
        r->budget -= units;
        return FB_OK;
    }
    fb_fail(r->err, FB_EFORMAT, "more than %d nodes, counting what aliases repeat", BUDGET);
    return at(r, place);
}

/* ---- events to raw nodes -------------------------------------------------------------------- */

static struct raw *raw_new(struct reader *r, enum raw_kind kind, yaml_mark_t mark) {
    struct raw *raw = fb_arena_calloc(&r->scratch, 1, sizeof *raw, r->err);

    if (!raw) return NULL;
    raw->kind = kind;
    raw->place = place_of(r, mark);
    return spend(r, 1, raw->place) ? NULL : raw;
}

static int raw_push(struct reader *r, struct raw *list, struct raw *child) {
    if (!child) return r->err->code;
    if (list->count == list->capacity) {
        int64_t capacity = list->capacity ? list->capacity * 2 : 8;
        struct raw **item = fb_arena_calloc(&r->scratch, (size_t)capacity, sizeof *item, r->err);
        if (!item) return r->err->code;
        if (list->count) memcpy(item, list->item, (size_t)list->count * sizeof *item);
        list->item = item;
        list->capacity = capacity;
    }
    list->item[list->count++] = child;
    return FB_OK;
}

static int remember_anchor(struct reader *r, const yaml_char_t *anchor, struct raw *raw) {
    int added;

    if (!anchor) return FB_OK;
    if (fb_names_add(&r->anchors, (const char *)anchor, &added, r->err) < 0) return r->err->code;
    if (added) return raw_push(r, r->anchored, raw);
    fb_fail(r->err, FB_EFORMAT, "found duplicate anchor '%s'", (const char *)anchor);
    return at(r, raw->place);
}

static struct raw *aliased(struct reader *r, const yaml_event_t *event) {
    const char *name = (const char *)event->data.alias.anchor;
    int64_t i = fb_names_find(&r->anchors, name);

    if (i >= 0) return r->anchored->item[i];
    fb_fail(r->err, FB_EFORMAT, "found undefined alias '%s'", name);
    at(r, place_of(r, event->start_mark));
    return NULL;
}

static int tag_refused(struct reader *r, const char *tag, struct fb_place place) {
    fb_fail(r->err, FB_EFORMAT, "tag '%s' is not supported", tag);
    return at(r, place);
}

static int scalar_tag(struct reader *r, const yaml_event_t *event, struct raw *raw) {
    static const char *const tags[] = {YAML_STR_TAG, YAML_NULL_TAG, YAML_BOOL_TAG, YAML_INT_TAG,
                                       YAML_FLOAT_TAG};
    const char *tag = (const char *)event->data.scalar.tag;

    if (!tag || !strcmp(tag, "!")) {
        bool implicit = tag || event->data.scalar.plain_implicit;
        raw->tag = implicit ? fb_yaml_tag_read(raw->text) : FB_YAML_STR;
        return FB_OK;
    }
    for (int i = 0; i < 5; i++) {
        if (strcmp(tag, tags[i]) != 0) continue;
        raw->tag = (enum fb_yaml_tag)i;
        return FB_OK;
    }
    return tag_refused(r, tag, raw->place);
}

static struct raw *read_scalar(struct reader *r, const yaml_event_t *event) {
    struct raw *raw = raw_new(r, RAW_SCALAR, event->start_mark);
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;

    if (!raw) return NULL;
    raw->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (memchr(text, '\0', length)) {
        fb_fail(r->err, FB_EFORMAT, "string with a zero byte");
        at(r, raw->place);
        return NULL;
    }
    /* libyaml 0.2.5 is newer than PyYAML here: "[1, ???]" is an error for OmegaConf. */
    if (r->flow && !raw->quoted && memchr(text, '?', length)) {
        fb_fail(r->err, FB_EFORMAT, "'%s' inside [] or {} needs quotes", text);
        at(r, raw->place);
        return NULL;
    }
    if (!(raw->text = fb_arena_strndup(r->arena, text, length, r->err))) return NULL;
    if (scalar_tag(r, event, raw) || remember_anchor(r, event->data.scalar.anchor, raw))
        return NULL;
    return raw;
}

static struct raw *read_node(struct reader *r, const yaml_event_t *event);

static int next_event(struct reader *r, yaml_event_t *event) {
    return yaml_parser_parse(&r->parser, event) ? FB_OK : parser_failed(r);
}

static int read_items(struct reader *r, struct raw *raw, yaml_event_type_t end) {
    for (;;) {
        yaml_event_t event;
        struct raw *child;
        yaml_event_type_t type;
        if (next_event(r, &event)) return r->err->code;
        type = event.type;
        child = type == end ? NULL : read_node(r, &event);
        yaml_event_delete(&event);
        if (type == end) return FB_OK;
        if (raw_push(r, raw, child)) return r->err->code;
    }
}

static struct raw *read_collection(struct reader *r, const yaml_event_t *event) {
    bool map = event->type == YAML_MAPPING_START_EVENT, flow;
    const yaml_char_t *anchor, *tag;
    struct raw *raw = raw_new(r, map ? RAW_MAP : RAW_LIST, event->start_mark);

    if (!raw) return NULL;
    if (map) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        flow = event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    } else {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        flow = event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    }
    if (tag && strcmp((const char *)tag, map ? YAML_MAP_TAG : YAML_SEQ_TAG) != 0 &&
        strcmp((const char *)tag, "!") != 0) {
        tag_refused(r, (const char *)tag, raw->place);
        return NULL;
    }
    if (remember_anchor(r, anchor, raw)) return NULL;
    if (++r->depth > DEPTH_MAX) {
        fb_fail(r->err, FB_EFORMAT, "nested deeper than %d levels", DEPTH_MAX);
        at(r, raw->place);
        return NULL;
    }
    r->flow += flow;
    if (read_items(r, raw, map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT)) return NULL;
    r->flow -= flow;
    r->depth--;
    return raw;
}

static struct raw *read_node(struct reader *r, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT: return read_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT: return read_collection(r, event);
    default: return aliased(r, event);
    }
}

/* Takes events until the one that begins the root node or ends the stream. */
static int read_root(struct reader *r, struct raw **root) {
    yaml_event_type_t type = YAML_NO_EVENT;

    *root = NULL;
    while (type != YAML_STREAM_END_EVENT) {
        yaml_event_t event;
        int rc = FB_OK;
        if (next_event(r, &event)) return r->err->code;
        type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT && *root) {
            fb_fail(r->err, FB_EFORMAT, "a second document begins, only one is allowed");
            rc = at(r, place_of(r, event.start_mark));
        } else if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
                   type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT) {
            if (!(*root = read_node(r, &event))) rc = r->err->code;
        }
        yaml_event_delete(&event);
        if (rc) return rc;
    }
    return FB_OK;
}

/* ---- raw nodes to nodes --------------------------------------------------------------------- */

static int merge_into(struct reader *r, struct raw *pairs, struct raw *source);

static int enter(struct reader *r, struct raw *raw) {
    if (!raw->open) {
        raw->open = true;
        return FB_OK;
    }
    fb_fail(r->err, FB_EFORMAT, "contains itself through an alias");
    return at(r, raw->place);
}

/* Only string keys, as written and before merging: OmegaConf's rule. */
static int refuse_duplicates(struct reader *r, const struct raw *map) {
    struct fb_names seen = {0};
    int rc = FB_OK;

    for (int64_t i = 0; i < map->count && !rc; i += 2) {
        const struct raw *key = map->item[i];
        int added;
        if (key->kind != RAW_SCALAR || key->tag != FB_YAML_STR) continue;
        if (fb_names_add(&seen, key->text, &added, r->err) < 0) {
            rc = r->err->code;
        } else if (!added) {
            fb_fail(r->err, FB_EFORMAT, "found duplicate key '%s'", key->text);
            rc = at(r, key->place);
        }
    }
    fb_names_free(&seen);
    return rc;
}

/* Replaces the "<<" keys of a map by the pairs they bring, which come before its own. */
static int flatten(struct reader *r, struct raw *map) {
    struct raw pairs = {.kind = RAW_MAP};

    if (map->merged) return FB_OK;
    if (refuse_duplicates(r, map) || enter(r, map)) return r->err->code;
    for (int64_t i = 0; i < map->count; i += 2) {
        const struct raw *key = map->item[i];
        if (key->kind != RAW_SCALAR || key->tag != FB_YAML_MERGE) continue;
        if (merge_into(r, &pairs, map->item[i + 1])) return r->err->code;
    }
    for (int64_t i = 0; i < map->count; i += 2) {
        struct raw *key = map->item[i];
        if (key->kind == RAW_SCALAR && key->tag == FB_YAML_MERGE) continue;
        if (raw_push(r, &pairs, key) || raw_push(r, &pairs, map->item[i + 1])) return r->err->code;
    }
    map->item = pairs.item;
    map->count = pairs.count;
    map->capacity = pairs.capacity;
    map->merged = true;
    map->open = false;
    return FB_OK;
}

static int merge_map(struct reader *r, struct raw *pairs, struct raw *source) {
    if (source->kind != RAW_MAP) {
        fb_fail(r->err, FB_EFORMAT, "'<<' expects a mapping or a list of mappings");
        return at(r, source->place);
    }
    if (flatten(r, source) || spend(r, source->count / 2, source->place)) return r->err->code;
    for (int64_t i = 0; i < source->count; i++)
        if (raw_push(r, pairs, source->item[i])) return r->err->code;
    return FB_OK;
}

static int merge_into(struct reader *r, struct raw *pairs, struct raw *source) {
    if (source->kind != RAW_LIST) return merge_map(r, pairs, source);
    /* The first of several wins, so it is set last. */
    for (int64_t i = source->count - 1; i >= 0; i--)
        if (merge_map(r, pairs, source->item[i])) return r->err->code;
    return FB_OK;
}

static int build_scalar(struct reader *r, const struct raw *raw, struct fb_node *node) {
    if (raw->tag == FB_YAML_MERGE || raw->tag == FB_YAML_VALUE) {
        fb_fail(r->err, FB_EFORMAT, "'%s' has no value; write it in quotes for the string",
                raw->text);
        return at(r, raw->place);
    }
    if (fb_yaml_construct(node, raw->tag, raw->text, r->arena, r->err)) return at(r, raw->place);
    if (node->kind == FB_TEXT) node->quoted = raw->quoted;
    return FB_OK;
}

static int build_key(struct reader *r, const struct raw *raw, struct fb_key *key) {
    struct fb_node node = {.kind = FB_NULL};

    if (raw->kind != RAW_SCALAR) {
        fb_fail(r->err, FB_EFORMAT, "a key must be a scalar, found a %s",
                raw->kind == RAW_LIST ? "list" : "mapping");
        return at(r, raw->place);
    }
    if (raw->tag == FB_YAML_VALUE) {
        *key = (struct fb_key){raw->text, FB_TEXT};
        return FB_OK;
    }
    if (build_scalar(r, raw, &node)) return r->err->code;
    if (node.kind == FB_NULL) {
        fb_fail(r->err, FB_EFORMAT, "a key must not be null");
        return at(r, raw->place);
    }
    return fb_key_of(key, r->arena, &node, r->err);
}

static struct fb_node *build(struct reader *r, struct raw *raw);

static int build_pair(struct reader *r, struct fb_node *map, struct raw *raw_key,
                      struct raw *raw_value) {
    struct fb_key key;
    struct fb_node *value;

    if (build_key(r, raw_key, &key)) return r->err->code;
    if (spend(r, (int64_t)(strlen(key.text) / KEY_BYTES_PER_UNIT), raw_key->place))
        return r->err->code;
    if (!(value = build(r, raw_value))) return r->err->code;
    return fb_node_set_key(r->arena, map, key, value, r->err);
}

static int build_items(struct reader *r, struct raw *raw, struct fb_node *node) {
    bool map = raw->kind == RAW_MAP;

    node->kind = map ? FB_MAP : FB_LIST;
    if ((map && flatten(r, raw)) || enter(r, raw)) return r->err->code;
    if (++r->depth > DEPTH_MAX) {
        fb_fail(r->err, FB_EFORMAT, "aliases nest deeper than %d levels", DEPTH_MAX);
        return at(r, raw->place);
    }
    for (int64_t i = 0; i < raw->count; i += map ? 2 : 1) {
        if (map ? build_pair(r, node, raw->item[i], raw->item[i + 1])
                : fb_node_push(r->arena, node, build(r, raw->item[i]), r->err))
            return r->err->code;
    }
    r->depth--;
    raw->open = false;
    return FB_OK;
}

static struct fb_node *build(struct reader *r, struct raw *raw) {
    struct fb_node *node;

    if (spend(r, 1, raw->place)) return NULL;
    if (!(node = fb_node_null(r->arena, raw->place, r->err))) return NULL;
    if (raw->kind == RAW_SCALAR ? build_scalar(r, raw, node) : build_items(r, raw, node))
        return NULL;
    if (fb_node_is_interpolation(node) && fb_interp_check(&r->scratch, node->text, r->err)) {
        at(r, raw->place);
        return NULL;
    }
    return node;
}

/* ---- whole documents ------------------------------------------------------------------------ */

static void reader_free(struct reader *r) {
    yaml_parser_delete(&r->parser);
    fb_names_free(&r->anchors);
    fb_arena_free(&r->scratch);
}

/* `*out` is NULL for an empty document. */
static int parse(struct fb_node **out, struct fb_arena *a, const char *text, size_t size,
                 const char *file, struct fb_err *err) {
    struct reader r = {.source = text, .size = size, .file = file, .arena = a, .err = err};
    struct raw *root = NULL;
    int rc;

    *out = NULL;
    r.budget = BUDGET;
    if (!yaml_parser_initialize(&r.parser)) return fb_fail(err, FB_ENOMEM, "out of memory");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
    if (!(r.anchored = fb_arena_calloc(&r.scratch, 1, sizeof *r.anchored, err)) ||
        read_root(&r, &root))
        rc = err->code;
    else {
        r.budget = BUDGET;
        rc = !root || (*out = build(&r, root)) ? FB_OK : err->code;
    }
    reader_free(&r);
    return rc;
}

int fb_yaml_parse(struct fb_node **out, struct fb_arena *a, const char *text, size_t size,
                  const char *file, struct fb_err *err) {
    struct fb_place start = {file, 1, 1};
    const struct fb_node *word;

    if (parse(out, a, text, size, file, err)) return err->code;
    /* OmegaConf reads a document that is one string as YAML again, and a string that comes out of
     * that as a key without a value. */
    if (*out && (*out)->kind == FB_TEXT) {
        if (parse(out, a, (*out)->text, strlen((*out)->text), file, err)) return err->code;
        if (*out && (*out)->kind == FB_TEXT) {
            word = *out;
            *out = fb_node_map(a, start, err);
            return fb_node_set(a, *out, word->text, fb_node_null(a, start, err), err);
        }
    }
    if (!*out || (*out)->kind == FB_NULL)
        return (*out = fb_node_map(a, start, err)) ? FB_OK : err->code;
    if ((*out)->kind == FB_MAP || (*out)->kind == FB_LIST) return FB_OK;
    fb_fail(err, FB_EFORMAT, "expects a mapping or a list, found %s", fb_kind_name((*out)->kind));
    *out = NULL;
    return file ? fb_context(err, "%s:1:1", file) : fb_context(err, "1:1");
}

/* The leading lines that are empty or comments. */
static size_t head_size(const char *text, size_t size) {
    size_t at_line = 0, p = 0;

    while (p < size) {
        while (p < size && (text[p] == ' ' || text[p] == '\t' || text[p] == '\r'))
            p++;
        if (p < size && text[p] != '#' && text[p] != '\n') break;
        while (p < size && text[p] != '\n')
            p++;
        if (p < size) p++;
        at_line = p;
    }
    return at_line;
}

int fb_yaml_load(struct fb_node **out, const char **head, struct fb_arena *a, const char *path,
                 struct fb_err *err) {
    struct fb_map map = {0};
    char *name = fb_arena_strdup(a, path, err);
    const char *text;
    int rc;

    *out = NULL;
    if (!name) return err->code;
    if (fb_map_open(&map, path, err)) return fb_context(err, "%s", path);
    text = (const char *)map.data;
    rc = fb_yaml_parse(out, a, text, map.size, name, err);
    if (!rc && head && !(*head = fb_arena_strndup(a, text, head_size(text, map.size), err)))
        rc = err->code;
    fb_map_close(&map);
    return rc;
}
