/* Frames of RFC 6455 §5.2. The reader takes the bytes of a connection and returns the frames in
 * them piece by piece, after it checked all that the sequence of frames must
 * keep. It holds no buffer: the caller keeps the bytes that were not used and passes them again
 * with more after them, so it continues at any byte. */
#ifndef RH_SERVER_WEBSOCKET_FRAME_H
#define RH_SERVER_WEBSOCKET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawhttp/slice.h"
#include "server/websocket/rule.h"

enum rh_ws_opcode {
    RH_WS_CONTINUATION = 0,
    RH_WS_TEXT = 1,
    RH_WS_BINARY = 2,
    RH_WS_CLOSE = 8,
    RH_WS_PING = 9,
    RH_WS_PONG = 10
};

enum {
    RH_WS_HEAD_BYTES_MAX = 14, /* two bytes, eight of length, four of mask */
    RH_WS_CONTROL_BYTES_MAX = 125
};

enum rh_ws_read {
    RH_WS_MORE,    /* needs more bytes after those that were not used */
    RH_WS_DATA,    /* a piece of a message */
    RH_WS_CONTROL, /* a whole control frame */
    RH_WS_REJECT   /* the peer broke `rule`; the reader is not called again */
};

/* What was read. */
struct rh_ws_piece {
    struct rh_slice bytes; /* those of data are still masked; may be empty */
    uint32_t mask;         /* of data: as it applies to the first of them */
    uint8_t opcode;        /* enum rh_ws_opcode; for a piece of data, that of its message */
    bool is_first;         /* the message begins with this piece */
    bool is_last;          /* the message ends with this piece */
    bool is_compressed;    /* RSV1 of the message (RFC 7692 §6) */
    bool ends_frame;       /* no more of this frame follows */
};

struct rh_ws_reader {
    uint64_t left;           /* payload bytes of the frame that are still to come */
    uint32_t mask;           /* as it applies to the next of them */
    uint8_t message;         /* opcode of the message that is open; 0: none */
    bool in_frame;           /* a data frame is open */
    bool is_final;           /* FIN of the open frame */
    bool begins;             /* no piece of the message was returned yet */
    bool is_compressed;      /* the open message */
    bool allows_compression; /* permessage-deflate was negotiated */
    uint8_t rule;            /* enum rh_ws_rule, after RH_WS_REJECT */
};

void rh_ws_reader_init(struct rh_ws_reader *reader, bool allows_compression);

/* Reads from `bytes`; a control frame is unmasked in place. *ret_used bytes are done with; with
 * RH_WS_DATA and RH_WS_CONTROL they include the payload in *ret_piece. */
enum rh_ws_read rh_ws_reader_feed(struct rh_ws_reader *reader, char *bytes, size_t len,
                                  size_t *ret_used, struct rh_ws_piece *ret_piece);

/* True between a frame's first byte and its last, and between the frames of a message. */
static inline bool rh_ws_reader_has_begun(const struct rh_ws_reader *reader)
{
    return reader->message != 0;
}

/* Copies `len` bytes without their mask (RFC 6455 §5.3); `to` may be `from`, or memory apart from
 * it.
 */
void rh_ws_unmask(char *to, const char *from, size_t len, uint32_t mask);

/* Writes the head of a frame from a server, which masks nothing, to `out` (room for
 * RH_WS_HEAD_BYTES_MAX). Returns its length. */
size_t rh_ws_write_head(char *out, enum rh_ws_opcode opcode, bool is_final, bool is_compressed,
                        uint64_t payload_len);
static inline size_t rh_ws_head_bytes(uint64_t payload_len)
{
    return payload_len < 126 ? 2 : payload_len <= 0xffff ? 4 : 10;
}

#endif
