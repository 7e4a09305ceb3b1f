/* A field is checked (RFC 9113 §8.2), counted, and copied behind the others; pseudo-header fields
 * land in the head (§8.3). Cookie crumbs are joined in place while they follow each other, as all
 * clients send them; one that comes later moves the whole value behind the text, and the hole that
 * this leaves is counted as if the peer had sent it. Ways to fail: a fault of the peer in the
 * framing of its message costs the stream; a limit, or content that HTTP refuses in any version,
 * gets an answer. */
#include "server/http2/request.h"

#include <string.h>

#include "http/authority.h"
#include "http/method.h"
#include "http/scan.h"
#include "util/ascii.h"

enum { SEEN_METHOD = 1, SEEN_SCHEME = 2, SEEN_PATH = 4, SEEN_AUTHORITY = 8, SEEN_PROTOCOL = 16 };

static enum rh_http2_verdict refuse(struct rh_http2_request *r, enum rh_rule rule)
{
    r->rule = r->rule == 0 && r->fault == 0 ? (uint8_t)rule : r->rule;
    return RH_HTTP2_REFUSED;
}

/* A fault outweighs a rule: a malformed message gets no answer. */
static enum rh_http2_verdict fault(struct rh_http2_request *r, enum rh_http2_rule rule)
{
    r->fault = r->fault == 0 ? (uint8_t)rule : r->fault;
    return RH_HTTP2_REFUSED;
}

void rh_http2_request_init(struct rh_http2_request *r, struct rh_field *fields, char *text,
                           size_t text_cap, const struct rh_head_limits *limits)
{
    *r = (struct rh_http2_request){.fields = fields, .limits = limits, .urgency = 3};
    r->head.version_major = 2;
    r->head.keep_alive = true;
    rh_http2_request_move(r, text, text_cap);
}

void rh_http2_request_move(struct rh_http2_request *r, char *text, size_t text_cap)
{
    r->text = text;
    r->text_cap = (uint32_t)(text_cap < UINT16_MAX ? text_cap : UINT16_MAX);
}

/* --- Text ----------------------------------------------------------------------------------- */

static bool has_room(const struct rh_http2_request *r, size_t len)
{
    return len <= r->text_cap - r->text_len;
}

/* Copies behind the text, where there is room, and returns the offset. */
static uint16_t append(struct rh_http2_request *r, struct rh_slice bytes)
{
    uint16_t at = (uint16_t)r->text_len;
    rh_word_copy(r->text + at, bytes.base, bytes.len);
    r->text_len += (uint32_t)bytes.len;
    return at;
}

static struct rh_slice text_at(const struct rh_http2_request *r, size_t at, size_t len)
{
    return (struct rh_slice){r->text + at, len};
}

/* --- Pseudo-header fields ------------------------------------------------------------------- */

static enum rh_http2_verdict read_method(struct rh_http2_request *r, struct rh_slice value)
{
    r->head.method = (uint8_t)rh_method_find(value);
    if (RH_LIKELY(r->head.method != RH_METHOD_OTHER)) {
        return RH_HTTP2_GOOD;
    }
    if (!rh_field_name_is_valid(value)) {
        return fault(r, RH_HTTP2_METHOD);
    }
    if (value.len > RH_METHOD_BYTES_MAX) {
        return refuse(r, RH_RULE_METHOD_LONG);
    }
    if (!has_room(r, value.len)) {
        return RH_HTTP2_ROOM;
    }
    r->head.method_at = append(r, value);
    r->head.method_len = (uint16_t)value.len;
    return RH_HTTP2_GOOD;
}

static enum rh_http2_verdict read_scheme(struct rh_http2_request *r, struct rh_slice value)
{
    bool known = rh_ascii_is(value, "https") || rh_ascii_is(value, "http");
    return known ? RH_HTTP2_GOOD : fault(r, RH_HTTP2_SCHEME);
}

static enum rh_http2_verdict read_path(struct rh_http2_request *r, struct rh_slice value)
{
    if (value.len == 0 || (value.base[0] != '/' && !(value.len == 1 && value.base[0] == '*'))) {
        return fault(r, RH_HTTP2_PATH);
    }
    if (value.len > r->limits->target_bytes_max) {
        return refuse(r, RH_RULE_TARGET_LONG);
    }
    if (!has_room(r, value.len)) {
        return RH_HTTP2_ROOM;
    }
    r->head.target_at = append(r, value);
    r->head.target_len = (uint16_t)value.len;
    return RH_HTTP2_GOOD;
}

