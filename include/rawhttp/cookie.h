/* Cookies (RFC 6265): read what a browser sends, write what it shall keep, and values that nobody
 * can change because they are signed. Pure functions, for any thread. */
#ifndef RAWHTTP_COOKIE_H
#define RAWHTTP_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawhttp/error.h>
#include <rawhttp/export.h>
#include <rawhttp/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Takes the next cookie off the front of *rest, which begins as the value of a Cookie field (RFC
 * 6265 §4.2.1); quotes around a value are taken away. A piece whose name is no token, or whose
 * value holds a control byte, is skipped. False at the end. */
RH_API bool rh_cookie_next(struct rh_slice *rest, struct rh_slice *ret_name,
                           struct rh_slice *ret_value);

/* The value of the first cookie called `name` (case matters), absent if there is none. Browsers
 * send the one with the longest path first (RFC 6265 §5.4). */
RH_API struct rh_slice rh_cookie_find(struct rh_slice field, const char *name);

enum rh_same_site {
    RH_SAME_SITE_LAX,
    RH_SAME_SITE_STRICT,
    RH_SAME_SITE_NONE,  /* also with requests from other sites: needs `secure` */
    RH_SAME_SITE_UNSET, /* says nothing: browsers take Lax */
};

/* A cookie to set. */
struct rh_cookie {
    const char *name;
    struct rh_slice value;
    const char *path;    /* NULL: the folder of the request's path */
    const char *domain;  /* NULL: only the host that set it */
    int64_t max_age_s;   /* how long it is kept; 0: remove it; negative: until the browser closes */
    bool secure;         /* only over https */
    bool http_only;      /* hidden from scripts */
    enum rh_same_site same_site;
};

/* Fills in the defaults: path `/`, HttpOnly, SameSite=Lax, until the browser closes. Set `secure`
 * wherever the site has https. */
RH_API void rh_cookie_init(struct rh_cookie *cookie, const char *name, struct rh_slice value);

/* Writes the value of a Set-Cookie field to `out` (with a NUL when there is room) and returns its
 * length. RH_EFIELD: a name, value or attribute that may not stand there (RFC 6265 §4.1.1: a value
 * has no space, quote, comma, semicolon or backslash: encode or sign it), SameSite=None without
 * `secure`, or a `__Secure-`/`__Host-` name without what it promises. RH_ENOROOM: it is longer
 * than `size`, or longer than the 4096 bytes that browsers take. */
RH_API ptrdiff_t rh_cookie_format(const struct rh_cookie *cookie, char *out, size_t size);

/* --- signed values --- */

enum {
    RH_COOKIE_KEYS_MAX = 8,
    RH_COOKIE_KEY_BYTES_MIN = 32, /* as long as the code: RFC 2104 §3 */
    RH_COOKIE_SIGNED_MAX = 4000,  /* the longest signed value */
};

/* The keys: the first signs, all verify. To rotate, put a new one first and drop the last once
 * what it signed has expired. The bytes stay the caller's and must outlive this. */
struct rh_cookie_keys {
    struct rh_slice keys[RH_COOKIE_KEYS_MAX];
    size_t count;
};

enum rh_cookie_check {
    RH_COOKIE_GOOD,
    RH_COOKIE_MALFORMED, /* not a signed value at all */
    RH_COOKIE_FORGED,    /* no key made this signature for this name */
    RH_COOKIE_EXPIRED,   /* it was good */
    RH_COOKIE_FAILED,    /* a key is too short, `out` too small, or memory ran out */
};

/* How much room a signed value of `value_len` bytes needs, at most. */
#define RH_COOKIE_SIGNED_BYTES(value_len) (((value_len) + 2) / 3 * 4 + 66)

/* Signs `value` for the cookie called `name`, good until `expires_s` (seconds since 1970): writes
 * `value.expires.code` in base64url, fit for rh_cookie_format, and returns its length. The value
 * can be read by whoever has it, but not changed, moved to another name, or kept longer.
 * RH_ECONFIG: no key, or one under 32 bytes; RH_ENOROOM. */
RH_API ptrdiff_t rh_cookie_sign(const struct rh_cookie_keys *keys, const char *name,
                                struct rh_slice value, int64_t expires_s, char *out, size_t size);

/* Verifies what sign made, at the time `now_s`; writes the value to `out` with its length in
 * *ret_len when it is good. Compares in constant time. */
RH_API enum rh_cookie_check rh_cookie_verify(const struct rh_cookie_keys *keys, const char *name,
                                             struct rh_slice text, int64_t now_s, char *out,
                                             size_t size, size_t *ret_len);

#ifdef __cplusplus
}
#endif
#endif
