/* WebSocket frames whole and in pieces, and the lists of a handshake: the same content, the same
 * refusal, and an answer to an offer that is an offer the server would take itself. */
#include "fuzz/fuzz.h"
#include "server/websocket/extension.h"
#include "server/websocket/frame.h"
#include "server/websocket/handshake.h"

enum { BYTES_MAX = 2000 };

struct result {
    enum rh_ws_rule rule;
    size_t used;
    size_t len;
    char content[4 * BYTES_MAX]; /* opcodes, contents and ends */
};

static void add(struct result *result, const void *bytes, size_t len)
{
    FUZZ_CHECK(result->len + len <= sizeof result->content);
    memcpy(result->content + result->len, bytes, len);
    result->len += len;
}

static void note(struct result *result, const struct rh_ws_piece *piece)
{
    if (piece->is_first) {
        char begin[2] = {(char)piece->opcode, (char)piece->is_compressed};
        add(result, begin, sizeof begin);
    }
    add(result, piece->bytes.base, piece->bytes.len);
    if (piece->is_last) {
        add(result, "\xff!", 2);
    }
}

static void read_all(struct result *result, const uint8_t *data, size_t len, size_t step)
{
    struct rh_ws_reader reader;
    size_t given = step < len ? step : len;
    memset(result, 0, sizeof *result);
    rh_ws_reader_init(&reader, len % 2 == 1);
    for (;;) {
        struct rh_ws_piece piece;
        size_t n;
        char *bytes = fuzz_copy(data + result->used, given - result->used);
        enum rh_ws_read read = rh_ws_reader_feed(&reader, bytes, given - result->used, &n, &piece);
        FUZZ_CHECK(n <= given - result->used);
        result->used += n;
        if (read == RH_WS_DATA || read == RH_WS_CONTROL) {
            if (read == RH_WS_DATA) {
                char *at = bytes + (piece.bytes.base - bytes);
                rh_ws_unmask(at, at, piece.bytes.len, piece.mask);
            }
            FUZZ_CHECK(n > 0 || piece.bytes.len > 0 || piece.ends_frame);
            note(result, &piece);
        }
        free(bytes);
        if (read == RH_WS_REJECT) {
            result->rule = (enum rh_ws_rule)reader.rule;
            FUZZ_CHECK(result->rule != RH_WS_RULE_NONE);
            return;
        }
        if (read == RH_WS_MORE) {
            if (given == len) {
                return;
            }
            given = len - given > step ? given + step : len;
        }
    }
}

static void negotiate(const uint8_t *data, size_t len)
{
    char *text = fuzz_copy(data, len);
    struct rh_slice list = {text, len};
    struct rh_ws_deflate_terms terms = {.is_on = false};
    char out[RH_WS_TERMS_BYTES_MAX];
    if (rh_ws_deflate_choose(list, len % 2 == 1, &terms) == RH_WS_OFFER_TAKEN) {
        struct rh_ws_deflate_terms again = {.is_on = false};
        struct rh_slice answer = {out, rh_ws_deflate_write_terms(&terms, out)};
        FUZZ_CHECK(terms.is_on && answer.len <= sizeof out);
        FUZZ_CHECK(rh_ws_deflate_choose(answer, true, &again) == RH_WS_OFFER_TAKEN);
        FUZZ_CHECK(again.server_bits == terms.server_bits);
    }
    (void)rh_ws_key_is_valid(list);
    (void)rh_ws_protocols_are_valid(list);
    (void)rh_ws_origin_is_same(list, true, rh_slice_from("example.org:443"));
    (void)rh_ws_origin_is_listed(rh_slice_from("https://example.org"), list);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct result whole;
    static struct result pieces;
    static const size_t steps[] = {1, 2, 7, 100};
    if (len > BYTES_MAX) {
        return 0;
    }
    read_all(&whole, data, len, len > 0 ? len : 1);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        read_all(&pieces, data, len, steps[i]);
        FUZZ_CHECK(pieces.rule == whole.rule && pieces.used == whole.used);
        FUZZ_CHECK(pieces.len == whole.len);
        FUZZ_CHECK(memcmp(pieces.content, whole.content, whole.len) == 0);
    }
    negotiate(data, len);
    return 0;
}
