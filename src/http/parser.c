/* The machine, in the order in which the bytes meet it:
 *
 *   START -> [one empty line] -> METHOD -> TARGET -> PATH -> QUERY -> VERSION -> LINE_CR -> LINE_LF
 *                                            |-> ASTERISK ------------^
 *                                            `-> SCHEME -> AUTHORITY -> PATH
 *   -> FIELDS -> DONE
 *
 * Each step reads its span to the end or to the end of the input, in which case the state is kept
 * and the next call enters there; so a step is entered in the middle as well as at its start, and
 * there is no second way through for input that comes in one piece. What a step answers depends on
 * the bytes alone, never on how they were cut: limits are offsets at which reading stops, and
 * whatever is wrong first is what is reported.
 *
 * Ways to fail: a byte that can not stand where it is, reported at once; a rule about a whole part
 * (host, framing), reported when that part is complete; a limit. */
#include "http/parser.h"

#include "http/authority.h"
#include "http/method.h"
#include "util/ascii.h"

enum state {
    STATE_START,     /* before the first byte */
    STATE_START_LF,  /* behind the CR of an empty line */
    STATE_AFTER,     /* behind an empty line */
    STATE_METHOD,    /* inside the method */
    STATE_TARGET,    /* before the first byte of the target */
    STATE_ASTERISK,  /* behind '*' */
    STATE_SCHEME,    /* inside "http://" or "https://" */
    STATE_AUTHORITY, /* inside an authority */
    STATE_PATH,      /* inside the path */
    STATE_QUERY,     /* behind '?' */
    STATE_VERSION,   /* inside "HTTP/1.1" */
    STATE_LINE_CR,   /* behind the version */
    STATE_LINE_LF,   /* behind the CR of the request line */
    STATE_FIELDS,    /* in the field section */
    STATE_DONE,
    STATE_REJECTED
};

/* No method in the registry of IANA is longer than 17. */
enum { METHOD_BYTES_MAX = 32 };

/* The bytes of one feed. */
struct input {
    const char *base; /* first byte of the head */
    const char *at;   /* next to read */
    const char *stop; /* behind the last that may be read: the end of the input or of the limit */
};

/* What a step answers: go on with the next one, or leave the machine. */
enum step { NEXT, LEAVE };

static enum step reject(struct rh_parser *p, enum rh_rule rule)
{
    p->rule = rule;
    p->state = STATE_REJECTED;
    return LEAVE;
}

static inline enum step wait_in(struct rh_parser *p, enum state state)
{
    p->state = (uint8_t)state;
    return LEAVE;
}

void rh_parser_init(struct rh_parser *p, struct rh_field *fields,
                    const struct rh_head_limits *limits)
{
    memset(p, 0, sizeof *p);
    p->fields = fields;
    p->limits = limits;
    rh_section_init(&p->section, fields, limits->fields_max);
}

bool rh_parser_has_begun(const struct rh_parser *p)
{
    return p->state >= STATE_METHOD;
}

/* RFC 9112 §2.2: at least one empty line before the request line is to be ignored; one is. */
static enum step read_empty_line(struct rh_parser *p, struct input *in)
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
        p->mark = (uint16_t)(in->at - in->base);
        return NEXT;
    }
}

static inline enum step read_method(struct rh_parser *p, struct input *in)
{
    const char *first = in->base + p->mark;
    const char *limit = in->stop - first > METHOD_BYTES_MAX ? first + METHOD_BYTES_MAX : in->stop;
    in->at = rh_scan_token(in->base, in->at, limit);
    if (RH_UNLIKELY(in->at == in->stop)) {
        return wait_in(p, STATE_METHOD);
    }
    if (RH_UNLIKELY(*in->at != ' ')) {
        return reject(p, in->at == limit && rh_char_is(*in->at, RH_CHAR_TOKEN)
                             ? RH_RULE_METHOD_LONG
                             : RH_RULE_METHOD_CHAR);
    }
    if (RH_UNLIKELY(in->at == first)) {
        return reject(p, RH_RULE_METHOD_CHAR);
    }
    enum rh_method method = rh_method_find((struct rh_slice){first, (size_t)(in->at - first)});
    if (RH_UNLIKELY(method == RH_METHODS)) {
        return reject(p, RH_RULE_METHOD_UNKNOWN);
    }
    p->head.method = (uint8_t)method;
    in->at++;
    p->head.target_at = (uint16_t)(in->at - in->base);
    return NEXT;
}

