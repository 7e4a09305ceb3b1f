/* The one home of jansson: JSON text to a value tree.
 *
 * Before jansson sees a text it is measured: its length, how deep it nests and how many values it
 * can hold at most are limits of ours, and a text of "[[[[" costs no allocation. What jansson then
 * accepts is copied into a tree of ours and freed; nobody else meets its types. */
#include "value/value.h"

#include <stdio.h>

#include "rh-build.h"
#include "util/assert.h"

#if RH_HAVE_JSON
#include <jansson.h>
#endif

void rh_json_limits_init(struct rh_json_limits *limits)
{
    limits->text_bytes_max = (size_t)1 << 20;
    limits->depth_max = 32;
    limits->values_max = 100000;
    limits->members_max = 1000;
}

static struct rh_value *refuse(struct rh_json_error *ret_error, int line, int column,
                               const char *reason)
{
    if (ret_error != NULL) {
        ret_error->line = line;
        ret_error->column = column;
        snprintf(ret_error->text, sizeof(ret_error->text), "%s", reason);
    }
    return NULL;
}

#if RH_HAVE_JSON

/* Counts what the text can build without judging its grammar; the reason it breaks a limit, with
 * the position in *ret_line and *ret_column, or NULL. */
static const char *measure(struct rh_slice text, const struct rh_json_limits *limits, int *ret_line,
                           int *ret_column)
{
    unsigned depth = 0;
    size_t values = 1;
    bool in_string = false;
    *ret_line = 1;
    *ret_column = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.base[i];
        *ret_column += 1;
        if (in_string) {
            if (c == '\\' && i + 1 < text.len) {
                i++;
                *ret_column += 1;
            } else if (c == '"') {
                in_string = false;
            }
            continue;
        }
        if (c == '\n') {
            *ret_line += 1;
            *ret_column = 0;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            values++;
            if (++depth > limits->depth_max) {
                return "nested too deeply";
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        } else if (c == ',') {
            values++;
        }
        if (values > limits->values_max) {
            return "too many values";
        }
    }
    return NULL;
}

static bool copy_tree(struct rh_value *to, json_t *from, const struct rh_json_limits *limits);

static bool copy_map(struct rh_value *to, json_t *from, const struct rh_json_limits *limits)
{
    to->kind = RH_VALUE_MAP;
    if (json_object_size(from) > limits->members_max) {
        return false;
    }
    for (void *at = json_object_iter(from); at != NULL; at = json_object_iter_next(from, at)) {
        const char *key = json_object_iter_key(at);
        struct rh_value *member = rh_value_append(to, rh_slice_from(key));
        if (member != NULL && !copy_tree(member, json_object_iter_value(at), limits)) {
            return false;
        }
    }
    return true;
}

/* False when a map has too many members; where memory runs out the tree is spoiled instead. */
static bool copy_tree(struct rh_value *to, json_t *from, const struct rh_json_limits *limits)
{
    switch (json_typeof(from)) {
    case JSON_OBJECT:
        return copy_map(to, from, limits);
    case JSON_ARRAY:
        to->kind = RH_VALUE_LIST;
        for (size_t i = 0; i < json_array_size(from); i++) {
            struct rh_value *member = rh_value_append(to, (struct rh_slice){NULL, 0});
            if (member != NULL && !copy_tree(member, json_array_get(from, i), limits)) {
                return false;
            }
        }
        return true;
    case JSON_STRING:
        rh_value_assign_string(
            to, (struct rh_slice){json_string_value(from), json_string_length(from)});
        return true;
    case JSON_INTEGER:
        to->kind = RH_VALUE_INT;
        to->as.integer = json_integer_value(from);
        return true;
    case JSON_REAL:
        to->kind = RH_VALUE_DOUBLE;
        to->as.number = json_real_value(from);
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        to->kind = RH_VALUE_BOOL;
        to->as.boolean = json_is_true(from);
        return true;
    case JSON_NULL:
        break;
    }
    return true;
}

/* jansson counts columns in characters and gives the byte where it stopped: columns are counted
 * from that, in bytes, so that they mean the same as those of our own limits. */
static struct rh_value *refuse_at(struct rh_json_error *ret_error, struct rh_slice text,
                                  const json_error_t *error)
{
    size_t at = error->position > 0 ? (size_t)error->position : 0;
    at = at > text.len ? text.len : at;
    int column = 0;
    while (at > 0 && text.base[at - 1] != '\n') {
        at--;
        column++;
    }
    return refuse(ret_error, error->line > 0 ? error->line : 1, column > 0 ? column : 1,
                  error->text);
}

struct rh_value *rh_json_parse(struct rh_slice text, const struct rh_json_limits *limits,
                               struct rh_json_error *ret_error)
{
    struct rh_json_limits defaults;
    int line = 1;
    int column = 1;
    if (limits == NULL) {
        rh_json_limits_init(&defaults);
        limits = &defaults;
    }
    if (text.len == 0) {
        return refuse(ret_error, 1, 1, "empty text");
    }
    if (text.len > limits->text_bytes_max) {
        return refuse(ret_error, 1, 1, "text too long");
    }
    const char *broken = measure(text, limits, &line, &column);
    if (broken != NULL) {
        return refuse(ret_error, line, column, broken);
    }
    json_error_t error;
    json_t *tree =
        json_loadb(text.base, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (tree == NULL) {
        return refuse_at(ret_error, text, &error);
    }
    struct rh_value *root = rh_value_create_null();
    bool fits = root != NULL && copy_tree(root, tree, limits);
    json_decref(tree);
    if (!fits || !rh_value_is_whole(root)) {
        const char *reason = fits || root == NULL ? "out of memory" : "too many members in a map";
        rh_value_destroy(root);
        return refuse(ret_error, 1, 1, reason);
    }
    return root;
}

#else

struct rh_value *rh_json_parse(struct rh_slice text, const struct rh_json_limits *limits,
                               struct rh_json_error *ret_error)
{
    (void)text;
    (void)limits;
    return refuse(ret_error, 1, 1, "this library was built without JSON");
}

#endif
