/* A small tree of data: what a template is filled from and what JSON text becomes. Everything in a
 * tree lives in memory of its root: create a root, hang values into it, destroy the root.
 *
 * The calls that add return nothing (or NULL) when memory ran out, and every call accepts the NULL
 * that an earlier one gave: build the tree, then ask rh_value_is_whole(root) once. */
#ifndef RAWHTTP_VALUE_H
#define RAWHTTP_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawhttp/export.h>
#include <rawhttp/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_value;

enum rh_value_kind {
    RH_VALUE_NULL,
    RH_VALUE_BOOL,
    RH_VALUE_INT,
    RH_VALUE_DOUBLE,
    RH_VALUE_STRING,
    RH_VALUE_LIST,
    RH_VALUE_MAP,
};

/* A new root, an empty map; NULL when memory ran out. One thread at a time may change a tree, any
 * number may read one that nobody changes. */
RH_API struct rh_value *rh_value_create(void);

/* A new root that is an empty list. */
RH_API struct rh_value *rh_value_create_list(void);

/* Frees the whole tree; takes only roots; NULL is accepted. */
RH_API void rh_value_destroy(struct rh_value *root);

/* False when memory ran out while this tree (or this NULL) was built. */
RH_API bool rh_value_is_whole(const struct rh_value *root);

/* Sets a member of a map; key and text are copied, a key that is there is replaced. */
RH_API void rh_value_set_null(struct rh_value *map, const char *key);
RH_API void rh_value_set_bool(struct rh_value *map, const char *key, bool value);
RH_API void rh_value_set_int(struct rh_value *map, const char *key, int64_t value);
RH_API void rh_value_set_double(struct rh_value *map, const char *key, double value);
RH_API void rh_value_set_text(struct rh_value *map, const char *key, const char *text);
RH_API void rh_value_set_bytes(struct rh_value *map, const char *key, struct rh_slice bytes);
RH_API struct rh_value *rh_value_set_list(struct rh_value *map, const char *key);
RH_API struct rh_value *rh_value_set_map(struct rh_value *map, const char *key);

/* Appends to a list. */
RH_API void rh_value_add_null(struct rh_value *list);
RH_API void rh_value_add_bool(struct rh_value *list, bool value);
RH_API void rh_value_add_int(struct rh_value *list, int64_t value);
RH_API void rh_value_add_double(struct rh_value *list, double value);
RH_API void rh_value_add_text(struct rh_value *list, const char *text);
RH_API void rh_value_add_bytes(struct rh_value *list, struct rh_slice bytes);
RH_API struct rh_value *rh_value_add_list(struct rh_value *list);
RH_API struct rh_value *rh_value_add_map(struct rh_value *list);

/* Reading. NULL reads as a null value, so a chain of gets needs no checks in between. */
RH_API enum rh_value_kind rh_value_kind(const struct rh_value *value);

/* The member of a map, or NULL. */
RH_API const struct rh_value *rh_value_get(const struct rh_value *map, const char *key);
RH_API const struct rh_value *rh_value_get_bytes(const struct rh_value *map, struct rh_slice key);

/* How many members a map or a list has; 0 for everything else. */
RH_API size_t rh_value_count(const struct rh_value *value);

/* Members in the order in which they were added; rh_value_key is absent for members of a list. */
RH_API const struct rh_value *rh_value_first(const struct rh_value *map_or_list);
RH_API const struct rh_value *rh_value_next(const struct rh_value *member);
RH_API struct rh_slice rh_value_key(const struct rh_value *member);

/* What a value holds; of another kind: absent, `otherwise`. The bytes live as long as the root. */
RH_API struct rh_slice rh_value_text(const struct rh_value *value);
RH_API int64_t rh_value_int(const struct rh_value *value, int64_t otherwise);
RH_API double rh_value_double(const struct rh_value *value, double otherwise);
RH_API bool rh_value_bool(const struct rh_value *value, bool otherwise);

/* --- JSON (RFC 8259) --- */

/* Bounds for text that somebody else wrote. */
struct rh_json_limits {
    size_t text_bytes_max; /* longer text is refused unread */
    unsigned depth_max;    /* lists and maps within each other */
    size_t values_max;     /* values in all: a tree costs about 100 bytes for each */
    size_t members_max;    /* members of one map: they are searched one after the other */
};

/* Where and why JSON text was refused; line and column count from 1, columns in bytes. */
struct rh_json_error {
    int line;
    int column;
    char text[160];
};

/* The defaults: 1 MiB, 32 levels, 100,000 values, 1,000 members. */
RH_API void rh_json_limits_init(struct rh_json_limits *limits);

/* The tree of a JSON text, which may be any value: strict (no comments, no trailing commas, no
 * duplicate keys, no NUL in strings, UTF-8 only). NULL when it was refused, with the reason in
 * *ret_error; the limits may be NULL for the defaults. A library built without JSON refuses all. */
RH_API struct rh_value *rh_json_parse(struct rh_slice text, const struct rh_json_limits *limits,
                                      struct rh_json_error *ret_error);

/* Takes bytes of output in order; non-zero stops the writer. */
typedef int (*rh_sink_fn)(void *data, const char *bytes, size_t len);

enum {
    RH_JSON_HTML = 1, /* also writes < > & ' U+2028 U+2029 as \u escapes, for use inside HTML */
};

/* Writes the tree as JSON without white space. Bytes that are not UTF-8 become U+FFFD; a number
 * that JSON can not write (infinite, not a number) becomes null. 0, or what the sink returned. */
RH_API int rh_json_write(const struct rh_value *value, unsigned flags, rh_sink_fn sink,
                         void *data);

/* As write, into `out`; returns the length of the whole text, which is cut (and useless) when that
 * is more than `size`. No NUL is added. */
RH_API size_t rh_json_write_to(const struct rh_value *value, unsigned flags, char *out,
                               size_t size);

#ifdef __cplusplus
}
#endif
#endif
