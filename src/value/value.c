/* The tree: members hang in a list in the order in which they came, and a map is searched along
 * it. Maps that people write are short; maps that strangers send are bounded by
 * rh_json_limits.members_max, which is why there is no hash table (nor a seed for it) here. */
#include "value/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/ascii.h"
#include "util/assert.h"

struct rh_value_root {
    struct rh_pool pool;
    struct rh_value value;
    bool is_spoiled;
};

static uint32_t hash_of(struct rh_slice key)
{
    uint32_t hash = 2166136261u; /* FNV-1a: only a filter before memcmp */
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ (unsigned char)key.base[i]) * 16777619u;
    }
    return hash;
}

/* --- the root --- */

struct rh_value *rh_value_create_null(void)
{
    struct rh_value_root *root = calloc(1, sizeof(*root));
    if (root == NULL) {
        return NULL;
    }
    rh_pool_init(&root->pool);
    root->value.root = root;
    return &root->value;
}

struct rh_value *rh_value_create(void)
{
    struct rh_value *value = rh_value_create_null();
    if (value != NULL) {
        value->kind = RH_VALUE_MAP;
    }
    return value;
}

struct rh_value *rh_value_create_list(void)
{
    struct rh_value *value = rh_value_create_null();
    if (value != NULL) {
        value->kind = RH_VALUE_LIST;
    }
    return value;
}

void rh_value_destroy(struct rh_value *value)
{
    if (value == NULL) {
        return;
    }
    struct rh_value_root *root = value->root;
    RH_ASSERT(value == &root->value);
    rh_pool_fini(&root->pool);
    free(root);
}

bool rh_value_is_whole(const struct rh_value *value)
{
    return value != NULL && !value->root->is_spoiled;
}

void rh_value_spoil(struct rh_value *value)
{
    value->root->is_spoiled = true;
}

/* --- building --- */

struct rh_value *rh_value_append(struct rh_value *container, struct rh_slice key)
{
    if (container == NULL) {
        return NULL;
    }
    struct rh_value_root *root = container->root;
    struct rh_value *member = rh_pool_alloc(&root->pool, sizeof(*member));
    struct rh_slice copy = {NULL, 0};
    if (member != NULL && key.base != NULL) {
        copy = rh_pool_copy(&root->pool, key);
    }
    if (member == NULL || (key.base != NULL && copy.base == NULL)) {
        root->is_spoiled = true;
        return NULL;
    }
    member->key = copy;
    member->key_hash = hash_of(copy);
    member->root = root;
    if (container->as.members.last != NULL) {
        container->as.members.last->next = member;
    } else {
        container->as.members.first = member;
    }
    container->as.members.last = member;
    container->as.members.count++;
    return member;
}

static struct rh_value *find(const struct rh_value *map, struct rh_slice key)
{
    uint32_t hash = hash_of(key);
    for (struct rh_value *member = map->as.members.first; member != NULL; member = member->next) {
        if (member->key_hash == hash && rh_slice_equal(member->key, key)) {
            return member;
        }
    }
    return NULL;
}

/* The member to fill: a new one, or the one that is replaced (what it held stays in the pool). */
static struct rh_value *place_in_map(struct rh_value *map, const char *key)
{
    if (map == NULL) {
        return NULL;
    }
    RH_ASSERT(map->kind == RH_VALUE_MAP);
    struct rh_slice name = rh_slice_from(key);
    struct rh_value *member = find(map, name);
    if (member == NULL) {
        return rh_value_append(map, name);
    }
    member->kind = RH_VALUE_NULL;
    memset(&member->as, 0, sizeof(member->as));
    return member;
}

static struct rh_value *place_in_list(struct rh_value *list)
{
    RH_ASSERT(list == NULL || list->kind == RH_VALUE_LIST);
    return rh_value_append(list, (struct rh_slice){NULL, 0});
}

static void assign_bool(struct rh_value *value, bool boolean)
{
    if (value != NULL) {
        value->kind = RH_VALUE_BOOL;
        value->as.boolean = boolean;
    }
}

static void assign_int(struct rh_value *value, int64_t integer)
{
    if (value != NULL) {
        value->kind = RH_VALUE_INT;
        value->as.integer = integer;
    }
}

static void assign_double(struct rh_value *value, double number)
{
    if (value != NULL) {
        value->kind = RH_VALUE_DOUBLE;
        value->as.number = number;
    }
}

void rh_value_assign_string(struct rh_value *value, struct rh_slice bytes)
{
    if (value == NULL) {
        return;
    }
    struct rh_slice copy = rh_pool_copy(&value->root->pool, bytes);
    if (copy.base == NULL) {
        rh_value_spoil(value);
        return;
    }
    value->kind = RH_VALUE_STRING;
    value->as.string = copy;
}

/* NULL text is the null value: what a caller means who passes the name nobody gave. */
static void assign_text(struct rh_value *value, const char *text)
{
    if (text != NULL) {
        rh_value_assign_string(value, rh_slice_from(text));
    }
}

static struct rh_value *assign_container(struct rh_value *value, enum rh_value_kind kind)
{
    if (value != NULL) {
        value->kind = kind;
    }
    return value;
}

void rh_value_set_null(struct rh_value *map, const char *key)
{
    RH_IGNORE(place_in_map(map, key) == NULL);
}

