/* The machine, in the order in which the bytes meet it:
 *
 *   START -> [one empty line] -> METHOD -> TARGET -> PATH -> VERSION -> FIELDS -> DONE
 *                                            |-> ASTERISK ---^
 *                                            `-> SCHEME -> AUTHORITY -> PATH
 *
 * Each step reads its span to the end or to the end of the input, in which case the state is kept
 * and the next call enters there; so a step is entered in the middle as well as at its start, and
 * there is no second way through for input that comes in one piece. What a step answers depends on
 * the bytes alone, never on how they were cut: limits are offsets at which reading stops, and
 * whatever is wrong first is what is reported.
 *
 * Ways to fail: a byte that can not stand where it is, reported at once; a rule about a whole part
 * (host, framing), reported when that part is complete; a limit. */
#include "http/h1/parser.h"

#include "http/authority.h"
#include "http/h1/machine.h"
#include "http/method.h"
#include "http/h1/target.h"
#include "util/ascii.h"

void rh_parser_init(struct rh_parser *p, struct rh_field *fields,
                    const struct rh_head_limits *limits)
{
    /* Member by member: a memset of the whole becomes a string instruction that costs more than
     * the few stores it stands for. */
    p->head = (struct rh_head){.version_major = 1};
    p->fields = fields;
    p->limits = limits;
    rh_section_init(&p->section, fields, limits->fields_max);
    rh_framing_init(&p->framing);
    p->rule = RH_RULE_NONE;
    p->at = 0;
    p->state = STATE_START;
    p->percent_left = 0;
    p->notes = (struct rh_parser_notes){.percent = false};
}

enum rh_rule rh_head_refusal(const struct rh_head *head, bool is_tls)
{
    if (head->method == RH_CONNECT) {
        return RH_RULE_CONNECT;
    }
    return rh_head_is_https(head) && !is_tls ? RH_RULE_SCHEME_NOT_SECURED : RH_RULE_NONE;
}

bool rh_parser_has_begun(const struct rh_parser *p)
{
    return p->state >= STATE_METHOD;
}

/* RFC 9112 §2.2: at least one empty line before the request line is to be ignored; one is. */
COLD enum step read_empty_line(struct rh_parser *p, struct input *in)
{
    if (p->state == STATE_START && in->at < in->stop && *in->at == '\r') {
        in->at++;
        p->state = STATE_START_LF;
    }
    if (p->state == STATE_START_LF && in->at < in->stop) {
        if (*in->at != '\n') {
            return reject(p, RH_RULE_BARE_CR);
        }
        in->at++;
        p->state = STATE_AFTER;
    }
    if (in->at == in->stop) {
        return LEAVE;
    }
    switch (*in->at) {
    case '\r':
        return reject(p, RH_RULE_EMPTY_LINES);
    case '\n':
        return reject(p, RH_RULE_BARE_LF);
    case 0x16:
        /* The type byte of a TLS handshake record; no token begins with it. */
        return reject(p, RH_RULE_TLS_ON_PLAIN);
    default:
        return NEXT;
    }
}

HOT enum step read_start(struct rh_parser *p, struct input *in)
{
    if (RH_LIKELY(in->at < in->stop && *in->at >= 'A' && p->state != STATE_START_LF)) {
        return NEXT; /* neither a line end nor TLS */
    }
    struct input copy = *in;
    enum step step = read_empty_line(p, &copy);
    in->at = copy.at;
    return step;
}

/* A span of `len` bytes that is no method. */
COLD enum step reject_method(struct rh_parser *p, size_t len)
{
    return reject(p, len > RH_METHOD_BYTES_MAX ? RH_RULE_METHOD_LONG : RH_RULE_METHOD_CHAR);
}

/* RFC 9110 §9.1: any token is a method. Whether something serves it is not known here, and the
 * version is looked at first: the preface of HTTP/2 begins like a request with the method PRI. */
COLD enum step read_other_method(struct rh_parser *p, const struct input in, const char *first)
{
    size_t len = (size_t)(in.at - first);
    if (*in.at != ' ' || len == 0 || len > RH_METHOD_BYTES_MAX) {
        return reject_method(p, len);
    }
    p->head.method_at = offset(&in, first);
    p->head.method_len = (uint16_t)len;
    return NEXT;
}