/* Handlers find the authority where HTTP/1 has it, in a Host field. */
static enum rh_http2_verdict add_host(struct rh_http2_request *r, struct rh_slice value)
{
    static const char name[] = "host";
    struct rh_authority authority;
    if (!rh_authority_parse(value.base, value, &authority)) {
        return fault(r, RH_HTTP2_AUTHORITY);
    }
    if (r->head.fields_n == r->limits->fields_max) {
        return refuse(r, RH_RULE_FIELDS_MANY);
    }
    if (!has_room(r, value.len + sizeof name - 1)) {
        return RH_HTTP2_ROOM;
    }
    struct rh_field *field = &r->fields[r->head.fields_n++];
    field->name_at = append(r, (struct rh_slice){name, sizeof name - 1});
    field->name_len = sizeof name - 1;
    field->value_at = append(r, value);
    field->value_len = (uint16_t)value.len;
    field->id = RH_FIELD_HOST;
    r->head.host_at = field->value_at;
    r->head.host_len = field->value_len;
    return RH_HTTP2_GOOD;
}

static enum rh_http2_verdict read_protocol(struct rh_http2_request *r, struct rh_slice value)
{
    if (!r->offers_protocol || !rh_field_name_is_valid(value)) {
        return fault(r, RH_HTTP2_PROTOCOL);
    }
    if (!has_room(r, value.len)) {
        return RH_HTTP2_ROOM;
    }
    r->protocol_at = append(r, value);
    r->protocol_len = (uint16_t)value.len;
    return RH_HTTP2_GOOD;
}

static bool is(struct rh_slice name, const char *text)
{
    return memcmp(name.base, text, name.len) == 0;
}

/* By length; case matters, as in all of HTTP/2 (RFC 9113 §8.2). 0: none that a request has. */
static uint8_t pseudo_of(struct rh_slice name)
{
    switch (name.len) {
    case 5:
        return is(name, ":path") ? SEEN_PATH : 0;
    case 7:
        return is(name, ":method") ? SEEN_METHOD : is(name, ":scheme") ? SEEN_SCHEME : 0;
    case 9:
        return is(name, ":protocol") ? SEEN_PROTOCOL : 0;
    case 10:
        return is(name, ":authority") ? SEEN_AUTHORITY : 0;
    default:
        return 0;
    }
}

static enum rh_http2_verdict read_pseudo(struct rh_http2_request *r, struct rh_slice name,
                                         struct rh_slice value)
{
    uint8_t which = pseudo_of(name);
    enum rh_http2_verdict verdict = RH_HTTP2_GOOD;
    if (r->in_fields) {
        return fault(r, RH_HTTP2_PSEUDO_LATE);
    }
    if (which == 0 || (r->seen & which) != 0) {
        return fault(r, which == 0 ? RH_HTTP2_PSEUDO_UNKNOWN : RH_HTTP2_PSEUDO_REPEATED);
    }
    switch (which) {
    case SEEN_METHOD:
        verdict = read_method(r, value);
        break;
    case SEEN_SCHEME:
        verdict = read_scheme(r, value);
        break;
    case SEEN_PATH:
        verdict = read_path(r, value);
        break;
    case SEEN_AUTHORITY:
        verdict = add_host(r, value);
        break;
    default:
        verdict = read_protocol(r, value);
        break;
    }
    if (verdict != RH_HTTP2_ROOM) {
        r->seen |= which;
    }
    return verdict;
}

/* --- Regular fields ------------------------------------------------------------------------- */

static bool has_upper_case(struct rh_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.base[i] >= 'A' && name.base[i] <= 'Z') {
            return true;
        }
    }
    return false;
}

/* RFC 9113 §8.2.1 asks for less; what HTTP/1 would not carry is refused here as well, so that no
 * version means more than another. */
static enum rh_http2_rule check_bytes(struct rh_slice name, struct rh_slice value)
{
    if (RH_UNLIKELY(!rh_field_name_is_valid(name))) {
        return RH_HTTP2_NAME_CHAR;
    }
    if (RH_UNLIKELY(has_upper_case(name))) {
        return RH_HTTP2_NAME_CASE;
    }
    const char *stop = value.base + value.len;
    if (RH_UNLIKELY(value.len > 0 && rh_scan_value(value.base, value.base, stop) != stop)) {
        return RH_HTTP2_VALUE_CHAR;
    }
    return RH_LIKELY(rh_field_value_is_valid(value)) ? RH_HTTP2_OK : RH_HTTP2_VALUE_SPACE;
}

