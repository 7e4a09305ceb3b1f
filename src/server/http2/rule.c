/* The table behind the list. */
#include "server/http2/rule.h"

#include "util/assert.h"

#define INFO(name, id, text, section) {id, text, section},
static const struct rh_http2_rule_info infos[RH_HTTP2_RULE_COUNT] = {{"", "", ""},
                                                                     RH_HTTP2_RULES(INFO)};
#undef INFO

const struct rh_http2_rule_info *rh_http2_rule_info(enum rh_http2_rule rule)
{
    RH_ASSERT((unsigned)rule < RH_HTTP2_RULE_COUNT);
    return &infos[rule];
}