HOT enum step read_method(struct rh_parser *p, struct input *in, const char *first)
{
    if (RH_LIKELY(in->stop - first >= 4 && rh_word_load4(first) == rh_word_load4("GET "))) {
        p->head.method = RH_GET; /* what the scan and the table below would find, too */
        in->at = first + 4;
        p->head.target_at = offset(in, in->at);
        return NEXT;
    }
    in->at = rh_scan_method(in->base, in->at, in->stop);
    size_t len = (size_t)(in->at - first);
    if (RH_UNLIKELY(in->at == in->stop)) {
        p->mark = offset(in, first);
        return len > RH_METHOD_BYTES_MAX ? reject_method(p, len) : wait_in(p, STATE_METHOD);
    }
    enum rh_method method = rh_method_find((struct rh_slice){first, len});
    if (RH_UNLIKELY(*in->at != ' ' || method == RH_METHOD_OTHER) &&
        read_other_method(p, *in, first) == LEAVE) {
        return LEAVE;
    }
    p->head.method = (uint8_t)method;
    in->at++;
    p->head.target_at = offset(in, in->at);
    return NEXT;
}

/* Version and line end, byte by byte. RFC 9112 §2.3: the version is "HTTP/" digit "." digit, and
 * case-sensitive; RFC 9110 §2.5: of a minor version that we do not know, the highest one we do. */
COLD enum step read_version_slowly(struct rh_parser *p, struct input *in, enum state state)
{
    static const char pattern[] = "HTTP/d.d\r\n";
    if (state != STATE_VERSION) {
        p->mark = offset(in, in->at);
    }
    for (; in->at < in->stop; in->at++) {
        size_t i = (size_t)(in->at - in->base) - p->mark;
        char c = *in->at;
        bool fits = pattern[i] == 'd' ? rh_ascii_is_digit(c) : c == pattern[i];
        if (!fits && i == 0) {
            return reject(p, c == ' ' || c == '\t'    ? RH_RULE_REQUEST_SPACE
                             : c == '\r' || c == '\n' ? RH_RULE_VERSION_MISSING
                                                      : RH_RULE_VERSION_MALFORMED);
        }
        if (!fits && i < 8) {
            return reject(p, RH_RULE_VERSION_MALFORMED);
        }
        if (!fits) {
            return reject(p, i == 9      ? RH_RULE_BARE_CR
                             : c == '\n' ? RH_RULE_BARE_LF
                                         : RH_RULE_REQUEST_END);
        }
        if (i == 7) {
            if (in->at[-2] != '1') {
                return reject(p, RH_RULE_VERSION_UNSUPPORTED);
            }
            p->head.version_minor = c != '0';
        }
        if (i == 9) {
            in->at++;
            return NEXT;
        }
    }
    return wait_in(p, STATE_VERSION);
}

HOT enum step read_version(struct rh_parser *p, struct input *in)
{
    if (RH_LIKELY(in->stop - in->at >= 10)) {
        uint64_t word = rh_word_load8(in->at);
        bool first = word == rh_word_load8("HTTP/1.1");
        if (RH_LIKELY((first || word == rh_word_load8("HTTP/1.0")) &&
                      rh_word_load2(in->at + 8) == rh_word_load2("\r\n"))) {
            p->head.version_minor = first;
            in->at += 10;
            return NEXT;
        }
    }
    struct input copy = *in;
    enum step step = read_version_slowly(p, &copy, STATE_PATH);
    in->at = copy.at;
    return step;
}

/* RFC 9112 §3.2.2: beside a target that names an authority, Host is ignored; §3.2: it must still be
 * one, and valid. */
COLD enum rh_rule check_host(struct rh_parser *p, const char *base, struct rh_slice value)
{
    struct rh_authority host;
    if (p->notes.has_host) {
        return RH_RULE_HOST_REPEATED;
    }
    p->notes.has_host = true;
    return rh_authority_parse(base, value, &host) ? RH_RULE_NONE : RH_RULE_HOST_INVALID;
}

/* RFC 9112 §3.2: one Host, and valid. A name, perhaps with a port, is looked at here; everything
 * else that a host can be is left to rh_authority_parse. */
