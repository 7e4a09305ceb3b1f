/* The steps of the head parser that read the request-target (RFC 9112 §3.2): a path with its query,
 * "*", or an absolute form with its authority. In a header because the parser's loop wants them
 * inlined. */
#ifndef RH_HTTP_H1_TARGET_H
#define RH_HTTP_H1_TARGET_H

#include "http/authority.h"
#include "http/h1/machine.h"
#include "http/scan.h"
#include "util/ascii.h"

/* Behind the last byte of the target stands the space at in->at. */
HOT enum step end_target(struct rh_parser *p, struct input *in)
{
    uint16_t end = offset(in, in->at);
    uint16_t len = (uint16_t)(end - p->head.target_at);
    if (RH_UNLIKELY(len > p->limits->target_bytes_max)) {
        return reject(p, RH_RULE_TARGET_LONG);
    }
    p->head.target_len = len;
    in->at++;
    return NEXT;
}

/* The target already has as many bytes as it may have; in->at is the next. */
HOT bool target_is_full(const struct rh_parser *p, const struct input *in)
{
    return in->at - in->base - p->head.target_at >= (ptrdiff_t)p->limits->target_bytes_max;
}

/* The input ends inside the target. */
COLD enum step wait_in_target(struct rh_parser *p, const struct input in, enum state state)
{
    if (in.at - in.base - p->head.target_at > (ptrdiff_t)p->limits->target_bytes_max) {
        return reject(p, RH_RULE_TARGET_LONG);
    }
    return wait_in(p, state);
}

/* Why this byte can not stand in a target. */
COLD enum step reject_target(struct rh_parser *p, char c)
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

/* RFC 3986 §5.2.4: "." and ".." segments are resolved before a path means anything. */
COLD bool has_dot_segment(const char *at, const char *stop)
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
HOT void end_path(struct rh_parser *p, const struct input *in)
{
    const char *first = in->base + p->head.path_at;
    p->head.path_len = (uint16_t)(in->at - first);
    p->head.path_is_plain = !p->notes.percent && in->at > first &&
                            !(RH_UNLIKELY(p->notes.dots) && has_dot_segment(first, in->at));
}

/* A byte of path or query that the scan leaves to us. */
static enum step read_mark(struct rh_parser *p, const struct input in)
{
    char c = *in.at;
    if (target_is_full(p, &in)) {
        return reject(p, RH_RULE_TARGET_LONG);
    }
    if (p->percent_left > 0) {
        p->percent_left--;
        return rh_ascii_hex(c) < 0 ? reject(p, RH_RULE_TARGET_PERCENT) : NEXT;
    }
    if (c == '.') {
        p->notes.dots |= in.at[-1] == '/';
    } else if (c == '%') {
        if (!p->head.has_query) { /* in the query one without digits means itself */
            p->notes.percent = true;
            p->percent_left = 2;
        }
    } else if (c != '?') {
        return reject_target(p, c);
    } else if (!p->head.has_query) {
        end_path(p, &in);
        p->head.has_query = true;
        p->head.query_at = (uint16_t)(in.at + 1 - in.base);
    }
    return NEXT;
}

/* Path and query: RH_CHAR_PATH, after '?' another '?', and '%', in the path with two digits. The
 * same loop reads both; has_query says in which of them it is. */
HOT enum step read_path(struct rh_parser *p, struct input *in)
{
    for (;;) {
        if (RH_LIKELY(p->percent_left == 0)) {
            in->at = rh_scan_path(in->base, in->at, in->stop);
        }
        if (RH_UNLIKELY(in->at == in->stop)) {
            return wait_in_target(p, *in, STATE_PATH);
        }
        if (RH_LIKELY(*in->at == ' ')) {
            break;
        }
        if (read_mark(p, *in) == LEAVE) {
            return LEAVE;
        }
        in->at++;
    }
    if (RH_UNLIKELY(p->percent_left > 0)) {
        return reject(p, RH_RULE_TARGET_PERCENT);
    }
    if (RH_LIKELY(!p->head.has_query)) {
        end_path(p, in);
    } else {
        p->head.query_len = (uint16_t)(offset(in, in->at) - p->head.query_at);
    }
    return end_target(p, in);
}