void rh_value_set_bool(struct rh_value *map, const char *key, bool value)
{
    assign_bool(place_in_map(map, key), value);
}

void rh_value_set_int(struct rh_value *map, const char *key, int64_t value)
{
    assign_int(place_in_map(map, key), value);
}

void rh_value_set_double(struct rh_value *map, const char *key, double value)
{
    assign_double(place_in_map(map, key), value);
}

void rh_value_set_text(struct rh_value *map, const char *key, const char *text)
{
    assign_text(place_in_map(map, key), text);
}

void rh_value_set_bytes(struct rh_value *map, const char *key, struct rh_slice bytes)
{
    rh_value_assign_string(place_in_map(map, key), bytes);
}

struct rh_value *rh_value_set_list(struct rh_value *map, const char *key)
{
    return assign_container(place_in_map(map, key), RH_VALUE_LIST);
}

struct rh_value *rh_value_set_map(struct rh_value *map, const char *key)
{
    return assign_container(place_in_map(map, key), RH_VALUE_MAP);
}

void rh_value_add_null(struct rh_value *list)
{
    RH_IGNORE(place_in_list(list) == NULL);
}

void rh_value_add_bool(struct rh_value *list, bool value)
{
    assign_bool(place_in_list(list), value);
}

void rh_value_add_int(struct rh_value *list, int64_t value)
{
    assign_int(place_in_list(list), value);
}

void rh_value_add_double(struct rh_value *list, double value)
{
    assign_double(place_in_list(list), value);
}

void rh_value_add_text(struct rh_value *list, const char *text)
{
    assign_text(place_in_list(list), text);
}

void rh_value_add_bytes(struct rh_value *list, struct rh_slice bytes)
{
    rh_value_assign_string(place_in_list(list), bytes);
}

struct rh_value *rh_value_add_list(struct rh_value *list)
{
    return assign_container(place_in_list(list), RH_VALUE_LIST);
}

struct rh_value *rh_value_add_map(struct rh_value *list)
{
    return assign_container(place_in_list(list), RH_VALUE_MAP);
}

/* --- reading --- */

enum rh_value_kind rh_value_kind(const struct rh_value *value)
{
    return value != NULL ? value->kind : RH_VALUE_NULL;
}

const struct rh_value *rh_value_get_bytes(const struct rh_value *map, struct rh_slice key)
{
    return rh_value_kind(map) == RH_VALUE_MAP ? find(map, key) : NULL;
}

const struct rh_value *rh_value_get(const struct rh_value *map, const char *key)
{
    return rh_value_get_bytes(map, rh_slice_from(key));
}

static bool has_members(const struct rh_value *value)
{
    enum rh_value_kind kind = rh_value_kind(value);
    return kind == RH_VALUE_MAP || kind == RH_VALUE_LIST;
}

size_t rh_value_count(const struct rh_value *value)
{
    return has_members(value) ? value->as.members.count : 0;
}

const struct rh_value *rh_value_first(const struct rh_value *value)
{
    return has_members(value) ? value->as.members.first : NULL;
}

const struct rh_value *rh_value_next(const struct rh_value *member)
{
    return member != NULL ? member->next : NULL;
}

struct rh_slice rh_value_key(const struct rh_value *member)
{
    return member != NULL ? member->key : (struct rh_slice){NULL, 0};
}

struct rh_slice rh_value_text(const struct rh_value *value)
{
    return rh_value_kind(value) == RH_VALUE_STRING ? value->as.string : (struct rh_slice){NULL, 0};
}

int64_t rh_value_int(const struct rh_value *value, int64_t otherwise)
{
    return rh_value_kind(value) == RH_VALUE_INT ? value->as.integer : otherwise;
}

double rh_value_double(const struct rh_value *value, double otherwise)
{
    if (rh_value_kind(value) == RH_VALUE_INT) {
        return (double)value->as.integer;
    }
    return rh_value_kind(value) == RH_VALUE_DOUBLE ? value->as.number : otherwise;
}

bool rh_value_bool(const struct rh_value *value, bool otherwise)
{
    return rh_value_kind(value) == RH_VALUE_BOOL ? value->as.boolean : otherwise;
}

/* --- numbers as text --- */

/* printf writes the decimal point of the locale that the host process has set: whatever is not
 * part of a number becomes one point again. */
static size_t with_point(const char *from, char *out)
{
    size_t len = 0;
    for (const char *at = from; *at != '\0'; at++) {
        if (rh_ascii_is_digit(*at) || *at == '-' || *at == '+' || *at == 'e') {
            out[len++] = *at;
        } else if (len == 0 || out[len - 1] != '.') {
            out[len++] = '.';
        }
    }
    return len;
}

size_t rh_value_number_format(const struct rh_value *value, char *out)
{
    char text[RH_VALUE_NUMBER_BYTES];
    if (value->kind == RH_VALUE_INT) {
        return (size_t)snprintf(out, RH_VALUE_NUMBER_BYTES, "%lld", (long long)value->as.integer);
    }
    double number = value->as.number;
    if (value->kind != RH_VALUE_DOUBLE || !isfinite(number)) {
        return 0;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number) { /* it is finite, and text keeps the sign of a zero */
            break;
        }
    }
    return with_point(text, out);
}
