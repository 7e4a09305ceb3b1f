/* JSON text from a value tree (RFC 8259), piece by piece into a sink. It needs no library: only
 * reading does (json.c). Recursion is as deep as the tree, which its builder bounds. */
#include "value/value.h"

#include "util/utf8.h"

struct writer {
    rh_sink_fn sink;
    void *data;
    unsigned flags;
    int result;  /* what the sink returned when it stopped us */
    size_t used; /* of `buffer` */
    char buffer[512];
};

static void flush(struct writer *writer)
{
    if (writer->used > 0 && writer->result == 0) {
        writer->result = writer->sink(writer->data, writer->buffer, writer->used);
    }
    writer->used = 0;
}

static void put(struct writer *writer, const char *bytes, size_t len)
{
    if (len > sizeof(writer->buffer) - writer->used) {
        flush(writer);
        if (len > sizeof(writer->buffer)) {
            if (writer->result == 0) {
                writer->result = writer->sink(writer->data, bytes, len);
            }
            return;
        }
    }
    memcpy(writer->buffer + writer->used, bytes, len);
    writer->used += len;
}

static void put_escape(struct writer *writer, uint32_t point)
{
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\',
                    'u',
                    digits[point >> 12 & 15],
                    digits[point >> 8 & 15],
                    digits[point >> 4 & 15],
                    digits[point & 15]};
    put(writer, text, sizeof(text));
}

/* True for what must not stand as itself: always controls, quote and backslash (RFC 8259 §7);
 * inside HTML also what could end a script or start a tag, and the two line ends of old
 * JavaScript. */
static bool is_escaped(uint32_t point, unsigned flags)
{
    if (point < 0x20 || point == '"' || point == '\\' || point == 0x7f) {
        return true;
    }
    return (flags & RH_JSON_HTML) != 0 && (point == '<' || point == '>' || point == '&' ||
                                           point == '\'' || point == 0x2028 || point == 0x2029);
}

static void put_escaped(struct writer *writer, uint32_t point)
{
    switch (point) {
    case '"':
        put(writer, "\\\"", 2);
        break;
    case '\\':
        put(writer, "\\\\", 2);
        break;
    case '\n':
        put(writer, "\\n", 2);
        break;
    case '\r':
        put(writer, "\\r", 2);
        break;
    case '\t':
        put(writer, "\\t", 2);
        break;
    default:
        put_escape(writer, point);
    }
}

static void put_string(struct writer *writer, struct rh_slice text)
{
    const char *at = text.base;
    const char *end = at + text.len;
    const char *plain = at; /* where the run of bytes that stand as themselves began */
    put(writer, "\"", 1);
    while (at < end) {
        uint32_t point = 0;
        size_t len = rh_utf8_next(at, end, &point);
        if (len > 0 && !is_escaped(point, writer->flags)) {
            at += len;
            continue;
        }
        put(writer, plain, (size_t)(at - plain));
        if (len == 0) {
            put(writer, "\xef\xbf\xbd", 3);
            len = 1;
        } else {
            put_escaped(writer, point);
        }
        at += len;
        plain = at;
    }
    if (at > plain) {
        put(writer, plain, (size_t)(at - plain));
    }
    put(writer, "\"", 1);
}

static void put_value(struct writer *writer, const struct rh_value *value);

static void put_members(struct writer *writer, const struct rh_value *value)
{
    bool is_map = value->kind == RH_VALUE_MAP;
    put(writer, is_map ? "{" : "[", 1);
    for (const struct rh_value *member = value->as.members.first; member != NULL;
         member = member->next) {
        if (writer->result != 0) {
            return;
        }
        if (member != value->as.members.first) {
            put(writer, ",", 1);
        }
        if (is_map) {
            put_string(writer, member->key);
            put(writer, ":", 1);
        }
        put_value(writer, member);
    }
    put(writer, is_map ? "}" : "]", 1);
}

static void put_value(struct writer *writer, const struct rh_value *value)
{
    char number[RH_VALUE_NUMBER_BYTES];
    size_t len = 0;
    switch (rh_value_kind(value)) {
    case RH_VALUE_STRING:
        put_string(writer, value->as.string);
        return;
    case RH_VALUE_LIST:
    case RH_VALUE_MAP:
        put_members(writer, value);
        return;
    case RH_VALUE_BOOL:
        put(writer, value->as.boolean ? "true" : "false", value->as.boolean ? 4 : 5);
        return;
    case RH_VALUE_INT:
    case RH_VALUE_DOUBLE:
        len = rh_value_number_format(value, number);
        break;
    case RH_VALUE_NULL:
        break;
    }
    if (len > 0) {
        put(writer, number, len);
    } else {
        put(writer, "null", 4);
    }
}

int rh_json_write(const struct rh_value *value, unsigned flags, rh_sink_fn sink, void *data)
{
    struct writer writer;
    writer.sink = sink;
    writer.data = data;
    writer.flags = flags;
    writer.result = 0;
    writer.used = 0;
    put_value(&writer, value);
    flush(&writer);
    return writer.result;
}

/* --- into a buffer --- */

struct target {
    char *out;
    size_t size;
    size_t len; /* of the whole text, also what did not fit */
};

static int copy_to_target(void *data, const char *bytes, size_t len)
{
    struct target *target = data;
    if (target->len < target->size) {
        size_t room = target->size - target->len;
        memcpy(target->out + target->len, bytes, len < room ? len : room);
    }
    target->len += len;
    return 0;
}

size_t rh_json_write_to(const struct rh_value *value, unsigned flags, char *out, size_t size)
{
    struct target target = {out, size, 0};
    (void)rh_json_write(value, flags, copy_to_target, &target);
    return target.len;
}
