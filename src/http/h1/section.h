/* Field lines up to the empty line: the header section of a head and the trailer section of a
 * chunked body are the same grammar (RFC 9112 §5, §7.1.2) and so the same machine. It lives in a
 * header because the parser's loop wants it inlined. */
#ifndef RH_HTTP_H1_SECTION_H
#define RH_HTTP_H1_SECTION_H

#include "http/head.h"
#include "http/rule.h"
#include "http/scan.h"

/* Where the machine stands between two calls. */
enum rh_section_state {
    RH_SECTION_LINE,     /* before the first byte of a line */
    RH_SECTION_NAME,     /* inside a field name */
    RH_SECTION_SPACE,    /* behind the colon, before the value */
    RH_SECTION_VALUE,    /* inside the value */
    RH_SECTION_VALUE_LF, /* behind the CR of a field line */
    RH_SECTION_END_LF    /* behind the CR of the empty line */
};

struct rh_section {
    struct rh_field *fields; /* the caller's; the one being read is fields[fields_n] */
    uint16_t fields_n;
    uint16_t fields_max;
    uint8_t state; /* enum rh_section_state */
};

enum rh_section_step {
    RH_SECTION_MORE,  /* everything up to `stop` is used */
    RH_SECTION_FIELD, /* fields[fields_n - 1] is new */
    RH_SECTION_DONE,  /* the empty line was read */
    RH_SECTION_REJECT /* *ret_rule says why */
};

static inline void rh_section_init(struct rh_section *section, struct rh_field *fields,
                                   uint16_t fields_max)
{
    section->fields = fields;
    section->fields_n = 0;
    section->fields_max = fields_max;
    section->state = RH_SECTION_LINE;
}

/* Why this is no name and colon: `c` stands behind `len` bytes of a token. */
static __attribute__((noinline, cold, unused)) enum rh_rule
rh_section_name_rule(const struct rh_section *section, size_t len, char c)
{
    if (c == ' ' || c == '\t') {
        return len > 0                 ? RH_RULE_FIELD_NAME_SPACE
               : section->fields_n > 0 ? RH_RULE_FIELD_FOLD
                                       : RH_RULE_FIELD_FIRST_SPACE;
    }
    if (c == '\r' || c == '\n') {
        return len > 0 ? RH_RULE_FIELD_NO_COLON : RH_RULE_BARE_LF;
    }
    return c == ':' ? RH_RULE_FIELD_NAME_EMPTY : RH_RULE_FIELD_NAME_CHAR;
}

static inline bool rh_section_is_space(char c)
{
    return c == ' ' || c == '\t';
}

static RH_ALWAYS_INLINE enum rh_section_step rh_section_wait(struct rh_section *section,
                                                             enum rh_section_state state)
{
    section->state = (uint8_t)state;
    return RH_SECTION_MORE;
}

/* Reads one line from *inout_at, which always ends behind the last byte that was used. Offsets
 * count from `base`. `state` is section->state: a caller that loops over lines may say
 * RH_SECTION_LINE for all but the first. */
static RH_ALWAYS_INLINE enum rh_section_step
rh_section_line(struct rh_section *section, enum rh_section_state state, const char *base,
                const char **inout_at, const char *stop, enum rh_rule *ret_rule)
{
    const char *at = *inout_at;
    const char *first = at; /* of the name, then of the value */
    struct rh_field *field = &section->fields[section->fields_n];
    switch (state) {
    case RH_SECTION_LINE:
        if (RH_UNLIKELY(at == stop)) {
            return rh_section_wait(section, RH_SECTION_LINE);
        }
        if (*at == '\r') {
            at++;
            goto end_lf;
        }
        if (RH_UNLIKELY(section->fields_n == section->fields_max)) {
            *ret_rule = rh_char_is(*at, RH_CHAR_TOKEN) ? RH_RULE_FIELDS_MANY
                                                       : rh_section_name_rule(section, 0, *at);
            return RH_SECTION_REJECT;
        }
        field->name_at = (uint16_t)(at - base);
        goto name;
    case RH_SECTION_NAME:
        first = base + field->name_at;
    name:
        *inout_at = at = rh_scan_token(base, at, stop);
        if (RH_UNLIKELY(at == stop)) {
            return rh_section_wait(section, RH_SECTION_NAME);
        }
        if (RH_UNLIKELY(*at != ':' || at == first)) {
            *ret_rule = rh_section_name_rule(section, (size_t)(at - first), *at);
            return RH_SECTION_REJECT;
        }
        field->name_len = (uint16_t)(at - first);
        field->id = (uint8_t)rh_field_classify((struct rh_slice){first, (size_t)(at - first)});
        at++;
        if (RH_LIKELY(stop - at >= 2 && at[0] == ' ' && at[1] > ' ')) {
            first = at + 1; /* one space, as nearly everybody writes it */
            field->value_at = (uint16_t)(first - base);
            at = first;
            goto value;
        }
        RH_FALLTHROUGH;
    case RH_SECTION_SPACE:
        while (at < stop && rh_section_is_space(*at)) {
            at++;
        }
        *inout_at = at;
        if (at == stop) {
            return rh_section_wait(section, RH_SECTION_SPACE);
        }
        field->value_at = (uint16_t)(at - base);
        RH_FALLTHROUGH;
    case RH_SECTION_VALUE:
        first = base + field->value_at;
    value:
        *inout_at = at = rh_scan_value(base, at, stop);
        if (RH_UNLIKELY(at == stop)) {
            return rh_section_wait(section, RH_SECTION_VALUE);
        }
        if (RH_UNLIKELY(*at != '\r')) {
            *ret_rule = *at == '\n' ? RH_RULE_BARE_LF : RH_RULE_FIELD_VALUE_CHAR;
            return RH_SECTION_REJECT;
        }
        {
            const char *end = at;
            while (RH_UNLIKELY(rh_section_is_space(end[-1])) && end > first) {
                end--;
            }
            field->value_len = (uint16_t)(end - first);
        }
        at++;
        RH_FALLTHROUGH;
    case RH_SECTION_VALUE_LF:
        *inout_at = at;
        if (RH_UNLIKELY(at == stop)) {
            return rh_section_wait(section, RH_SECTION_VALUE_LF);
        }
        if (RH_UNLIKELY(*at != '\n')) {
            *ret_rule = RH_RULE_BARE_CR;
            return RH_SECTION_REJECT;
        }
        *inout_at = at + 1;
        section->fields_n++;
        return RH_SECTION_FIELD;
    case RH_SECTION_END_LF:
    end_lf:
        *inout_at = at;
        if (RH_UNLIKELY(at == stop)) {
            return rh_section_wait(section, RH_SECTION_END_LF);
        }
        if (RH_UNLIKELY(*at != '\n')) {
            *ret_rule = RH_RULE_BARE_CR;
            return RH_SECTION_REJECT;
        }
        *inout_at = at + 1;
        return RH_SECTION_DONE;
    }
    __builtin_unreachable();
}

#endif
