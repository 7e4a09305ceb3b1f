/* The rules as a table. */
#include "http/rule.h"

#include "util/assert.h"

#define RH_RULE_INFO(name, status, id, text, section) {status, id, text, section},
static const struct rh_rule_info rules[RH_RULE_COUNT] = {{0, "none", "nothing is wrong", ""},
                                                         RH_RULES(RH_RULE_INFO)};

const struct rh_rule_info *rh_rule_info(enum rh_rule rule)
{
    RH_ASSERT((unsigned)rule < RH_RULE_COUNT);
    return &rules[rule];
}