/* Behind the last byte of the target stands the space at in->at. */
static inline enum step end_target(struct rh_parser *p, struct input *in)
{
    p->head.target_len = (uint16_t)(in->at - in->base - p->head.target_at);
    in->at++;
    p->mark = (uint16_t)(in->at - in->base);
    return NEXT;
}

/* Why this byte can not stand in a target. */
static enum step reject_target(struct rh_parser *p, char c)
{
    switch (c) {
    case '#':
        return reject(p, RH_RULE_TARGET_FRAGMENT);
    case '\r':
    case '\n':
        return reject(p, RH_RULE_VERSION_MISSING);
    default:
        return reject(p, RH_RULE_TARGET_CHAR);
    }
}

/* No byte is left, or the limit of the target stands before the next one. */
static enum step end_of_span(struct rh_parser *p, const struct input *in, enum state state)
{
    return in->at == in->stop ? wait_in(p, state) : reject(p, RH_RULE_TARGET_LONG);
}

/* Where the bytes of the target must end; the space behind it may stand there. */
static inline const char *target_limit(const struct rh_parser *p, const struct input *in)
{
    const char *first = in->base + p->head.target_at;
    return in->stop - first > (ptrdiff_t)p->limits->target_bytes_max
               ? first + p->limits->target_bytes_max
               : in->stop;
}

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

/* The path is complete: in->at is behind it. */
static inline void end_path(struct rh_parser *p, const struct input *in)
{
    const char *first = in->base + p->head.path_at;
    p->head.path_len = (uint16_t)(in->at - first);
    p->head.path_is_plain = !p->percent && p->head.path_len > 0 &&
                            !(p->dots && has_dot_segment(first, in->at));
}

/* Path and query: pchar, '/', after '?' another '?', and '%' with two digits. The same loop reads
 * both; `state` says in which of them it begins. */
static inline enum step read_path(struct rh_parser *p, struct input *in, enum state state)
{
    const char *limit = target_limit(p, in);
    for (;;) {
        if (RH_UNLIKELY(p->percent_left > 0) && in->at < limit) {
            if (rh_ascii_hex(*in->at) < 0) {
                return reject(p, RH_RULE_TARGET_PERCENT);
            }
            p->percent_left--;
            in->at++;
            continue;
        }
        in->at = rh_scan_path(in->base, in->at, limit);
        if (RH_UNLIKELY(in->at >= limit) && (in->at == in->stop || *in->at != ' ')) {
            return end_of_span(p, in, state);
        }
        char c = *in->at;
        if (RH_LIKELY(c == ' ')) {
            if (RH_UNLIKELY(p->percent_left > 0)) {
                return reject(p, RH_RULE_TARGET_PERCENT);
            }
            if (state == STATE_PATH) {
                end_path(p, in);
            } else {
                p->head.query_len = (uint16_t)(in->at - in->base - p->head.query_at);
            }
            return end_target(p, in);
        }
        if (c == '.') {
            p->dots |= in->at[-1] == '/';
        } else if (c == '%') {
            p->percent |= state == STATE_PATH;
            p->percent_left = 2;
        } else if (c != '?') {
            return reject_target(p, c);
        } else if (state == STATE_PATH) {
            end_path(p, in);
            p->head.has_query = true;
            p->head.query_at = (uint16_t)(in->at + 1 - in->base);
            state = STATE_QUERY;
        }
        in->at++;
    }
}

/* "http://" or "https://", in either case (RFC 3986 §3.1); RFC 9110 §4.2 knows no others. */
static enum step read_scheme(struct rh_parser *p, struct input *in)
{
    const char *first = in->base + p->head.target_at;
    const char *limit = target_limit(p, in);
    while (in->at < limit) {
        size_t i = (size_t)(in->at - first);
        bool secure = i > 4 && (first[4] | 0x20) == 's';
        const char *scheme = secure || (i == 4 && *in->at != ':') ? "https://" : "http://";
        if ((scheme[i] >= 'a' ? rh_ascii_lower(*in->at) : *in->at) != scheme[i]) {
            return reject(p, RH_RULE_TARGET_FORM);
        }
        in->at++;
        if (scheme[i + 1] == '\0') {
            p->head.host_at = (uint16_t)(in->at - in->base);
            return NEXT;
        }
    }
    return end_of_span(p, in, STATE_SCHEME);
}

