/* Happy path: neither field, and there is no content (RFC 9112 §6.3, 7); one Content-Length; or
 * Transfer-Encoding that is "chunked" and nothing else. Everything else is refused, where the RFC
 * allows to mend it as well: two readers that mend differently are what a smuggler needs. */
#include "http/h1/framing.h"

#include "http/scan.h"
#include "util/ascii.h"

/* RFC 9112 §6.3, 5: a list of equal values may be taken as one, or refused as we do. Digits only:
 * no sign, no space, no comma, no hexadecimal. */
enum rh_rule rh_framing_content_length(struct rh_framing *framing, struct rh_slice value)
{
    if (framing->has_length) {
        return RH_RULE_CL_REPEATED;
    }
    if (value.len == 0) {
        return RH_RULE_CL_MALFORMED;
    }
    uint64_t length = 0;
    bool overflow = false;
    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned)(value.base[i] - '0');
        if (digit > 9) {
            return RH_RULE_CL_MALFORMED;
        }
        /* RFC 9110 §8.6: a number that does not fit must not become a smaller one. Half of the
         * range is kept free so that sums of lengths and offsets fit as well. */
        if (length > ((uint64_t)INT64_MAX - digit) / 10) {
            overflow = true;
        } else {
            length = length * 10 + digit;
        }
    }
    if (overflow) {
        return RH_RULE_CL_OVERFLOW;
    }
    framing->has_length = true;
    framing->content_length = length;
    return RH_RULE_NONE;
}

/* One element of the list, OWS trimmed. */
static enum rh_rule coding(struct rh_framing *framing, struct rh_slice name)
{
    bool again = framing->is_chunked;
    if (!rh_field_name_is_valid(name)) {
        /* An empty element, a parameter, a quote. RFC 9110 §5.6.1.2 lets a recipient choose how
         * many empty elements are reasonable: here it is none. */
        return RH_RULE_TE_MALFORMED;
    }
    if (!rh_ascii_is(name, "chunked")) {
        return again ? RH_RULE_TE_NOT_LAST : RH_RULE_TE_UNKNOWN;
    }
    if (again) {
        return RH_RULE_TE_REPEATED;
    }
    framing->is_chunked = true;
    return RH_RULE_NONE;
}

/* RFC 9112 §6.1: codings other than chunked may be answered with 501, and are: a body that we can
 * not decode is of no use to a handler. §6.3, 4: where chunked is not the last, 400. */
enum rh_rule rh_framing_transfer_encoding(struct rh_framing *framing, struct rh_slice value)
{
    framing->has_coding = true;
    for (size_t at = 0;;) {
        size_t end = at;
        while (end < value.len && value.base[end] != ',') {
            end++;
        }
        struct rh_slice name = {value.base + at, end - at};
        enum rh_rule rule = coding(framing, rh_ascii_trim(name));
        if (rule != RH_RULE_NONE) {
            return rule;
        }
        if (end == value.len) {
            return RH_RULE_NONE;
        }
        at = end + 1;
    }
}

enum rh_rule rh_framing_decide(const struct rh_framing *framing, struct rh_head *head)
{
    if (framing->has_coding) {
        if (head->version_minor == 0) {
            /* §6.1: an HTTP/1.0 peer does not know the coding; somebody in between lied. */
            return RH_RULE_TE_IN_1_0;
        }
        if (framing->has_length) {
            /* §6.1: might be an attempt at smuggling; a server may refuse, and must close. */
            return RH_RULE_CL_WITH_TE;
        }
        head->body_kind = RH_BODY_CHUNKED;
    } else if (framing->content_length > 0) {
        head->body_kind = RH_BODY_LENGTH;
        head->content_length = framing->content_length;
    } else {
        head->body_kind = RH_BODY_NONE;
        return RH_RULE_NONE;
    }
    if (head->method == RH_TRACE) {
        /* RFC 9110 §9.3.8: a client must not send content in it. */
        return RH_RULE_TRACE_CONTENT;
    }
    return RH_RULE_NONE;
}
