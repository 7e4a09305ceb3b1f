/* Cookies in and out. What a browser sends is read leniently in what it holds (scripts set values
 * that no RFC allows) and strictly in how it is cut; what we send is strict. */
#include "rawhttp/cookie.h"

#include <stdio.h>

#include "http/chars.h"
#include "util/ascii.h"
#include "util/digest.h"

enum {
    COOKIE_BYTES_MAX = 4096, /* RFC 6265 §6.1 */
    CODE_LENGTH = 43,        /* of a code in base64url */
};

static bool is_token(struct rh_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!rh_char_is(text.base[i], RH_CHAR_TOKEN)) {
            return false;
        }
    }
    return text.len > 0;
}

/* --- in --- */

static bool take_pair(struct rh_slice pair, struct rh_slice *ret_name, struct rh_slice *ret_value)
{
    const char *equals = pair.len > 0 ? memchr(pair.base, '=', pair.len) : NULL;
    if (equals == NULL) {
        return false;
    }
    size_t name_len = (size_t)(equals - pair.base);
    struct rh_slice name = rh_ascii_trim((struct rh_slice){pair.base, name_len});
    struct rh_slice value = rh_ascii_trim((struct rh_slice){equals + 1, pair.len - name_len - 1});
    if (value.len >= 2 && value.base[0] == '"' && value.base[value.len - 1] == '"') {
        value.base++;
        value.len -= 2;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!rh_char_is(value.base[i], RH_CHAR_VALUE)) {
            return false;
        }
    }
    if (!is_token(name)) {
        return false;
    }
    *ret_name = name;
    *ret_value = value;
    return true;
}

bool rh_cookie_next(struct rh_slice *rest, struct rh_slice *ret_name, struct rh_slice *ret_value)
{
    while (rest->len > 0) {
        const char *semicolon = memchr(rest->base, ';', rest->len);
        size_t len = semicolon != NULL ? (size_t)(semicolon - rest->base) : rest->len;
        struct rh_slice pair = {rest->base, len};
        size_t used = semicolon != NULL ? len + 1 : len;
        rest->base += used;
        rest->len -= used;
        if (take_pair(pair, ret_name, ret_value)) {
            return true;
        }
    }
    return false;
}

struct rh_slice rh_cookie_find(struct rh_slice field, const char *name)
{
    struct rh_slice found_name;
    struct rh_slice value;
    while (rh_cookie_next(&field, &found_name, &value)) {
        if (rh_slice_is(found_name, name)) {
            return value;
        }
    }
    return (struct rh_slice){NULL, 0};
}

/* --- out --- */

void rh_cookie_init(struct rh_cookie *cookie, const char *name, struct rh_slice value)
{
    memset(cookie, 0, sizeof(*cookie));
    cookie->name = name;
    cookie->value = value;
    cookie->path = "/";
    cookie->max_age_s = -1;
    cookie->http_only = true;
    cookie->same_site = RH_SAME_SITE_LAX;
}

/* cookie-octet, RFC 6265 §4.1.1. */
static bool is_value(struct rh_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.base[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\') {
            return false;
        }
    }
    return true;
}

static bool is_path(const char *path)
{
    for (const char *at = path; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == ';') {
            return false;
        }
    }
    return path[0] == '/';
}

static bool is_domain(const char *domain)
{
    return domain[0] != '\0' && rh_ascii_all_alnum_or(rh_slice_from(domain), "-.");
}

static bool starts_with(const char *name, const char *prefix)
{
    return rh_ascii_is((struct rh_slice){name, strnlen(name, strlen(prefix))}, prefix);
}

/* Browsers drop a cookie that breaks one of these without a word: better that it fails here. */
static bool is_honest(const struct rh_cookie *cookie)
{
    bool is_host = starts_with(cookie->name, "__host-");
    if ((is_host || starts_with(cookie->name, "__secure-")) && !cookie->secure) {
        return false;
    }
    if (is_host &&
        (cookie->domain != NULL || cookie->path == NULL || strcmp(cookie->path, "/") != 0)) {
        return false;
    }
    return cookie->same_site != RH_SAME_SITE_NONE || cookie->secure;
}

ptrdiff_t rh_cookie_format(const struct rh_cookie *cookie, char *out, size_t size)
{
    static const char *const same_sites[] = {"; SameSite=Lax", "; SameSite=Strict",
                                             "; SameSite=None", ""};
    char max_age[48] = "";
    if (!is_token(rh_slice_from(cookie->name)) || !is_value(cookie->value) ||
        (cookie->path != NULL && !is_path(cookie->path)) ||
        (cookie->domain != NULL && !is_domain(cookie->domain)) || !is_honest(cookie)) {
        return RH_EFIELD;
    }
    if (cookie->value.len > COOKIE_BYTES_MAX) {
        return RH_ENOROOM;
    }
    if (cookie->max_age_s >= 0) {
        snprintf(max_age, sizeof(max_age), "; Max-Age=%lld", (long long)cookie->max_age_s);
    }
    int len = snprintf(
        out, size, "%s=%.*s%s%s%s%s%s%s%s%s", cookie->name, (int)cookie->value.len,
        cookie->value.base != NULL ? cookie->value.base : "", cookie->path != NULL ? "; Path=" : "",
        cookie->path != NULL ? cookie->path : "", cookie->domain != NULL ? "; Domain=" : "",
        cookie->domain != NULL ? cookie->domain : "", max_age, cookie->secure ? "; Secure" : "",
        cookie->http_only ? "; HttpOnly" : "", same_sites[cookie->same_site]);
    return len < 0 || len > COOKIE_BYTES_MAX || (size_t)len >= size ? RH_ENOROOM : len;
}