static bool is_connections_own(enum rh_field_id id, struct rh_slice name)
{
    switch (id) {
    case RH_FIELD_CONNECTION:
    case RH_FIELD_TRANSFER_ENCODING:
    case RH_FIELD_UPGRADE:
        return true;
    case RH_FIELD_OTHER:
        return rh_ascii_is(name, "keep-alive") || rh_ascii_is(name, "proxy-connection");
    default:
        return false;
    }
}

static enum rh_http2_verdict read_length(struct rh_http2_request *r, struct rh_slice value)
{
    uint64_t length = 0;
    if (r->has_length || value.len == 0) {
        return fault(r, RH_HTTP2_LENGTH_MALFORMED);
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned)(value.base[i] - '0');
        if (digit > 9) {
            return fault(r, RH_HTTP2_LENGTH_MALFORMED);
        }
        if (length > ((uint64_t)INT64_MAX - digit) / 10) {
            return refuse(r, RH_RULE_CL_OVERFLOW);
        }
        length = length * 10 + digit;
    }
    r->has_length = true;
    r->head.content_length = length;
    return RH_HTTP2_GOOD;
}

/* A Host beside :authority must agree with it; alone it takes its place (RFC 9113 §8.3.1). */
static enum rh_http2_verdict read_host(struct rh_http2_request *r, struct rh_slice value)
{
    struct rh_authority host;
    struct rh_authority authority;
    if (r->head.host_len == 0) {
        return add_host(r, value);
    }
    struct rh_slice known = text_at(r, r->head.host_at, r->head.host_len);
    if (!rh_authority_parse(value.base, value, &host) ||
        !rh_authority_parse(r->text, known, &authority) ||
        !rh_ascii_equal(host.host, authority.host) || !rh_ascii_equal(host.port, authority.port)) {
        return fault(r, RH_HTTP2_HOST_DIFFERS);
    }
    return RH_HTTP2_GOOD;
}

/* Joins a crumb to the Cookie field (RFC 9113 §8.2.3). */
static enum rh_http2_verdict join_cookie(struct rh_http2_request *r, struct rh_slice crumb)
{
    struct rh_field *field = &r->fields[r->cookie - 1];
    size_t moved = 0;
    if ((uint32_t)field->value_at + field->value_len != r->text_len) {
        moved = field->value_len;
    }
    if (r->cost + moved > r->limits->head_bytes_max) {
        return refuse(r, RH_RULE_HEAD_LONG);
    }
    if (!has_room(r, moved + 2 + crumb.len)) {
        return RH_HTTP2_ROOM;
    }
    if (moved > 0) {
        r->cost += (uint32_t)moved;
        field->value_at = append(r, text_at(r, field->value_at, moved));
    }
    append(r, (struct rh_slice){"; ", 2});
    append(r, crumb);
    field->value_len = (uint16_t)(field->value_len + 2 + crumb.len);
    return RH_HTTP2_GOOD;
}

static enum rh_http2_verdict add_field(struct rh_http2_request *r, enum rh_field_id id,
                                       struct rh_slice name, struct rh_slice value)
{
    if (r->head.fields_n == r->limits->fields_max) {
        return refuse(r, RH_RULE_FIELDS_MANY);
    }
    if (!has_room(r, name.len + value.len)) {
        return RH_HTTP2_ROOM;
    }
    struct rh_field *field = &r->fields[r->head.fields_n++];
    field->name_at = append(r, name);
    field->name_len = (uint16_t)name.len;
    field->value_at = append(r, value);
    field->value_len = (uint16_t)value.len;
    field->id = (uint8_t)id;
    if (id == RH_FIELD_COOKIE) {
        r->cookie = r->head.fields_n;
    }
    return RH_HTTP2_GOOD;
}

static enum rh_http2_verdict read_regular(struct rh_http2_request *r, struct rh_slice name,
                                          struct rh_slice value)
{
    enum rh_http2_verdict verdict = RH_HTTP2_GOOD;
    enum rh_http2_rule rule = check_bytes(name, value);
    r->in_fields = true;
    if (RH_UNLIKELY(rule != RH_HTTP2_OK)) {
        return fault(r, rule);
    }
    enum rh_field_id id = rh_field_classify(name);
    if (RH_UNLIKELY(is_connections_own(id, name))) {
        return fault(r, RH_HTTP2_CONNECTION_FIELD);
    }
    switch (id) {
    case RH_FIELD_HOST:
        return read_host(r, value);
    case RH_FIELD_COOKIE:
        if (r->cookie > 0) {
            return join_cookie(r, value);
        }
        break;
    case RH_FIELD_TE:
        if (!rh_ascii_is(value, "trailers")) {
            return fault(r, RH_HTTP2_TE);
        }
        break;
    case RH_FIELD_CONTENT_LENGTH:
        if (!has_room(r, name.len + value.len)) {
            return RH_HTTP2_ROOM;
        }
        verdict = read_length(r, value);
        break;
    case RH_FIELD_EXPECT:
        r->has_expect = true;
        if (!rh_ascii_is(value, "100-continue")) {
            return refuse(r, RH_RULE_EXPECT_UNKNOWN);
        }
        break;
    case RH_FIELD_OTHER:
        if (name.len == 8 && rh_ascii_is(name, "priority")) {
            r->has_priority = true;
            rh_http2_priority_parse(value, &r->urgency, &r->incremental);
        }
        break;
    default:
        break;
    }
    return verdict == RH_HTTP2_GOOD ? add_field(r, id, name, value) : verdict;
}