/* Host and port of an absolute target, or the whole target of CONNECT. */
static enum step read_authority(struct rh_parser *p, struct input *in)
{
    const char *limit = target_limit(p, in);
    bool absolute = p->head.form == RH_ABSOLUTE_FORM;
    while (in->at < limit && (rh_char_is(*in->at, RH_CHAR_REG_NAME) || *in->at == ':' ||
                              *in->at == '[' || *in->at == ']' || *in->at == '%')) {
        in->at++;
    }
    if (in->at == limit && (in->at == in->stop || *in->at != ' ')) {
        return end_of_span(p, in, STATE_AUTHORITY);
    }
    const char *first = in->base + p->head.host_at;
    struct rh_authority authority;
    struct rh_slice text = {first, (size_t)(in->at - first)};
    if (*in->at == '@') {
        /* RFC 9110 §4.2.4: user information in a URI from elsewhere is an error. */
        return reject(p, absolute ? RH_RULE_TARGET_AUTHORITY : RH_RULE_TARGET_CONNECT);
    }
    if (*in->at != ' ' && !(absolute && (*in->at == '/' || *in->at == '?'))) {
        return *in->at == '/' || *in->at == '?' ? reject(p, RH_RULE_TARGET_CONNECT)
                                                : reject_target(p, *in->at);
    }
    if (!rh_authority_parse(in->base, text, &authority) || (!absolute && authority.port.len == 0)) {
        return reject(p, absolute ? RH_RULE_TARGET_AUTHORITY : RH_RULE_TARGET_CONNECT);
    }
    p->head.host_len = (uint16_t)text.len;
    p->head.path_at = (uint16_t)(in->at - in->base);
    return NEXT;
}

/* RFC 9112 §3.2.4 */
static enum step read_asterisk(struct rh_parser *p, struct input *in)
{
    if (in->at == in->stop) {
        return wait_in(p, STATE_ASTERISK);
    }
    if (*in->at != ' ') {
        return *in->at == '\r' || *in->at == '\n' ? reject(p, RH_RULE_VERSION_MISSING)
                                                  : reject(p, RH_RULE_TARGET_FORM);
    }
    return end_target(p, in);
}

/* Goes on from an absolute or authority target, whose beginning was read. */
static enum step read_long_form(struct rh_parser *p, struct input *in, enum state state)
{
    if (state == STATE_SCHEME) {
        if (read_scheme(p, in) == LEAVE) {
            return LEAVE;
        }
    }
    if (read_authority(p, in) == LEAVE) {
        return LEAVE;
    }
    return *in->at == ' ' ? end_target(p, in) : read_path(p, in, STATE_PATH);
}

/* The first byte tells the form, but for CONNECT, which has one of its own. */
static enum step read_other_form(struct rh_parser *p, struct input *in)
{
    if (in->at == in->stop) {
        return wait_in(p, STATE_TARGET);
    }
    char c = *in->at;
    if (c == ' ' || c == '\t') {
        return reject(p, RH_RULE_REQUEST_SPACE);
    }
    if (c == '\r' || c == '\n') {
        return reject(p, RH_RULE_VERSION_MISSING);
    }
    if (p->head.method == RH_CONNECT) {
        p->head.form = RH_AUTHORITY_FORM;
        p->head.host_at = p->head.target_at;
        return read_long_form(p, in, STATE_AUTHORITY);
    }
    if (c == '*') {
        if (p->head.method != RH_OPTIONS) {
            return reject(p, RH_RULE_TARGET_ASTERISK);
        }
        p->head.form = RH_ASTERISK_FORM;
        in->at++;
        return read_asterisk(p, in);
    }
    p->head.form = RH_ABSOLUTE_FORM;
    return read_long_form(p, in, STATE_SCHEME);
}

static inline enum step read_target(struct rh_parser *p, struct input *in)
{
    if (RH_LIKELY(in->at < in->stop && *in->at == '/' && p->head.method != RH_CONNECT)) {
        p->head.path_at = p->head.target_at;
        return read_path(p, in, STATE_PATH);
    }
    return read_other_form(p, in);
}