HOT enum rh_rule note_host(struct rh_parser *p, const struct input *in, struct rh_slice value)
{
    const char *end = value.base + value.len;
    const char *at = rh_scan_reg_name(in->base, value.base, in->stop); /* never beyond `end` */
    bool repeated = p->notes.has_host;
    p->notes.has_host = true;
    p->head.host_at = offset(in, value.base);
    p->head.host_len = (uint16_t)value.len;
    size_t port = at < end ? (size_t)(end - at) - 1 : 0;
    /* A request line stands before the value, so there are 8 bytes. */
    if (at < end && *at == ':' && (port < 5 || (port == 5 && at[1] < '6')) &&
        rh_word_is_digits(end, port)) {
        at = end; /* at most 59999 */
    }
    if (RH_LIKELY(at == end && rh_char_is(*value.base, RH_CHAR_REG_NAME) && !repeated)) {
        return RH_RULE_NONE;
    }
    struct rh_authority host;
    return repeated                                     ? RH_RULE_HOST_REPEATED
           : rh_authority_parse(in->base, value, &host) ? RH_RULE_NONE
                                                        : RH_RULE_HOST_INVALID;
}

/* RFC 9110 §7.6.1: a list of tokens; nothing in it is quoted. */
static void note_connection(struct rh_parser *p, struct rh_slice list)
{
    if (RH_LIKELY(list.len == 10 && rh_word_is_caseless(list.base, "keep-alive", 10))) {
        p->notes.says_keep_alive = true; /* what nearly everybody says, and nothing else */
        return;
    }
    const char *stop = list.base + list.len;
    for (const char *at = list.base, *end; at < stop; at = end + 1) {
        end = memchr(at, ',', (size_t)(stop - at));
        end = end != NULL ? end : stop;
        struct rh_slice option = rh_ascii_trim((struct rh_slice){at, (size_t)(end - at)});
        if (option.len == 10 && rh_word_is_caseless(option.base, "keep-alive", 10)) {
            p->notes.says_keep_alive = true;
        } else if (option.len == 5 && rh_word_is_caseless(option.base, "close", 5)) {
            p->notes.says_close = true;
        } else if (option.len == 7 && rh_word_is_caseless(option.base, "upgrade", 7)) {
            p->notes.says_upgrade = true;
        }
    }
}

/* A field that the parser itself must look into. */
static enum rh_rule note_field(struct rh_parser *p, const char *base, const struct rh_field *field)
{
    struct rh_slice value = {base + field->value_at, field->value_len};
    switch (field->id) {
    case RH_FIELD_HOST:
        return check_host(p, base, value);
    case RH_FIELD_CONTENT_LENGTH:
        return rh_framing_content_length(&p->framing, value);
    case RH_FIELD_TRANSFER_ENCODING:
        return rh_framing_transfer_encoding(&p->framing, value);
    case RH_FIELD_CONNECTION:
        p->notes.seldom = true;
        note_connection(p, value);
        return RH_RULE_NONE;
    case RH_FIELD_EXPECT:
        /* RFC 9110 §10.1.1: HTTP/1.0 does not have it, there it is to be ignored. */
        if (p->head.version_minor > 0) {
            p->notes.seldom = p->notes.has_expect = true;
            return rh_ascii_is(value, "100-continue") ? RH_RULE_NONE : RH_RULE_EXPECT_UNKNOWN;
        }
        return RH_RULE_NONE;
    default:
        p->notes.seldom = p->notes.has_upgrade = true;
        return RH_RULE_NONE;
    }
}

/* What Connection, Expect and Upgrade say about the head as a whole. */
static void note_options(const struct rh_parser *p, struct rh_head *head)
{
    head->keep_alive =
        !p->notes.says_close && (head->version_minor > 0 || p->notes.says_keep_alive);
    head->expect_continue = p->notes.has_expect && head->body_kind != RH_BODY_NONE;
    head->upgrade = p->notes.has_upgrade && p->notes.says_upgrade && head->version_minor > 0;
}

