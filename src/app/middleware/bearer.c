/* Bearer tokens (RFC 6750). The happy path: one field, one token, and whoever verifies it says
 * accept, now or later. What a refusal says depends on how far it came: no token, no error code; a
 * malformed one, invalid_request; a bad one, invalid_token; one that may not do this,
 * insufficient_scope (§3.1). */
#include <stdio.h>
#include <string.h>

#include "app/middleware/middleware.h"
#include "rawhttp/auth.h"
#include "rawhttp/log.h"
#include "util/ascii.h"
#include "util/digest.h"

enum { REALM_MAX = 128, TOKENS_MAX = 256, TEXT_MAX = 256 };

struct rh_bearer {
    rh_bearer_fn verify;
    void *data;
    const char *realm;
};

struct tokens {
    size_t count;
    unsigned char digests[][RH_SHA256_BYTES];
};

/* --- Refusals --- */

/* What may stand between quotes without an escape (§3: %x20-21 / %x23-5B / %x5D-7E). */
static bool is_quotable(const char *text)
{
    size_t len = 0;
    for (; text[len] != '\0'; len++) {
        unsigned char c = (unsigned char)text[len];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            return false;
        }
    }
    return len <= TEXT_MAX;
}

/* Each of the four may be NULL but `bearer`. */
static void refuse(struct rh_exchange *x, const struct rh_bearer *bearer, unsigned status,
                   const char *error, const char *name, const char *value)
{
    char challenge[REALM_MAX + TEXT_MAX + 96];
    if (value != NULL && !is_quotable(value)) {
        value = NULL;
    }
    snprintf(challenge, sizeof challenge, "Bearer realm=\"%s\"%s%s%s%s%s%s%s%s", bearer->realm,
             error != NULL ? ", error=\"" : "", error != NULL ? error : "",
             error != NULL ? "\"" : "", value != NULL ? ", " : "", value != NULL ? name : "",
             value != NULL ? "=\"" : "", value != NULL ? value : "", value != NULL ? "\"" : "");
    RH_IGNORE(rh_response_set(x, "WWW-Authenticate", challenge));
    rh_respond_error(x, status, NULL);
}

/* That of the middleware which asked last: the chain runs one after the other. */
static const struct rh_bearer *bearer_of(struct rh_exchange *x)
{
    const struct rh_app_state *state = *rh_exchange_app_slot(x);
    if (state == NULL || state->bearer == NULL) {
        rh_exchange_log(x, RH_LOG_ERROR,
                        "rh_bearer_… outside of rh_use_bearer: the exchange is refused");
        rh_respond_error(x, 500, NULL);
        return NULL;
    }
    return state->bearer;
}

void rh_bearer_accept(struct rh_exchange *x, const char *user)
{
    if (bearer_of(x) == NULL) {
        return;
    }
    if (user != NULL) {
        rh_exchange_set_user(x, user);
    }
    rh_next(x);
}

void rh_bearer_reject(struct rh_exchange *x, const char *why)
{
    const struct rh_bearer *bearer = bearer_of(x);
    if (bearer != NULL) {
        refuse(x, bearer, 401, "invalid_token", "error_description", why);
    }
}

void rh_bearer_forbid(struct rh_exchange *x, const char *scope)
{
    const struct rh_bearer *bearer = bearer_of(x);
    if (bearer != NULL) {
        refuse(x, bearer, 403, "insufficient_scope", "scope", scope);
    }
}

/* --- The field --- */

/* b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" (§2.1). */
static bool is_token(struct rh_slice text)
{
    while (text.len > 0 && text.base[text.len - 1] == '=') {
        text.len--;
    }
    return text.len > 0 && rh_ascii_all_alnum_or(text, "-._~+/");
}

/* The one Authorization field; false where there are several (§3.1: a request must not use more
 * than one method). */
static bool find_field(struct rh_exchange *x, struct rh_slice *ret_field)
{
    size_t found = 0;
    struct rh_slice name;
    struct rh_slice value;
    *ret_field = (struct rh_slice){NULL, 0};
    for (size_t i = 0; i < rh_request_fields(x); i++) {
        rh_request_field_at(x, i, &name, &value);
        if (rh_ascii_is(name, "authorization")) {
            *ret_field = value;
            found++;
        }
    }
    return found <= 1;
}

