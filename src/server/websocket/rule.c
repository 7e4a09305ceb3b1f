#include "server/websocket/rule.h"

#include "util/assert.h"

static const struct rh_ws_rule_info rules[RH_WS_RULES] = {{"none", "", "", 1000},
#define XX(name, code, text, section) {#name, text, section, code},
                                                          RH_WS_RULE_MAP(XX)
#undef XX
};

const struct rh_ws_rule_info *rh_ws_rule_info(enum rh_ws_rule rule)
{
    RH_ASSERT(rule < RH_WS_RULES);
    return &rules[rule];
}

/* 1004 is reserved; 1005, 1006 and 1015 are never on the wire (RFC 6455 §7.4.1). 1012 to 1014 were
 * registered later. */
bool rh_ws_close_code_is_valid(unsigned code)
{
    if (code >= 1000 && code <= 1014) {
        return code != 1004 && code != 1005 && code != 1006;
    }
    return code >= 3000 && code <= 4999;
}
