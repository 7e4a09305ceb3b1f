/* A form being taken apart: the list that each type of body fills. In the exchange's arena. */
#ifndef RH_APP_BODY_FORM_H
#define RH_APP_BODY_FORM_H

#include <stdbool.h>

#include "rawhttp/form.h"
#include "util/assert.h"

enum { RH_FORM_FIELDS_MAX = 1000, RH_FORM_CHUNK = 30 };

struct rh_form_chunk {
    struct rh_form_chunk *next;
    unsigned used;
    struct {
        struct rh_slice name;
        struct rh_slice value;
    } fields[RH_FORM_CHUNK];
};

struct rh_form {
    rh_form_fn fn;
    void *data;
    int type_error; /* known before the body came: 0 or RH_ETYPE */
    int (*take)(struct rh_exchange *x, struct rh_form *form, struct rh_slice body); /* by type */
    unsigned status;   /* of the answer to an error; 0: what fits the code */
    const char *error; /* for people; NULL: none */
    size_t count;
    struct rh_form_chunk *first;
    struct rh_form_chunk *last;
};

/* Appends a field; the slices must stay as long as the exchange. 0; RH_EFORM above the limit;
 * RH_ENOROOM. */
int RH_MUST_CHECK rh_form_add(struct rh_exchange *x, struct rh_form *form, struct rh_slice name,
                              struct rh_slice value);

/* Fills the form from a JSON text. 0, RH_EJSON, RH_EFORM, RH_ENOROOM (form_json.c). */
int RH_MUST_CHECK rh_form_take_json(struct rh_exchange *x, struct rh_form *form,
                                    struct rh_slice body);
/* Likewise from a multipart form; 0, RH_EFORM, RH_ENOROOM (form_multipart.c). */
int RH_MUST_CHECK rh_form_take_multipart(struct rh_exchange *x, struct rh_form *form,
                                         struct rh_slice body);

#endif