enum rh_http2_verdict rh_http2_request_field(struct rh_http2_request *r, struct rh_slice name,
                                             struct rh_slice value)
{
    uint64_t cost = r->cost + (uint64_t)name.len + value.len + RH_HTTP2_FIELD_OVERHEAD;
    if (RH_UNLIKELY(r->fault != 0)) {
        return RH_HTTP2_REFUSED;
    }
    if (RH_UNLIKELY(cost > r->limits->head_bytes_max)) {
        return refuse(r, RH_RULE_HEAD_LONG);
    }
    uint32_t before = r->cost;
    r->cost = (uint32_t)cost;
    enum rh_http2_verdict verdict = name.len > 0 && name.base[0] == ':'
                                        ? read_pseudo(r, name, value)
                                        : read_regular(r, name, value);
    if (verdict == RH_HTTP2_ROOM) {
        r->cost = before;
    }
    return verdict;
}

/* --- The whole ------------------------------------------------------------------------------ */

/* RFC 3986 §5.2.4: "." and ".." segments are resolved before a path means anything. */
static bool has_dot_segment(const char *at, const char *stop)
{
    for (; at + 1 < stop; at++) {
        if (at[0] == '/' && at[1] == '.') {
            const char *end = at + 2 < stop && at[2] == '.' ? at + 3 : at + 2;
            if (end == stop || *end == '/') {
                return true;
            }
        }
    }
    return false;
}

/* Path and query, by the grammar that HTTP/1 has for them (http/chars.h). */
static enum rh_rule split_target(struct rh_http2_request *r)
{
    struct rh_head *head = &r->head;
    const char *first = r->text + head->target_at;
    const char *stop = first + head->target_len;
    const char *query = NULL;
    bool percent = false;
    for (const char *at = first; (at = rh_scan_path(first, at, stop)) < stop; at++) {
        if (*at == '%') {
            if (query != NULL) {
                continue; /* one without digits means itself there */
            }
            if (stop - at < 3 || rh_ascii_hex(at[1]) < 0 || rh_ascii_hex(at[2]) < 0) {
                return RH_RULE_TARGET_PERCENT;
            }
            percent = true;
            at += 2;
        } else if (*at == '?') {
            query = query != NULL ? query : at;
        } else if (*at != '.') {
            return *at == '#' ? RH_RULE_TARGET_FRAGMENT : RH_RULE_TARGET_CHAR;
        }
    }
    const char *end = query != NULL ? query : stop;
    head->path_at = head->target_at;
    head->path_len = (uint16_t)(end - first);
    head->has_query = query != NULL;
    if (query != NULL) {
        head->query_at = (uint16_t)(query + 1 - r->text);
        head->query_len = (uint16_t)(stop - query - 1);
    }
    head->path_is_plain = !percent && !has_dot_segment(first, end);
    return RH_RULE_NONE;
}

/* RFC 9113 §8.5: the target of CONNECT is its authority; RFC 8441 §4 adds the rest again. */
static enum rh_http2_verdict end_connect(struct rh_http2_request *r)
{
    struct rh_authority authority;
    struct rh_slice host = text_at(r, r->head.host_at, r->head.host_len);
    if ((r->seen & (SEEN_SCHEME | SEEN_PATH)) != 0 || (r->seen & SEEN_AUTHORITY) == 0 ||
        !rh_authority_parse(r->text, host, &authority) || authority.port.len == 0) {
        return fault(r, RH_HTTP2_CONNECT);
    }
    r->head.form = RH_AUTHORITY_FORM;
    r->head.target_at = r->head.host_at;
    r->head.target_len = r->head.host_len;
    return RH_HTTP2_GOOD;
}