/* "http://" or "https://", in either case (RFC 3986 §3.1); RFC 9110 §4.2 knows no others. */
COLD enum step read_scheme(struct rh_parser *p, struct input *in)
{
    const char *first = in->base + p->head.target_at;
    while (in->at < in->stop) {
        size_t i = (size_t)(in->at - first);
        bool secure = i > 4 && (first[4] | 0x20) == 's';
        const char *scheme = secure || (i == 4 && *in->at != ':') ? "https://" : "http://";
        if (target_is_full(p, in)) {
            return reject(p, RH_RULE_TARGET_LONG);
        }
        if ((scheme[i] >= 'a' ? rh_ascii_lower(*in->at) : *in->at) != scheme[i]) {
            return reject(p, RH_RULE_TARGET_FORM);
        }
        in->at++;
        if (scheme[i + 1] == '\0') {
            p->head.host_at = offset(in, in->at);
            return NEXT;
        }
    }
    return wait_in_target(p, *in, STATE_SCHEME);
}

/* Host and port of an absolute target, or the whole target of CONNECT. */
COLD enum step read_authority(struct rh_parser *p, struct input *in)
{
    bool absolute = p->head.form == RH_ABSOLUTE_FORM;
    enum rh_rule rule = absolute ? RH_RULE_TARGET_AUTHORITY : RH_RULE_TARGET_CONNECT;
    while (in->at < in->stop && (rh_char_is(*in->at, RH_CHAR_REG_NAME) || *in->at == ':' ||
                                 *in->at == '[' || *in->at == ']' || *in->at == '%')) {
        in->at++;
    }
    if (in->at == in->stop) {
        return wait_in_target(p, *in, STATE_AUTHORITY);
    }
    char c = *in->at;
    const char *first = in->base + p->head.host_at;
    struct rh_authority authority;
    struct rh_slice text = {first, (size_t)(in->at - first)};
    bool full = target_is_full(p, in);
    if (full && (c != ' ' ||
                 in->at - in->base - p->head.target_at > (ptrdiff_t)p->limits->target_bytes_max)) {
        return reject(p, RH_RULE_TARGET_LONG);
    }
    if (c == '@' || (!absolute && (c == '/' || c == '?'))) {
        /* RFC 9110 §4.2.4: user information in a URI from elsewhere is an error. */
        return reject(p, rule);
    }
    if (c != ' ' && c != '/' && c != '?') {
        return reject_target(p, c);
    }
    if (!rh_authority_parse(in->base, text, &authority) || (!absolute && authority.port.len == 0)) {
        return reject(p, rule);
    }
    p->head.host_len = (uint16_t)text.len;
    p->head.path_at = offset(in, in->at);
    return NEXT;
}

/* RFC 9112 §3.2.4 */
COLD enum step read_asterisk(struct rh_parser *p, struct input *in)
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

/* Goes on in a target whose beginning was read. */
COLD enum step read_rest_of_target(struct rh_parser *p, struct input *in, enum state state)
{
    if (state == STATE_SCHEME) {
        if (read_scheme(p, in) == LEAVE) {
            return LEAVE;
        }
        state = STATE_AUTHORITY;
    }
    if (state == STATE_AUTHORITY) {
        if (read_authority(p, in) == LEAVE) {
            return LEAVE;
        }
        if (*in->at == ' ') {
            return end_target(p, in);
        }
    }
    return state == STATE_ASTERISK ? read_asterisk(p, in) : read_path(p, in);
}

/* The first byte tells the form, but for CONNECT, which has one of its own. */
COLD enum step read_other_form(struct rh_parser *p, struct input *in)
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
        return read_rest_of_target(p, in, STATE_AUTHORITY);
    }
    if (c == '*') { /* that the method is OPTIONS is checked at the end: the version comes first */
        p->head.form = RH_ASTERISK_FORM;
        p->notes.seldom = true;
        in->at++;
        return read_asterisk(p, in);
    }
    p->head.form = RH_ABSOLUTE_FORM;
    return read_rest_of_target(p, in, STATE_SCHEME);
}

HOT enum step read_target(struct rh_parser *p, struct input *in)
{
    if (RH_LIKELY(in->at < in->stop && *in->at == '/' && p->head.method != RH_CONNECT)) {
        p->head.path_at = p->head.target_at;
        return read_path(p, in);
    }
    struct input copy = *in;
    enum step step = read_other_form(p, &copy);
    in->at = copy.at;
    return step;
}

#endif