static void ask(struct rh_exchange *x, void *data)
{
    enum { SCHEME = 6 };
    const struct rh_bearer *bearer = data;
    struct rh_slice field;
    bool is_single = find_field(x, &field);
    bool is_bearer = field.len >= SCHEME &&
                     rh_ascii_is((struct rh_slice){field.base, SCHEME}, "bearer") &&
                     (field.len == SCHEME || field.base[SCHEME] == ' ');
    if (!is_single) {
        refuse(x, bearer, 400, "invalid_request", "error_description",
               "more than one Authorization field");
        return;
    }
    if (!is_bearer) {
        refuse(x, bearer, 401, NULL, NULL, NULL);
        return;
    }
    struct rh_slice token =
        rh_ascii_trim((struct rh_slice){field.base + SCHEME, field.len - SCHEME});
    if (!is_token(token)) {
        refuse(x, bearer, 400, "invalid_request", "error_description", "the token is malformed");
        return;
    }
    struct rh_app_state *state = rh_app_state(x); /* there is one: a chain runs */
    state->bearer = bearer;
    bearer->verify(x, token, bearer->data);
}

void rh_use_bearer(struct rh_app *app, struct rh_group *group, const char *realm,
                   rh_bearer_fn verify, void *data)
{
    struct rh_bearer *bearer = rh_middleware_alloc(app, sizeof *bearer);
    if (bearer != NULL) {
        *bearer = (struct rh_bearer){verify, data, realm};
        if (verify == NULL || realm == NULL || !is_quotable(realm) || strlen(realm) >= REALM_MAX) {
            rh_app_spoil(
                app, RH_ECONFIG,
                "bearer: it needs a function that verifies, and a short realm without quotes");
            return;
        }
    }
    rh_middleware_add(app, group, ask, bearer);
}

/* --- A fixed list --- */

static bool digest(struct rh_slice token, unsigned char ret_digest[RH_SHA256_BYTES])
{
    struct rh_sha256 sha;
    if (rh_sha256_init(&sha) != 0) {
        return false;
    }
    rh_sha256_update(&sha, token);
    rh_sha256_finish(&sha, ret_digest);
    rh_sha256_fini(&sha);
    return true;
}

/* Digests have one length, so that neither the length of a token nor where it differs can be
 * measured. */
static void verify_listed(struct rh_exchange *x, struct rh_slice token, void *data)
{
    const struct tokens *tokens = data;
    unsigned char given[RH_SHA256_BYTES];
    bool is_listed = false;
    if (!digest(token, given)) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    for (size_t i = 0; i < tokens->count; i++) {
        is_listed |= rh_digest_equal(given, tokens->digests[i], RH_SHA256_BYTES);
    }
    if (is_listed) {
        rh_bearer_accept(x, NULL);
    } else {
        rh_bearer_reject(x, NULL);
    }
}

void rh_use_bearer_tokens(struct rh_app *app, struct rh_group *group, const char *realm,
                          const char *const *tokens)
{
    size_t count = 0;
    while (tokens != NULL && tokens[count] != NULL && count <= TOKENS_MAX) {
        count++;
    }
    struct tokens *list = rh_middleware_alloc(app, sizeof *list + count * sizeof list->digests[0]);
    for (size_t i = 0; list != NULL && i < count; i++) {
        if (!is_token(rh_slice_from(tokens[i])) ||
            !digest(rh_slice_from(tokens[i]), list->digests[list->count++])) {
            rh_app_spoil(app, RH_ECONFIG,
                         "bearer: token %zu of the list has a character that no token may have",
                         i + 1);
        }
    }
    if (list != NULL && (count == 0 || count > TOKENS_MAX)) {
        rh_app_spoil(app, RH_ECONFIG, "bearer: a list of 1 to %d tokens", TOKENS_MAX);
    }
    rh_use_bearer(app, group, realm, verify_listed, list);
}
