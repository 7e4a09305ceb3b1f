/* Basic authentication (RFC 7617). Whatever is wrong with the credentials, the peer hears the same:
 * 401 and the challenge. */
#include <stdio.h>
#include <string.h>

#include "app/middleware/middleware.h"
#include "rawhttp/respond.h"
#include "util/ascii.h"
#include "util/digest.h"

struct prepared {
    rh_basic_fn check;
    void *data;
    char challenge[RH_BASIC_CHALLENGE_BYTES];
};

/* Base64 with its padding (RFC 4648 §4): strict, one spelling for each value. Length, or -1. */
static ptrdiff_t base64_decode(struct rh_slice text, char *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t padding = 0;
    while (padding < 2 && text.len > 0 && text.base[text.len - 1] == '=') {
        text.len--;
        padding++;
    }
    if ((text.len + padding) % 4 != 0 || text.len % 4 == 1) {
        return -1;
    }
    uint32_t bits = 0;
    unsigned count = 0;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *found = text.base[i] == '\0' ? NULL : strchr(alphabet, text.base[i]);
        if (found == NULL) {
            return -1;
        }
        bits = bits << 6 | (uint32_t)(found - alphabet);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[len++] = (char)(bits >> count & 0xff);
        }
    }
    return (bits & ((1u << count) - 1)) != 0 ? -1 : (ptrdiff_t)len;
}

bool rh_basic_read(struct rh_exchange *x, char buffer[RH_BASIC_BYTES_MAX + 1],
                   struct rh_slice *ret_user, struct rh_slice *ret_password)
{
    struct rh_slice field = rh_request_field(x, "authorization");
    if (field.len < 6 || !rh_ascii_is((struct rh_slice){field.base, 6}, "basic ")) {
        return false;
    }
    struct rh_slice token = rh_ascii_trim((struct rh_slice){field.base + 6, field.len - 6});
    if (token.len > RH_BASIC_BYTES_MAX) {
        return false;
    }
    ptrdiff_t len = base64_decode(token, buffer);
    char *colon = len <= 0 ? NULL : memchr(buffer, ':', (size_t)len);
    if (colon == NULL || memchr(buffer, '\0', (size_t)len) != NULL) {
        return false;
    }
    *ret_user = (struct rh_slice){buffer, (size_t)(colon - buffer)};
    *ret_password = (struct rh_slice){colon + 1, (size_t)len - ret_user->len - 1};
    return true;
}

bool rh_basic_challenge(char out[RH_BASIC_CHALLENGE_BYTES], const char *realm)
{
    return realm != NULL && strpbrk(realm, "\"\\\r\n") == NULL &&
           snprintf(out, RH_BASIC_CHALLENGE_BYTES, "Basic realm=\"%s\", charset=\"UTF-8\"", realm) <
               RH_BASIC_CHALLENGE_BYTES;
}

static bool passes(struct rh_exchange *x, const struct prepared *prepared)
{
    char credentials[RH_BASIC_BYTES_MAX + 1];
    struct rh_slice user;
    struct rh_slice password;
    bool ok = rh_basic_read(x, credentials, &user, &password) &&
              prepared->check(prepared->data, user, password) != 0;
    if (ok) {
        credentials[user.len] = '\0';
        rh_exchange_set_user(x, credentials);
    }
    explicit_bzero(credentials, sizeof credentials);
    return ok;
}

static void authenticate(struct rh_exchange *x, void *data)
{
    const struct prepared *prepared = data;
    if (passes(x, prepared)) {
        rh_next(x);
    } else {
        rh_respond_unauthorized(x, prepared->challenge, NULL);
    }
}

void rh_use_basic_auth(struct rh_app *app, struct rh_group *group, const char *realm,
                       rh_basic_fn check, void *data)
{
    struct prepared *prepared = rh_middleware_alloc(app, sizeof *prepared);
    if (prepared == NULL) {
        rh_middleware_add(app, group, authenticate, NULL); /* says what is wrong with the app */
        return;
    }
    prepared->check = check;
    prepared->data = data;
    if (check == NULL || !rh_basic_challenge(prepared->challenge, realm)) {
        rh_app_spoil(app, RH_ECONFIG,
                     "basic auth: it needs a check, and a short realm without quotes");
        return;
    }
    rh_middleware_add(app, group, authenticate, prepared);
}

int rh_same_bytes(struct rh_slice a, struct rh_slice b)
{
    return a.len == b.len && (a.len == 0 || rh_digest_equal(a.base, b.base, a.len));
}
