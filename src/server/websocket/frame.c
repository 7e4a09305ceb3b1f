/* The bytes arrive as head, then payload. A head is read when all of it is there (at most 14
 * bytes), so the reader keeps nothing of it. A control frame is returned when all of it is there
 * (at most 139 bytes); a data frame is returned as far as it is there. Ways to fail: a broken rule,
 * found at the head and before any byte of the payload is waited for. */
#include "server/websocket/frame.h"

#include <string.h>

#include "util/assert.h"
#include "util/word.h"

enum { FIN = 0x80, RSV1 = 0x40, RSV23 = 0x30, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f };

struct head {
    uint64_t payload_len;
    uint32_t mask;
    uint8_t bytes;
    uint8_t opcode;
    bool is_final;
    bool is_compressed;
};

void rh_ws_reader_init(struct rh_ws_reader *reader, bool allows_compression)
{
    memset(reader, 0, sizeof *reader);
    reader->allows_compression = allows_compression;
}

static uint32_t rotate(uint32_t mask, unsigned bytes)
{
    unsigned bits = 8 * (bytes & 3);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return bits == 0 ? mask : mask >> bits | mask << (32 - bits);
#else
    return bits == 0 ? mask : mask << bits | mask >> (32 - bits);
#endif
}

void rh_ws_unmask(char *to, const char *from, size_t len, uint32_t mask)
{
    uint64_t wide = (uint64_t)mask << 32 | mask;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word = rh_word_load8(from + i) ^ wide;
        memcpy(to + i, &word, sizeof word);
    }
    char tail[sizeof mask];
    memcpy(tail, &mask, sizeof mask);
    for (; i < len; i++) {
        to[i] = (char)(from[i] ^ tail[i & 3]);
    }
}

static uint64_t load_big_endian(const char *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8 | (unsigned char)at[i];
    }
    return value;
}

/* --- Heads --------------------------------------------------------------------------------------
 */

/* The rules that the first two bytes can break. */
static enum rh_ws_rule check_start(const struct rh_ws_reader *reader, unsigned first,
                                   unsigned second)
{
    unsigned opcode = first & OPCODE;
    bool is_control = opcode >= RH_WS_CLOSE;
    if ((opcode > RH_WS_BINARY && !is_control) || opcode > RH_WS_PONG) {
        return RH_WS_RULE_OPCODE;
    }
    /* RSV1 marks the first frame of a compressed message, and no other (RFC 7692 §6.1). */
    bool may_compress = reader->allows_compression && !is_control && opcode != RH_WS_CONTINUATION;
    if ((first & RSV23) != 0 || ((first & RSV1) != 0 && !may_compress)) {
        return RH_WS_RULE_RESERVED_BIT;
    }
    if ((second & MASKED) == 0) {
        return RH_WS_RULE_UNMASKED;
    }
    if (is_control) {
        return (first & FIN) == 0                            ? RH_WS_RULE_CONTROL_FRAGMENT
               : (second & LENGTH) > RH_WS_CONTROL_BYTES_MAX ? RH_WS_RULE_CONTROL_LONG
                                                             : RH_WS_RULE_NONE;
    }
    if (opcode == RH_WS_CONTINUATION) {
        return reader->message == 0 ? RH_WS_RULE_CONTINUATION : RH_WS_RULE_NONE;
    }
    return reader->message != 0 ? RH_WS_RULE_INTERLEAVED : RH_WS_RULE_NONE;
}

static enum rh_ws_rule check_length(uint64_t payload_len, unsigned length_bytes)
{
    if (payload_len >> 63 != 0) {
        return RH_WS_RULE_LENGTH_SIGN;
    }
    bool is_shortest = length_bytes == 0 || (length_bytes == 2 && payload_len >= 126) ||
                       (length_bytes == 8 && payload_len > 0xffff);
    return is_shortest ? RH_WS_RULE_NONE : RH_WS_RULE_LENGTH;
}

