/* The inside of a value tree, for the files of this room that read it often or build it from
 * foreign trees. A value is a member of one list or map, or the root. */
#ifndef RH_VALUE_VALUE_H
#define RH_VALUE_VALUE_H

#include "util/pool.h"
#include "rawhttp/value.h"

struct rh_value {
    enum rh_value_kind kind;
    uint32_t key_hash;     /* of `key`: spares most comparisons */
    struct rh_slice key;   /* the name in a map; absent in a list and for the root */
    struct rh_value *next; /* the next member of the same list or map */
    struct rh_value_root *root;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct rh_slice string;
        struct {
            struct rh_value *first;
            struct rh_value *last;
            size_t count;
        } members;
    } as;
};

/* A new member at the end of a list, or of a map that is known not to hold `key`; NULL when memory
 * ran out or `container` is NULL. It is null until it is given a kind. */
struct rh_value *rh_value_append(struct rh_value *container, struct rh_slice key);

/* A root of kind null, for a tree whose kind is not yet known. */
struct rh_value *rh_value_create_null(void);

/* Makes a value a string of its own copy of the bytes. */
void rh_value_assign_string(struct rh_value *value, struct rh_slice bytes);

/* Notes that the tree is not whole. */
void rh_value_spoil(struct rh_value *value);

/* The most bytes that rh_value_number_format writes. */
enum { RH_VALUE_NUMBER_BYTES = 40 };

/* Writes an int or a double as JSON and people write it, the same in every locale: the shortest
 * form that reads back to the same number. Returns the length; 0 for what has no such form. */
size_t rh_value_number_format(const struct rh_value *value, char *out);

#endif
