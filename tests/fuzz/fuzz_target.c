/* A target in a request line, and the canonical form of whatever path comes. */
#include "fuzz/fuzz.h"
#include "http/h1/parser.h"
#include "http/path.h"
#include "util/ascii.h"

/* The canonical form has no dot segments, no empty beginning and nothing longer than its source. */
static void check_path(const uint8_t *data, size_t len)
{
    char *raw = fuzz_copy(data, len);
    char *out = malloc(len + 1);
    size_t out_len = 0;
    FUZZ_CHECK(out != NULL);
    if (rh_path_canonical((struct rh_slice){raw, len}, out, &out_len) == RH_RULE_NONE) {
        FUZZ_CHECK(out_len >= 1 && out_len <= len + 1 && out[0] == '/');
        for (size_t at = 0; at < out_len;) {
            size_t end = at + 1;
            while (end < out_len && out[end] != '/') {
                end++;
            }
            FUZZ_CHECK(!(end - at == 2 && out[at + 1] == '.'));
            FUZZ_CHECK(!(end - at == 3 && out[at + 1] == '.' && out[at + 2] == '.'));
            at = end;
        }
    }
    free(out);
    free(raw);
}

static void check_target(const uint8_t *data, size_t len)
{
    static const struct rh_head_limits limits = {65535, 65535, 4};
    static const char *const methods[] = {"GET ", "OPTIONS ", "CONNECT "};
    for (size_t i = 0; i < 3; i++) {
        struct rh_field fields[4];
        struct rh_parser parser;
        size_t before = strlen(methods[i]);
        char *line = malloc(before + len + 11);
        FUZZ_CHECK(line != NULL);
        memcpy(line, methods[i], before);
        memcpy(line + before, data, len);
        memcpy(line + before + len, " HTTP/1.0\r\n", 11);
        rh_parser_init(&parser, fields, &limits);
        if (rh_parser_feed(&parser, line, before + len + 11) == RH_PARSE_MORE &&
            parser.head.target_len == len) {
            const struct rh_head *head = &parser.head;
            for (size_t at = 0; at < len; at++) {
                char c = (char)data[at];
                FUZZ_CHECK(c > ' ' && c < 0x7f && strchr("\"#<>\\^`{|}", c) == NULL);
                FUZZ_CHECK(c != '%' || head->path_len == 0 || (len - at > 2 &&
                           rh_ascii_hex((char)data[at + 1]) >= 0 &&
                           rh_ascii_hex((char)data[at + 2]) >= 0));
            }
            FUZZ_CHECK((head->form == RH_AUTHORITY_FORM) == (i == 2));
            FUZZ_CHECK(head->form != RH_ASTERISK_FORM || (i == 1 && len == 1));
            FUZZ_CHECK(head->form != RH_ORIGIN_FORM || data[0] == '/');
            FUZZ_CHECK(head->form != RH_ABSOLUTE_FORM || head->host_len > 0);
        }
        free(line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > 0 && len < 5000) {
        check_path(data, len);
        check_target(data, len);
    }
    return 0;
}