/* Reads the head at `bytes`. RH_WS_CONTROL: *ret_head is complete. */
static enum rh_ws_read read_head(struct rh_ws_reader *reader, const char *bytes, size_t len,
                                 struct head *ret_head)
{
    if (len < 2) {
        return RH_WS_MORE;
    }
    unsigned first = (unsigned char)bytes[0];
    unsigned second = (unsigned char)bytes[1];
    reader->rule = (uint8_t)check_start(reader, first, second);
    if (reader->rule != RH_WS_RULE_NONE) {
        return RH_WS_REJECT;
    }
    unsigned short_len = second & LENGTH;
    unsigned length_bytes = short_len < 126 ? 0 : short_len == 126 ? 2 : 8;
    unsigned head_bytes = 2 + length_bytes + 4;
    if (len < head_bytes) {
        return RH_WS_MORE;
    }
    uint64_t payload_len = length_bytes == 0 ? short_len : load_big_endian(bytes + 2, length_bytes);
    reader->rule = (uint8_t)check_length(payload_len, length_bytes);
    if (reader->rule != RH_WS_RULE_NONE) {
        return RH_WS_REJECT;
    }
    *ret_head = (struct head){.payload_len = payload_len,
                              .mask = rh_word_load4(bytes + 2 + length_bytes),
                              .bytes = (uint8_t)head_bytes,
                              .opcode = first & OPCODE,
                              .is_final = (first & FIN) != 0,
                              .is_compressed = (first & RSV1) != 0};
    return RH_WS_CONTROL;
}

/* --- Frames -------------------------------------------------------------------------------------
 */

static void open_frame(struct rh_ws_reader *reader, const struct head *head)
{
    reader->in_frame = true;
    reader->left = head->payload_len;
    reader->mask = head->mask;
    reader->is_final = head->is_final;
    if (head->opcode != RH_WS_CONTINUATION) {
        reader->message = head->opcode;
        reader->is_compressed = head->is_compressed;
        reader->begins = true;
    }
}

/* Returns what is there of the open frame; an empty piece only if the frame ends with it. */
static enum rh_ws_read take_data(struct rh_ws_reader *reader, const char *bytes, size_t len,
                                 struct rh_ws_piece *ret_piece)
{
    size_t n = len < reader->left ? len : (size_t)reader->left;
    if (n == 0 && reader->left > 0) {
        return RH_WS_MORE;
    }
    reader->left -= n;
    bool ends_frame = reader->left == 0;
    *ret_piece = (struct rh_ws_piece){.bytes = {bytes, n},
                                      .mask = reader->mask,
                                      .opcode = reader->message,
                                      .is_first = reader->begins,
                                      .is_last = ends_frame && reader->is_final,
                                      .is_compressed = reader->is_compressed,
                                      .ends_frame = ends_frame};
    reader->mask = rotate(reader->mask, (unsigned)n);
    reader->begins = false;
    reader->in_frame = !ends_frame;
    if (ret_piece->is_last) {
        reader->message = 0;
    }
    return RH_WS_DATA;
}

static enum rh_ws_read take_control(const struct head *head, char *bytes, size_t len,
                                    struct rh_ws_piece *ret_piece)
{
    if (len < head->payload_len) {
        return RH_WS_MORE;
    }
    size_t n = (size_t)head->payload_len;
    rh_ws_unmask(bytes, bytes, n, head->mask);
    *ret_piece = (struct rh_ws_piece){.bytes = {bytes, n},
                                      .opcode = head->opcode,
                                      .is_first = true,
                                      .is_last = true,
                                      .ends_frame = true};
    return RH_WS_CONTROL;
}

enum rh_ws_read rh_ws_reader_feed(struct rh_ws_reader *reader, char *bytes, size_t len,
                                  size_t *ret_used, struct rh_ws_piece *ret_piece)
{
    struct head head = {.bytes = 0};
    *ret_used = 0;
    if (!reader->in_frame) {
        enum rh_ws_read result = read_head(reader, bytes, len, &head);
        if (result != RH_WS_CONTROL) {
            return result;
        }
        bytes += head.bytes;
        len -= head.bytes;
        if (head.opcode >= RH_WS_CLOSE) {
            result = take_control(&head, bytes, len, ret_piece);
            *ret_used = result == RH_WS_MORE ? 0 : head.bytes + ret_piece->bytes.len;
            return result;
        }
        open_frame(reader, &head);
    }
    enum rh_ws_read result = take_data(reader, bytes, len, ret_piece);
    *ret_used = head.bytes + (result == RH_WS_MORE ? 0 : ret_piece->bytes.len);
    return result;
}

/* --- Writing ------------------------------------------------------------------------------------
 */

size_t rh_ws_write_head(char *out, enum rh_ws_opcode opcode, bool is_final, bool is_compressed,
                        uint64_t payload_len)
{
    size_t len = rh_ws_head_bytes(payload_len);
    RH_ASSERT(payload_len >> 63 == 0);
    out[0] = (char)((is_final ? FIN : 0) | (is_compressed ? RSV1 : 0) | (unsigned)opcode);
    out[1] = (char)(len == 2 ? payload_len : len == 4 ? 126 : 127);
    for (size_t i = len; i > 2; i--) {
        out[i - 1] = (char)(payload_len & 0xff);
        payload_len >>= 8;
    }
    return len;
}
