/* A folder as a list: read and sorted whole, then shown as a page or as JSON. */
#ifndef RH_APP_FILES_LISTING_H
#define RH_APP_FILES_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "rawhttp/slice.h"

enum {
    RH_LISTING_NAMES_MAX = 100000, /* looked at; about 15 MiB of memory while that lasts */
    RH_LISTING_PAGE_ROWS = 1000,
};

enum rh_listing_sort { RH_SORT_NAME, RH_SORT_SIZE, RH_SORT_TIME };

/* What somebody wants to see of it. */
struct rh_listing_view {
    enum rh_listing_sort sort;
    bool is_descending;
    bool is_json;
    bool may_pack; /* the peer takes gzip */
    size_t page;   /* from 0 */
};

struct rh_listing_row {
    char *name;
    bool is_folder;
    uint64_t size;
    time_t modified;
};

struct rh_listing {
    struct rh_listing_row *rows; /* folders first */
    size_t count;
    size_t room;
    size_t folders;
    uint64_t bytes; /* of the files */
    bool is_cut;    /* there are more than RH_LISTING_NAMES_MAX */
    size_t depth;   /* folders between the root and this one */
    struct rh_slice url_path;
};

/* Natural order without case: "a2" before "A10". Never 0 for two names. */
int rh_listing_compare(const char *a, const char *b);

/* "1.4 MiB"; `out` has room for 32 bytes. */
void rh_listing_size(uint64_t bytes, char out[32]);

void rh_listing_put_page(FILE *out, const struct rh_listing *listing,
                         const struct rh_listing_view *view);
void rh_listing_put_json(FILE *out, const struct rh_listing *listing);

/* What runs in the page if the browser lets it, and the policy that lets nothing else run. */
extern const char rh_listing_script[];
extern const char rh_listing_policy[];

/* `name` for a link: percent-encoded but for what needs none. */
void rh_listing_put_encoded(FILE *out, const char *name);

#endif
