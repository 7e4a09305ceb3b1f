/* rawhttp-uv's own parser, as server/http1 drives it. It goes on at the byte where it stopped,
 * knows the fields that it needs by name, and answers what the body is (RFC 9112 §6.3). */
#include "parsers.h"

#include "http/h1/parser.h"

static struct rh_field fields[FIELDS_MAX];
static const struct rh_head_limits limits = {HEAD_BYTES_MAX, 8192, FIELDS_MAX};

bool bench_parse_ours(const struct bench_head *head, size_t step, unsigned long times)
{
    for (; times > 0; times--) {
        struct rh_parser parser;
        enum rh_parse answer = RH_PARSE_MORE;
        rh_parser_init(&parser, fields, &limits);
        for (size_t n = step; answer == RH_PARSE_MORE; n += step) {
            answer = rh_parser_feed(&parser, head->text, n < head->len ? n : head->len);
        }
        if (answer != RH_PARSE_DONE || parser.head.bytes != head->len) {
            return false;
        }
    }
    return true;
}