/* RFC 9112 §2.3. Byte by byte where it did not come whole. */
static enum step read_version_slowly(struct rh_parser *p, struct input *in)
{
    static const char pattern[] = "HTTP/d.d";
    for (;;) {
        size_t i = (size_t)(in->at - in->base) - p->mark;
        if (i == sizeof pattern - 1) {
            break;
        }
        if (in->at == in->stop) {
            return wait_in(p, STATE_VERSION);
        }
        bool fits = pattern[i] == 'd' ? rh_ascii_is_digit(*in->at) : *in->at == pattern[i];
        if (!fits) {
            if (i > 0) {
                return reject(p, RH_RULE_VERSION_MALFORMED);
            }
            return reject(p, *in->at == ' ' || *in->at == '\t'     ? RH_RULE_REQUEST_SPACE
                             : *in->at == '\r' || *in->at == '\n' ? RH_RULE_VERSION_MISSING
                                                                   : RH_RULE_VERSION_MALFORMED);
        }
        in->at++;
    }
    if (in->at[-3] != '1') {
        return reject(p, RH_RULE_VERSION_UNSUPPORTED);
    }
    p->head.version_minor = in->at[-1] != '0';
    return NEXT;
}

static inline enum step read_version(struct rh_parser *p, struct input *in)
{
    if (RH_LIKELY(in->stop - in->at >= 8 && in->at == in->base + p->mark) &&
        RH_LIKELY(rh_word_is(in->at, "HTTP/1.1", 8))) {
        p->head.version_minor = 1;
        in->at += 8;
        return NEXT;
    }
    return read_version_slowly(p, in);
}

static inline enum step read_line_end(struct rh_parser *p, struct input *in, enum state state)
{
    if (state == STATE_LINE_CR) {
        if (RH_UNLIKELY(in->at == in->stop)) {
            return wait_in(p, STATE_LINE_CR);
        }
        if (RH_UNLIKELY(*in->at != '\r')) {
            return reject(p, *in->at == '\n' ? RH_RULE_BARE_LF : RH_RULE_REQUEST_END);
        }
        in->at++;
    }
    if (RH_UNLIKELY(in->at == in->stop)) {
        return wait_in(p, STATE_LINE_LF);
    }
    if (RH_UNLIKELY(*in->at != '\n')) {
        return reject(p, RH_RULE_BARE_CR);
    }
    in->at++;
    return NEXT;
}

/* RFC 9112 §3.2: one Host, valid; §3.2.2: beside an absolute target it is to be ignored by the
 * letter, but a request in which the two differ was made to be read in two ways. */
static enum rh_rule note_host(struct rh_parser *p, const char *base, struct rh_slice value)
{
    struct rh_authority host;
    if (p->has_host) {
        return RH_RULE_HOST_REPEATED;
    }
    p->has_host = true;
    if (!rh_authority_parse(base, value, &host)) {
        return RH_RULE_HOST_INVALID;
    }
    if (RH_LIKELY(p->head.form == RH_ORIGIN_FORM || p->head.form == RH_ASTERISK_FORM)) {
        p->head.host_at = (uint16_t)(value.base - base);
        p->head.host_len = (uint16_t)value.len;
        return RH_RULE_NONE;
    }
    struct rh_authority target;
    unsigned port = 0; /* CONNECT has none that is meant when it is not given */
    if (p->head.form == RH_ABSOLUTE_FORM) {
        port = p->head.host_at - p->head.target_at == 7 ? 80 : 443;
    }
    if (!rh_authority_parse(base, (struct rh_slice){base + p->head.host_at, p->head.host_len},
                            &target) ||
        !rh_authority_agrees(&host, &target, port)) {
        return RH_RULE_HOST_DIFFERS;
    }
    return RH_RULE_NONE;
}

/* RFC 9110 §7.6.1 */
static void note_connection(struct rh_parser *p, struct rh_slice list)
{
    struct rh_slice option;
    while (rh_ascii_list_next(&list, &option)) {
        if (option.len == 10 && rh_word_is_caseless(option.base, "keep-alive", 10)) {
            p->says_keep_alive = true;
        } else if (option.len == 5 && rh_word_is_caseless(option.base, "close", 5)) {
            p->says_close = true;
        } else if (option.len == 7 && rh_word_is_caseless(option.base, "upgrade", 7)) {
            p->says_upgrade = true;
        }
    }
}

