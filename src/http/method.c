/* Methods by name and names by method. A length and one or two word compares decide; there is no
 * table to walk. */
#include "http/method.h"

#include "util/assert.h"
#include "util/word.h"

static const char *const names[RH_METHODS] = {"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                              "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"};

const char *rh_method_name(enum rh_method method)
{
    RH_ASSERT((unsigned)method < RH_METHODS);
    return names[method];
}

static enum rh_method when(bool equal, enum rh_method method)
{
    return equal ? method : RH_METHOD_OTHER;
}

enum rh_method rh_method_find(struct rh_slice name)
{
    const char *at = name.base;
    switch (name.len) {
    case 3:
        if (at[0] == 'G') {
            return when(at[1] == 'E' && at[2] == 'T', RH_GET);
        }
        return when(at[0] == 'P' && at[1] == 'U' && at[2] == 'T', RH_PUT);
    case 4:
        if (rh_word_is(at, "POST", 4)) {
            return RH_POST;
        }
        return when(rh_word_is(at, "HEAD", 4), RH_HEAD);
    case 5:
        if (rh_word_is(at, "PATCH", 5)) {
            return RH_PATCH;
        }
        if (rh_word_is(at, "QUERY", 5)) {
            return RH_QUERY;
        }
        return when(rh_word_is(at, "TRACE", 5), RH_TRACE);
    case 6:
        return when(rh_word_is(at, "DELETE", 6), RH_DELETE);
    case 7:
        if (rh_word_is(at, "OPTIONS", 7)) {
            return RH_OPTIONS;
        }
        return when(rh_word_is(at, "CONNECT", 7), RH_CONNECT);
    default:
        return RH_METHOD_OTHER;
    }
}