static enum rh_http2_verdict end_target(struct rh_http2_request *r)
{
    bool extended = (r->seen & SEEN_PROTOCOL) != 0;
    if ((r->seen & SEEN_METHOD) == 0) {
        return fault(r, RH_HTTP2_METHOD);
    }
    if (extended && r->head.method != RH_CONNECT) {
        return fault(r, RH_HTTP2_PROTOCOL);
    }
    if (r->head.method == RH_CONNECT && !extended) {
        return r->rule == RH_RULE_NONE ? end_connect(r) : RH_HTTP2_REFUSED;
    }
    if ((r->seen & SEEN_SCHEME) == 0) {
        return fault(r, RH_HTTP2_SCHEME);
    }
    if ((r->seen & SEEN_PATH) == 0) {
        return fault(r, RH_HTTP2_PATH);
    }
    if (r->rule != RH_RULE_NONE) {
        return RH_HTTP2_REFUSED;
    }
    if (r->head.host_len == 0) {
        return refuse(r, RH_RULE_HOST_MISSING);
    }
    if (r->text[r->head.target_at] == '*') {
        r->head.form = RH_ASTERISK_FORM;
        return r->head.method == RH_OPTIONS ? RH_HTTP2_GOOD : fault(r, RH_HTTP2_PATH);
    }
    enum rh_rule rule = split_target(r);
    return rule == RH_RULE_NONE ? RH_HTTP2_GOOD : refuse(r, rule);
}

enum rh_http2_verdict rh_http2_request_end(struct rh_http2_request *r, bool ends)
{
    struct rh_head *head = &r->head;
    if (r->fault != 0) {
        return RH_HTTP2_REFUSED;
    }
    enum rh_http2_verdict verdict = end_target(r);
    if (verdict != RH_HTTP2_GOOD) {
        return verdict;
    }
    head->bytes = (uint16_t)r->text_len;
    if (ends) {
        head->body_kind = RH_BODY_NONE;
        return head->content_length > 0 ? fault(r, RH_HTTP2_LENGTH_DIFFERS) : RH_HTTP2_GOOD;
    }
    head->body_kind = head->content_length > 0 ? RH_BODY_LENGTH : RH_BODY_CHUNKED;
    head->expect_continue = r->has_expect;
    return head->method == RH_TRACE ? refuse(r, RH_RULE_TRACE_CONTENT) : RH_HTTP2_GOOD;
}

enum rh_http2_rule rh_http2_trailer_check(struct rh_slice name, struct rh_slice value)
{
    if (name.len > 0 && name.base[0] == ':') {
        return RH_HTTP2_PSEUDO_TRAILER;
    }
    enum rh_http2_rule rule = check_bytes(name, value);
    if (rule != RH_HTTP2_OK) {
        return rule;
    }
    enum rh_field_id id = rh_field_classify(name);
    if (is_connections_own(id, name)) {
        return RH_HTTP2_CONNECTION_FIELD;
    }
    return id == RH_FIELD_CONTENT_LENGTH || id == RH_FIELD_HOST || id == RH_FIELD_TRAILER
               ? RH_HTTP2_TRAILER_FORBIDDEN
               : RH_HTTP2_OK;
}

/* --- Priority ------------------------------------------------------------------------------- */

/* A member of the dictionary (RFC 8941 §3.2): "u=" and a digit, or "i", perhaps "i=?1" or "i=?0".
 * Parameters behind ';' mean nothing. */
static void read_member(struct rh_slice member, uint8_t *inout_urgency, bool *inout_incremental)
{
    const char *end = memchr(member.base, ';', member.len);
    member.len = end != NULL ? (size_t)(end - member.base) : member.len;
    member = rh_ascii_trim(member);
    const char *at = member.base;
    if (member.len == 3 && at[0] == 'u' && at[1] == '=' && at[2] >= '0' && at[2] <= '7') {
        *inout_urgency = (uint8_t)(at[2] - '0');
    } else if (member.len > 0 && at[0] == 'i') {
        bool off = member.len == 4 && memcmp(at, "i=?0", 4) == 0;
        bool on = member.len == 1 || (member.len == 4 && memcmp(at, "i=?1", 4) == 0);
        *inout_incremental = on || (*inout_incremental && !off);
    }
}

void rh_http2_priority_parse(struct rh_slice value, uint8_t *inout_urgency, bool *inout_incremental)
{
    const char *stop = value.base + value.len;
    for (const char *at = value.base, *end; at < stop; at = end + 1) {
        end = memchr(at, ',', (size_t)(stop - at));
        end = end != NULL ? end : stop;
        if (end > at) {
            read_member((struct rh_slice){at, (size_t)(end - at)}, inout_urgency,
                        inout_incremental);
        }
    }
}
