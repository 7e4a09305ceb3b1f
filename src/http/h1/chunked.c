/* Happy path: SIZE, CR, LF, DATA, CR, LF and again, until a size of 0 leads to the trailer section.
 * Extensions are read by their grammar and forgotten: no one has asked for any, and one that is
 * not understood must be ignored (RFC 9112 §7.1.1).
 *
 * Ways to fail: anything that is not the grammar, to the byte (a reader that skips two bytes behind
 * a chunk without looking at them is how requests are smuggled); a size that does not fit; too many
 * bytes that are no content; a trailer section that is too long. */
#include "http/h1/chunked.h"

#include "util/ascii.h"

enum state {
    STATE_SIZE,       /* in the digits */
    STATE_SIZE_SPACE, /* white space behind them or behind a value: only ';' may follow */
    STATE_NAME_SPACE, /* behind ';' */
    STATE_NAME,       /* in the name of an extension */
    STATE_AFTER_NAME, /* white space behind it: '=' or ';' follows */
    STATE_EQUALS,     /* behind '=' */
    STATE_VALUE,      /* in a value that is a token */
    STATE_QUOTED,     /* in a quoted string */
    STATE_ESCAPED,    /* behind '\' in it */
    STATE_AFTER_QUOTED,
    STATE_SIZE_LF, /* behind the CR of a size line */
    STATE_DATA,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_TRAILERS,
    STATE_DONE,
    STATE_REJECTED
};

void rh_chunked_init(struct rh_chunked *c, struct rh_field *trailers,
                     const struct rh_chunk_limits *limits)
{
    static struct rh_field none; /* an address to count from; never written, since 0 may be read */
    memset(c, 0, sizeof *c);
    c->limits = limits;
    rh_section_init(&c->section, trailers != NULL ? trailers : &none,
                    trailers != NULL ? limits->trailers_max : 0);
}

static enum rh_chunk reject(struct rh_chunked *c, enum rh_rule rule)
{
    c->rule = rule;
    c->state = STATE_REJECTED;
    return RH_CHUNK_REJECT;
}

/* The next state of a size line after the byte `b`, or STATE_REJECTED. White space is allowed where
 * the grammar has BWS, and so only around what an extension brings with it. */
static enum state size_line_next(enum state state, char b)
{
    bool space = b == ' ' || b == '\t';
    bool token = rh_char_is(b, RH_CHAR_TOKEN);
    switch (state) {
    case STATE_SIZE_SPACE:
        return space ? STATE_SIZE_SPACE : b == ';' ? STATE_NAME_SPACE : STATE_REJECTED;
    case STATE_NAME_SPACE:
        return space ? STATE_NAME_SPACE : token ? STATE_NAME : STATE_REJECTED;
    case STATE_NAME:
        if (token) {
            return STATE_NAME;
        }
        return b == '\r'  ? STATE_SIZE_LF
               : b == '=' ? STATE_EQUALS
               : b == ';' ? STATE_NAME_SPACE
               : space    ? STATE_AFTER_NAME
                          : STATE_REJECTED;
    case STATE_AFTER_NAME:
        return space      ? STATE_AFTER_NAME
               : b == '=' ? STATE_EQUALS
               : b == ';' ? STATE_NAME_SPACE
                          : STATE_REJECTED;
    case STATE_EQUALS:
        return space      ? STATE_EQUALS
               : b == '"' ? STATE_QUOTED
               : token    ? STATE_VALUE
                          : STATE_REJECTED;
    case STATE_QUOTED:
        return b == '"'                        ? STATE_AFTER_QUOTED
               : b == '\\'                     ? STATE_ESCAPED
               : rh_char_is(b, RH_CHAR_QUOTED) ? STATE_QUOTED
                                               : STATE_REJECTED;
    case STATE_ESCAPED:
        return rh_char_is(b, RH_CHAR_VALUE) ? STATE_QUOTED : STATE_REJECTED;
    case STATE_VALUE:
        if (token) {
            return STATE_VALUE;
        }
        RH_FALLTHROUGH;
    default: /* STATE_AFTER_QUOTED */
        return b == '\r'  ? STATE_SIZE_LF
               : b == ';' ? STATE_NAME_SPACE
               : space    ? STATE_SIZE_SPACE
                          : STATE_REJECTED;
    }
}

/* One byte of the size itself. */
static enum rh_rule read_digit(struct rh_chunked *c, char b)
{
    int digit = rh_ascii_hex(b);
    if (digit >= 0) {
        if (c->left >> 59 != 0) { /* sums of sizes must fit as well */
            return RH_RULE_CHUNK_OVERFLOW;
        }
        c->left = c->left << 4 | (uint64_t)digit;
        c->digits = 1;
    } else if (c->digits == 0) {
        return RH_RULE_CHUNK_SIZE;
    } else if (b == '\r') {
        c->state = STATE_SIZE_LF;
    } else if (b == ';') {
        c->state = STATE_NAME_SPACE;
    } else if (b == ' ' || b == '\t') {
        c->state = STATE_SIZE_SPACE;
    } else {
        return b == '\n' ? RH_RULE_BARE_LF : RH_RULE_CHUNK_SIZE;
    }
    return RH_RULE_NONE;
}

