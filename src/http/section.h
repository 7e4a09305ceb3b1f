/* Field lines up to the empty line: the header section of a head and the trailer section of a
 * chunked body are the same grammar (RFC 9112 §5, §7.1.2) and so the same machine. It lives in a
 * header because the parser's loop wants it inlined. */
#ifndef RH_HTTP_SECTION_H
#define RH_HTTP_SECTION_H

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

/* Which rule a byte breaks that ends a field name and is no colon. */
static inline enum rh_rule rh_section_name_rule(char c)
{
    switch (c) {
    case ' ':
    case '\t':
        return RH_RULE_FIELD_NAME_SPACE;
    case '\r':
    case '\n':
        return RH_RULE_FIELD_NO_COLON;
    default:
        return RH_RULE_FIELD_NAME_CHAR;
    }
}

/* The rule for a line that does not begin with a name. */
static inline enum rh_rule rh_section_line_rule(const struct rh_section *section, char c)
{
    if (c == ' ' || c == '\t') {
        return section->fields_n > 0 ? RH_RULE_FIELD_FOLD : RH_RULE_FIELD_FIRST_SPACE;
    }
    return c == '\n' ? RH_RULE_BARE_LF : RH_RULE_FIELD_NAME_EMPTY;
}

static RH_ALWAYS_INLINE enum rh_section_step
rh_section_stop(struct rh_section *section, enum rh_section_state state)
{
    section->state = (uint8_t)state;
    return RH_SECTION_MORE;
}

/* Reads one line from *inout_at. Offsets count from `base`. */
static RH_ALWAYS_INLINE enum rh_section_step rh_section_line(struct rh_section *section,
                                                             const char *base,
                                                             const char **inout_at,
                                                             const char *stop,
                                                             enum rh_rule *ret_rule)
{
    const char *at = *inout_at;
    struct rh_field *field = &section->fields[section->fields_n];
    enum rh_section_state state = (enum rh_section_state)section->state;
    section->state = RH_SECTION_LINE;
    switch (state) {
    case RH_SECTION_LINE:
        if (RH_UNLIKELY(at == stop)) {
            return RH_SECTION_MORE;
        }
        if (*at == '\r') {
            at++;
            goto end_lf;
        }
        if (RH_UNLIKELY(!rh_char_is(*at, RH_CHAR_TOKEN))) {
            *ret_rule = *at == ':' || *at == ' ' || *at == '\t' || *at == '\n'
                            ? rh_section_line_rule(section, *at)
                            : RH_RULE_FIELD_NAME_CHAR;
            return RH_SECTION_REJECT;
        }
        if (RH_UNLIKELY(section->fields_n == section->fields_max)) {
            *ret_rule = RH_RULE_FIELDS_MANY;
            return RH_SECTION_REJECT;
        }
        field->name_at = (uint16_t)(at - base);
        RH_FALLTHROUGH;
    case RH_SECTION_NAME:
        at = rh_scan_token(base, at, stop);
        if (RH_UNLIKELY(at == stop)) {
            *inout_at = at;
            return rh_section_stop(section, RH_SECTION_NAME);
        }
        if (RH_UNLIKELY(*at != ':')) {
            *ret_rule = rh_section_name_rule(*at);
            return RH_SECTION_REJECT;
        }
        field->name_len = (uint16_t)(at - base - field->name_at);
        field->id = (uint8_t)rh_field_classify(
            (struct rh_slice){base + field->name_at, field->name_len});
        at++;
        RH_FALLTHROUGH;
    case RH_SECTION_SPACE:
        while (at < stop && (*at == ' ' || *at == '\t')) {
            at++;
        }
        if (RH_UNLIKELY(at == stop)) {
            *inout_at = at;
            return rh_section_stop(section, RH_SECTION_SPACE);
        }
        field->value_at = (uint16_t)(at - base);
        RH_FALLTHROUGH;
    case RH_SECTION_VALUE:
        at = rh_scan_value(base, at, stop);
        if (RH_UNLIKELY(at == stop)) {
            *inout_at = at;
            return rh_section_stop(section, RH_SECTION_VALUE);
        }
        if (RH_UNLIKELY(*at != '\r')) {
            *ret_rule = *at == '\n' ? RH_RULE_BARE_LF : RH_RULE_FIELD_VALUE_CHAR;
            return RH_SECTION_REJECT;
        }
        {
            const char *end = at;
            while (end > base + field->value_at && (end[-1] == ' ' || end[-1] == '\t')) {
                end--;
            }
            field->value_len = (uint16_t)(end - base - field->value_at);
        }
        at++;
        RH_FALLTHROUGH;
    case RH_SECTION_VALUE_LF:
        if (RH_UNLIKELY(at == stop)) {
            *inout_at = at;
            return rh_section_stop(section, RH_SECTION_VALUE_LF);
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
        if (RH_UNLIKELY(at == stop)) {
            *inout_at = at;
            return rh_section_stop(section, RH_SECTION_END_LF);
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