/* The empty line was read: what is to be said about the head as a whole. */
HOT enum step end_head(struct rh_parser *p, struct input *in)
{
    struct rh_head *head = &p->head;
    if (RH_UNLIKELY(!p->notes.has_host) && head->version_minor > 0) {
        return reject(p, RH_RULE_HOST_MISSING);
    }
    enum rh_rule rule = rh_framing_decide(&p->framing, head);
    if (RH_UNLIKELY(rule != RH_RULE_NONE)) {
        return reject(p, rule);
    }
    head->fields_n = p->section.fields_n;
    head->bytes = (uint16_t)(in->at - in->base);
    head->keep_alive = head->version_minor > 0;
    if (RH_UNLIKELY(p->notes.seldom)) {
        if (head->form == RH_ASTERISK_FORM && head->method != RH_OPTIONS) {
            return reject(p, RH_RULE_TARGET_ASTERISK);
        }
        note_options(p, head);
    }
    p->state = STATE_DONE;
    return LEAVE;
}

HOT enum step read_fields(struct rh_parser *p, struct input *in, enum rh_section_state state)
{
    enum rh_rule rule = RH_RULE_NONE;
    for (;;) {
        const struct rh_field *field = &p->fields[p->section.fields_n];
        switch (rh_section_line(&p->section, state, in->base, &in->at, in->stop, &rule)) {
        case RH_SECTION_FIELD:
            if (field->id - 1U < RH_FIELD_UPGRADE) {
                struct rh_slice value = {in->base + field->value_at, field->value_len};
                bool plain = field->id == RH_FIELD_HOST && p->head.form != RH_ABSOLUTE_FORM &&
                             p->head.form != RH_AUTHORITY_FORM;
                rule = RH_LIKELY(plain) ? note_host(p, in, value) : note_field(p, in->base, field);
                if (RH_UNLIKELY(rule != RH_RULE_NONE)) {
                    return reject(p, rule);
                }
            }
            break;
        case RH_SECTION_MORE:
            return wait_in(p, STATE_FIELDS);
        case RH_SECTION_REJECT:
            return reject(p, rule);
        case RH_SECTION_DONE:
            return end_head(p, in);
        }
        state = RH_SECTION_LINE;
    }
}

/* Enters in the middle of a target or version. */
COLD enum step read_request_line(struct rh_parser *p, struct input *in, enum state state)
{
    if (state != STATE_VERSION && read_rest_of_target(p, in, state) == LEAVE) {
        return LEAVE;
    }
    return read_version_slowly(p, in, state);
}

/* The machine: enters where it left, and falls from one step into the next. */
HOT enum step run(struct rh_parser *p, struct input *in)
{
    enum state state = (enum state)p->state;
    const char *first = in->at;
    enum step step = NEXT;
    struct input copy;
    switch (state) {
    case STATE_START:
    case STATE_START_LF:
    case STATE_AFTER:
        if (read_start(p, in) == LEAVE) {
            return LEAVE;
        }
        first = in->at;
        goto method;
    case STATE_METHOD:
        first = in->base + p->mark;
    method:
        if (read_method(p, in, first) == LEAVE) {
            return LEAVE;
        }
        RH_FALLTHROUGH;
    case STATE_TARGET:
        if (read_target(p, in) == LEAVE || read_version(p, in) == LEAVE) {
            return LEAVE;
        }
    fields:
        return read_fields(p, in, RH_SECTION_LINE);
    case STATE_ASTERISK:
    case STATE_SCHEME:
    case STATE_AUTHORITY:
    case STATE_PATH:
    case STATE_VERSION:
        copy = *in;
        step = read_request_line(p, &copy, state);
        in->at = copy.at;
        if (step == LEAVE) {
            return LEAVE;
        }
        goto fields;
    case STATE_FIELDS:
        return read_fields(p, in, (enum rh_section_state)p->section.state);
    case STATE_DONE:
    case STATE_REJECTED:
        break;
    }
    return LEAVE;
}

enum rh_parse rh_parser_feed(struct rh_parser *p, const char *base, size_t len)
{
    size_t limit = p->limits->head_bytes_max;
    struct input in = {base, base + p->at, base + (len < limit ? len : limit)};
    run(p, &in);
    p->at = (uint32_t)(in.at - base);
    if (RH_LIKELY(p->state == STATE_DONE)) {
        return RH_PARSE_DONE;
    }
    if (p->state != STATE_REJECTED && p->at == limit) {
        /* The head is not complete and may not become longer: nothing that follows can help. */
        reject(p, p->state <= STATE_PATH ? RH_RULE_TARGET_LONG : RH_RULE_HEAD_LONG);
    }
    return p->state == STATE_REJECTED ? RH_PARSE_REJECT : RH_PARSE_MORE;
}