/* Reads one byte that is no content. */
static enum rh_rule read_byte(struct rh_chunked *c, char b)
{
    if (++c->overhead > c->limits->overhead_bytes_max + c->content * 8) {
        return RH_RULE_CHUNK_OVERHEAD;
    }
    switch ((enum state)c->state) {
    case STATE_SIZE:
        return read_digit(c, b);
    case STATE_SIZE_LF:
        if (b != '\n') {
            return RH_RULE_BARE_CR;
        }
        c->state = c->left > 0 ? STATE_DATA : STATE_TRAILERS;
        return RH_RULE_NONE;
    case STATE_DATA_CR:
        c->state = STATE_DATA_LF;
        return b == '\r' ? RH_RULE_NONE : RH_RULE_CHUNK_END;
    case STATE_DATA_LF:
        c->state = STATE_SIZE;
        c->digits = 0;
        return b == '\n' ? RH_RULE_NONE : RH_RULE_CHUNK_END;
    default:
        c->state = (uint8_t)size_line_next((enum state)c->state, b);
        if (c->state == STATE_REJECTED) {
            return b == '\n' ? RH_RULE_BARE_LF : RH_RULE_CHUNK_EXTENSION;
        }
        return RH_RULE_NONE;
    }
}

/* RFC 9110 §6.5.1: fields that frame or route a message can not come after it. They would be kept
 * apart here and do no harm, but whoever sends them hopes for a reader that merges. */
static bool is_forbidden(enum rh_field_id id)
{
    return id == RH_FIELD_CONTENT_LENGTH || id == RH_FIELD_TRANSFER_ENCODING ||
           id == RH_FIELD_HOST || id == RH_FIELD_TRAILER || id == RH_FIELD_CONNECTION;
}

/* The trailer section begins at `base`. */
static enum rh_chunk read_trailers(struct rh_chunked *c, const char *base, size_t len,
                                   size_t *ret_bytes)
{
    size_t limit = c->limits->trailer_bytes_max;
    const char *at = base + c->trailer_at;
    const char *stop = base + (len < limit ? len : limit);
    enum rh_section_step step;
    enum rh_rule rule = RH_RULE_NONE;
    enum rh_section_state state = (enum rh_section_state)c->section.state;
    do {
        step = rh_section_line(&c->section, state, base, &at, stop, &rule);
        state = RH_SECTION_LINE;
        if (step == RH_SECTION_FIELD &&
            is_forbidden((enum rh_field_id)c->section.fields[c->section.fields_n - 1].id)) {
            return reject(c, RH_RULE_TRAILER_FORBIDDEN);
        }
    } while (step == RH_SECTION_FIELD);
    c->trailer_at = (uint32_t)(at - base);
    switch (step) {
    case RH_SECTION_DONE:
        c->trailers_n = c->section.fields_n;
        c->state = STATE_DONE;
        *ret_bytes = c->trailer_at;
        return RH_CHUNK_DONE;
    case RH_SECTION_REJECT:
        return reject(c, rule == RH_RULE_FIELDS_MANY ? RH_RULE_TRAILERS_MANY : rule);
    default:
        return c->trailer_at == limit ? reject(c, RH_RULE_TRAILER_LONG) : RH_CHUNK_MORE;
    }
}

uint64_t rh_chunked_announced(const struct rh_chunked *c)
{
    return c->state == STATE_DATA ? c->left : 0;
}

enum rh_chunk rh_chunked_feed(struct rh_chunked *c, const char *base, size_t len, size_t *ret_used,
                              struct rh_slice *ret_data, size_t *ret_trailers_at)
{
    size_t at = 0;
    size_t trailer_bytes = 0;
    enum rh_chunk answer = RH_CHUNK_MORE;
    *ret_used = 0;
    if (c->state == STATE_REJECTED) {
        return RH_CHUNK_REJECT;
    }
    if (c->state == STATE_DONE) {
        *ret_trailers_at = 0;
        return RH_CHUNK_DONE;
    }
    while (at < len && c->state != STATE_DATA && c->state != STATE_TRAILERS) {
        enum rh_rule rule = read_byte(c, base[at]);
        if (RH_UNLIKELY(rule != RH_RULE_NONE)) {
            *ret_used = at;
            return reject(c, rule);
        }
        at++;
    }
    if (c->state == STATE_DATA && at < len) {
        size_t n = len - at < c->left ? len - at : (size_t)c->left;
        *ret_data = (struct rh_slice){base + at, n};
        c->left -= n;
        c->content += n;
        at += n;
        if (c->left == 0) {
            c->state = STATE_DATA_CR;
        }
        answer = RH_CHUNK_DATA;
    } else if (c->state == STATE_TRAILERS) {
        answer = read_trailers(c, base + at, len - at, &trailer_bytes);
        *ret_trailers_at = at;
    }
    *ret_used = at + trailer_bytes;
    return answer;
}
