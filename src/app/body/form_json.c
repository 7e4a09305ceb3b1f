/* Fields of a flat JSON object: {"name": "x", "tags": ["a", "b"], "n": 1.5, "on": true}. What the
 * fields point to stays in the value tree, which goes when the outcome of the exchange is known. */
#include <string.h>

#include "app/body/form.h"
#include "value/value.h"

static void tree_done(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    (void)x;
    (void)outcome;
    rh_value_destroy(data);
}

/* Adds one scalar under `key`; null is a field that is not there. */
static int add_scalar(struct rh_exchange *x, struct rh_form *form, struct rh_slice key,
                      const struct rh_value *value)
{
    char number[RH_VALUE_NUMBER_BYTES];
    size_t len;
    char *copy;
    switch (rh_value_kind(value)) {
    case RH_VALUE_NULL:
        return 0;
    case RH_VALUE_BOOL:
        return rh_form_add(x, form, key,
                           rh_slice_from(rh_value_bool(value, false) ? "true" : "false"));
    case RH_VALUE_STRING:
        return rh_form_add(x, form, key, rh_value_text(value));
    case RH_VALUE_INT:
    case RH_VALUE_DOUBLE:
        len = rh_value_number_format(value, number);
        copy = rh_exchange_alloc(x, len + 1);
        if (copy == NULL) {
            return RH_ENOROOM;
        }
        memcpy(copy, number, len);
        return rh_form_add(x, form, key, (struct rh_slice){copy, len});
    default:
        form->error = "a form field must not be a list or an object";
        return RH_EFORM;
    }
}

int rh_form_take_json(struct rh_exchange *x, struct rh_form *form, struct rh_slice body)
{
    struct rh_json_error error;
    struct rh_value *root = rh_json_parse(body, NULL, &error);
    if (root == NULL) {
        form->error = rh_exchange_format(x, "JSON, line %d, column %d: %s", error.line,
                                         error.column, error.text);
        return RH_EJSON;
    }
    if (rh_exchange_on_outcome(x, tree_done, root) != 0) {
        rh_value_destroy(root);
        return RH_ENOROOM;
    }
    if (rh_value_kind(root) != RH_VALUE_MAP) {
        form->error = "a form in JSON is an object";
        return RH_EFORM;
    }
    int err = 0;
    for (const struct rh_value *member = rh_value_first(root); member != NULL && err == 0;
         member = rh_value_next(member)) {
        if (rh_value_kind(member) != RH_VALUE_LIST) {
            err = add_scalar(x, form, rh_value_key(member), member);
            continue;
        }
        for (const struct rh_value *item = rh_value_first(member); item != NULL && err == 0;
             item = rh_value_next(item)) {
            err = add_scalar(x, form, rh_value_key(member), item);
        }
    }
    return err;
}