/* A field that the parser itself must look into. */
static enum rh_rule note_field(struct rh_parser *p, const char *base, const struct rh_field *field)
{
    struct rh_slice value = {base + field->value_at, field->value_len};
    switch (field->id) {
    case RH_FIELD_HOST:
        return note_host(p, base, value);
    case RH_FIELD_CONTENT_LENGTH:
        return rh_framing_content_length(&p->framing, value);
    case RH_FIELD_TRANSFER_ENCODING:
        return rh_framing_transfer_encoding(&p->framing, value);
    case RH_FIELD_CONNECTION:
        note_connection(p, value);
        return RH_RULE_NONE;
    case RH_FIELD_EXPECT:
        /* RFC 9110 §10.1.1: HTTP/1.0 does not have it, there it is to be ignored. */
        if (p->head.version_minor > 0) {
            p->has_expect = true;
            return rh_ascii_is(value, "100-continue") ? RH_RULE_NONE : RH_RULE_EXPECT_UNKNOWN;
        }
        return RH_RULE_NONE;
    default:
        p->has_upgrade = true;
        return RH_RULE_NONE;
    }
}

/* The empty line was read: what is to be said about the head as a whole. */
static inline enum step end_head(struct rh_parser *p, struct input *in)
{
    struct rh_head *head = &p->head;
    if (RH_UNLIKELY(!p->has_host) && head->version_minor > 0) {
        return reject(p, RH_RULE_HOST_MISSING);
    }
    enum rh_rule rule = rh_framing_decide(&p->framing, head);
    if (RH_UNLIKELY(rule != RH_RULE_NONE)) {
        return reject(p, rule);
    }
    head->fields_n = p->section.fields_n;
    head->bytes = (uint16_t)(in->at - in->base);
    head->keep_alive = !p->says_close && (head->version_minor > 0 || p->says_keep_alive);
    head->expect_continue = p->has_expect && head->body_kind != RH_BODY_NONE;
    head->upgrade = p->has_upgrade && p->says_upgrade && head->version_minor > 0;
    p->state = STATE_DONE;
    return LEAVE;
}

static inline enum step read_fields(struct rh_parser *p, struct input *in)
{
    enum rh_rule rule = RH_RULE_NONE;
    for (;;) {
        switch (rh_section_line(&p->section, in->base, &in->at, in->stop, &rule)) {
        case RH_SECTION_FIELD: {
            const struct rh_field *field = &p->fields[p->section.fields_n - 1];
            if (field->id - 1U < RH_FIELD_UPGRADE) {
                rule = note_field(p, in->base, field);
                if (RH_UNLIKELY(rule != RH_RULE_NONE)) {
                    return reject(p, rule);
                }
            }
            break;
        }
        case RH_SECTION_MORE:
            return wait_in(p, STATE_FIELDS);
        case RH_SECTION_REJECT:
            return reject(p, rule);
        case RH_SECTION_DONE:
            return end_head(p, in);
        }
    }
}

/* The machine: enters where it left, and falls from one step into the next. */
static enum step run(struct rh_parser *p, struct input *in)
{
    enum state state = (enum state)p->state;
    enum step step = NEXT;
    switch (state) {
    case STATE_START:
    case STATE_START_LF:
    case STATE_AFTER:
        if (read_empty_line(p, in) == LEAVE) {
            return LEAVE;
        }
        RH_FALLTHROUGH;
    case STATE_METHOD:
        if (read_method(p, in) == LEAVE) {
            return LEAVE;
        }
        RH_FALLTHROUGH;
    case STATE_TARGET:
        step = read_target(p, in);
        break;
    case STATE_ASTERISK:
        step = read_asterisk(p, in);
        break;
    case STATE_SCHEME:
    case STATE_AUTHORITY:
        step = read_long_form(p, in, state);
        break;
    case STATE_PATH:
    case STATE_QUERY:
        step = read_path(p, in, state);
        break;
    case STATE_VERSION:
        break;
    case STATE_LINE_CR:
    case STATE_LINE_LF:
        goto line_end;
    case STATE_FIELDS:
        return read_fields(p, in);
    case STATE_DONE:
    case STATE_REJECTED:
        return LEAVE;
    }
    if (step == LEAVE || read_version(p, in) == LEAVE) {
        return LEAVE;
    }
    state = STATE_LINE_CR;
line_end:
    if (read_line_end(p, in, state) == LEAVE) {
        return LEAVE;
    }
    return read_fields(p, in);
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
        reject(p, p->state <= STATE_QUERY ? RH_RULE_TARGET_LONG : RH_RULE_HEAD_LONG);
    }
    return p->state == STATE_REJECTED ? RH_PARSE_REJECT : RH_PARSE_MORE;
}
