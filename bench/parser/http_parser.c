/* http_parser 2.9, which node had before llhttp. It resumes at any byte, names the method, knows
 * the fields that frame a message, and tells of each piece by a callback; ours keep what every user
 * of it keeps: where each name and value lies. It does not take the target apart and looks for no
 * Host. */
#include "parsers.h"

#include <http_parser.h>

struct piece {
    const char *base;
    size_t len;
};

struct request {
    struct piece target;
    struct piece names[FIELDS_MAX];
    struct piece values[FIELDS_MAX];
    size_t fields_n;
    bool in_value;
    bool complete;
};

static void grow(struct piece *piece, const char *base, size_t len)
{
    if (piece->len == 0) {
        piece->base = base;
    }
    piece->len += len;
}

static int on_target(http_parser *parser, const char *base, size_t len)
{
    struct request *request = parser->data;
    grow(&request->target, base, len);
    return 0;
}

static int on_name(http_parser *parser, const char *base, size_t len)
{
    struct request *request = parser->data;
    if (request->in_value || request->fields_n == 0) {
        if (request->fields_n == FIELDS_MAX) {
            return 1;
        }
        request->names[request->fields_n].len = 0;
        request->values[request->fields_n].len = 0;
        request->fields_n++;
        request->in_value = false;
    }
    grow(&request->names[request->fields_n - 1], base, len);
    return 0;
}

static int on_value(http_parser *parser, const char *base, size_t len)
{
    struct request *request = parser->data;
    request->in_value = true;
    grow(&request->values[request->fields_n - 1], base, len);
    return 0;
}

static int on_complete(http_parser *parser)
{
    struct request *request = parser->data;
    request->complete = true;
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_message_complete = on_complete,
};

bool bench_parse_http_parser(const struct bench_head *head, size_t step, unsigned long times)
{
    static struct request request;
    for (; times > 0; times--) {
        http_parser parser;
        http_parser_init(&parser, HTTP_REQUEST);
        parser.data = &request;
        request.target.len = 0;
        request.fields_n = 0;
        request.in_value = request.complete = false;
        for (size_t at = 0; at < head->len; at += step) {
            size_t len = head->len - at < step ? head->len - at : step;
            if (http_parser_execute(&parser, &settings, head->text + at, len) != len) {
                return false;
            }
        }
        if (!request.complete) {
            return false;
        }
    }
    return true;
}
