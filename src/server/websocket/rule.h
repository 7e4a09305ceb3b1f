/* The rules that a WebSocket peer must keep: each with the close code that answers a breach
 * (RFC 6455 §7.4.1), for logs with a name, a text and the section. */
#ifndef RH_SERVER_WEBSOCKET_RULE_H
#define RH_SERVER_WEBSOCKET_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define RH_WS_RULE_MAP(XX)                                                                   \
    XX(RESERVED_BIT, 1002, "a reserved bit is set that no extension gave a meaning",         \
       "RFC 6455 5.2")                                                                       \
    XX(OPCODE, 1002, "an opcode is reserved", "RFC 6455 5.2")                                \
    XX(UNMASKED, 1002, "a frame of a client is not masked", "RFC 6455 5.1")                  \
    XX(LENGTH, 1002, "a length is not written in the shortest way", "RFC 6455 5.2")          \
    XX(LENGTH_SIGN, 1002, "a length of 64 bits has its highest bit set", "RFC 6455 5.2")     \
    XX(CONTROL_LONG, 1002, "a control frame has more than 125 bytes", "RFC 6455 5.5")        \
    XX(CONTROL_FRAGMENT, 1002, "a control frame is fragmented", "RFC 6455 5.5")              \
    XX(CONTINUATION, 1002, "a frame continues a message that did not begin", "RFC 6455 5.4") \
    XX(INTERLEAVED, 1002, "a message begins before the one before it ended", "RFC 6455 5.4") \
    XX(CLOSE_SHORT, 1002, "a close frame has a single byte", "RFC 6455 5.5.1")               \
    XX(CLOSE_CODE, 1002, "a close code is reserved", "RFC 6455 7.4")                         \
    XX(CLOSE_TEXT, 1007, "the reason of a close frame is not UTF-8", "RFC 6455 5.5.1")       \
    XX(TEXT, 1007, "a text message is not UTF-8", "RFC 6455 8.1")                            \
    XX(DEFLATE, 1007, "compressed data is broken", "RFC 7692 7.2.2")                         \
    XX(TOO_LARGE, 1009, "a message is larger than its limit", "RFC 6455 7.4.1")              \
    XX(FLOOD, 1008, "too many frames that carry nothing", "RFC 6455 10.4")                   \
    XX(SLOW, 1008, "a message arrives more slowly than the minimum rate", "RFC 6455 10.4")   \
    XX(NO_MEMORY, 1013, "the memory for messages of this server is used up", "RFC 6455 10.4")

enum rh_ws_rule {
    RH_WS_RULE_NONE,
#define XX(name, code, text, section) RH_WS_RULE_##name,
    RH_WS_RULE_MAP(XX)
#undef XX
        RH_WS_RULES
};

struct rh_ws_rule_info {
    const char *id; /* in lower case, for logs */
    const char *text;
    const char *section;
    uint16_t code; /* close code */
};

const struct rh_ws_rule_info *rh_ws_rule_info(enum rh_ws_rule rule);

/* True if a close frame may carry the code (RFC 6455 §7.4): those that are registered for the wire,
 * and 3000 to 4999. */
bool rh_ws_close_code_is_valid(unsigned code);

#endif