/* --- signed values --- */

static bool are_keys(const struct rh_cookie_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->keys[i].len < RH_COOKIE_KEY_BYTES_MIN) {
            return false;
        }
    }
    return keys->count > 0 && keys->count <= RH_COOKIE_KEYS_MAX;
}

/* The code covers the cookie's name too: a value signed for one cookie is no good in another. A
 * name is a token, so the `=` behind it is where it ends. */
static int code_of(struct rh_slice key, const char *name, struct rh_slice text,
                   unsigned char ret_code[RH_SHA256_BYTES])
{
    char covered[COOKIE_BYTES_MAX + 512];
    size_t name_len = strlen(name);
    if (name_len + 1 + text.len > sizeof(covered)) {
        return -1;
    }
    memcpy(covered, name, name_len); /* NOLINT(bugprone-not-null-terminated-result) */
    covered[name_len] = '=';
    memcpy(covered + name_len + 1, text.base, text.len);
    return rh_hmac_sha256(key, (struct rh_slice){covered, name_len + 1 + text.len}, ret_code);
}

ptrdiff_t rh_cookie_sign(const struct rh_cookie_keys *keys, const char *name, struct rh_slice value,
                         int64_t expires_s, char *out, size_t size)
{
    unsigned char code[RH_SHA256_BYTES];
    if (!are_keys(keys) || expires_s < 0) {
        return RH_ECONFIG;
    }
    size_t len = rh_base64url_length(value.len);
    if (value.len > RH_COOKIE_SIGNED_MAX || RH_COOKIE_SIGNED_BYTES(value.len) > size ||
        RH_COOKIE_SIGNED_BYTES(value.len) > RH_COOKIE_SIGNED_MAX) {
        return RH_ENOROOM;
    }
    rh_base64url_encode(value, out);
    out[len++] = '.';
    len += rh_ascii_from_u64(out + len, (uint64_t)expires_s);
    if (code_of(keys->keys[0], name, (struct rh_slice){out, len}, code) != 0) {
        return RH_ENOROOM;
    }
    out[len++] = '.';
    rh_base64url_encode((struct rh_slice){(const char *)code, sizeof(code)}, out + len);
    return (ptrdiff_t)len + CODE_LENGTH;
}

/* Takes `value.expires.code` apart. */
static bool take_signed(struct rh_slice text, struct rh_slice *ret_value, uint64_t *ret_expires_s,
                        unsigned char ret_code[RH_SHA256_BYTES])
{
    if (text.len < CODE_LENGTH + 3 || text.len > RH_COOKIE_SIGNED_MAX) {
        return false;
    }
    struct rh_slice covered = {text.base, text.len - CODE_LENGTH - 1};
    struct rh_slice code = {covered.base + covered.len + 1, CODE_LENGTH};
    const char *dot = memchr(covered.base, '.', covered.len);
    if (dot == NULL || covered.base[covered.len] != '.' ||
        rh_base64url_decode(code, ret_code) != RH_SHA256_BYTES) {
        return false;
    }
    *ret_value = (struct rh_slice){covered.base, (size_t)(dot - covered.base)};
    return rh_ascii_to_u64((struct rh_slice){dot + 1, covered.len - ret_value->len - 1},
                           ret_expires_s);
}

enum rh_cookie_check rh_cookie_verify(const struct rh_cookie_keys *keys, const char *name,
                                      struct rh_slice text, int64_t now_s, char *out, size_t size,
                                      size_t *ret_len)
{
    unsigned char given[RH_SHA256_BYTES + 1];
    unsigned char expected[RH_SHA256_BYTES];
    struct rh_slice value = {NULL, 0};
    uint64_t expires_s = 0;
    bool is_good = false;
    if (!are_keys(keys)) {
        return RH_COOKIE_FAILED;
    }
    if (!take_signed(text, &value, &expires_s, given)) {
        return RH_COOKIE_MALFORMED;
    }
    struct rh_slice covered = {text.base, text.len - CODE_LENGTH - 1};
    for (size_t i = 0; i < keys->count; i++) { /* all of them: the time tells nothing about which */
        if (code_of(keys->keys[i], name, covered, expected) != 0) {
            return RH_COOKIE_FAILED;
        }
        is_good |= rh_digest_equal(given, expected, RH_SHA256_BYTES);
    }
    if (!is_good) {
        return RH_COOKIE_FORGED;
    }
    if (now_s < 0 || (uint64_t)now_s >= expires_s) {
        return RH_COOKIE_EXPIRED;
    }
    if (value.len * 3 / 4 > size) {
        return RH_COOKIE_FAILED;
    }
    ptrdiff_t len = rh_base64url_decode(value, out);
    if (len < 0) {
        return RH_COOKIE_MALFORMED;
    }
    *ret_len = (size_t)len;
    return RH_COOKIE_GOOD;
}
