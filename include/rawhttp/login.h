/* Logins in signed cookies: who is logged in stands in the cookie itself, with a signature that
 * only the server can make (cookie.h). Nothing is stored: any server with the keys knows the login,
 * and none can take it back before it ends, except by `is_revoked`. To throw everybody out, change
 * the keys. On the loop's thread, like all of an exchange. */
#ifndef RAWHTTP_LOGIN_H
#define RAWHTTP_LOGIN_H

#include <rawhttp/app.h>
#include <rawhttp/cookie.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { RH_LOGIN_USER_BYTES_MAX = 256 };

/* How logins are kept. Texts are kept by pointer, keys are copied. */
struct rh_login {
    size_t size;
    struct rh_cookie_keys
        keys;         /* 32 random bytes or more each; the first signs, all verify: see there */
    const char *name; /* of the cookie: "login" */
    const char *path; /* "/" */
    const char *page; /* where a browser that must log in is sent; NULL: nowhere, it gets 401 */
    uint32_t lasts_s; /* how long a login lasts after its cookie was last set: 43,200 (12 h) */
    uint32_t renew_after_s; /* a cookie older than this is set anew by the next request: 3,600; 0:
                               never */
    uint32_t
        total_s; /* how long a login lasts in all, renewed or not: 604,800 (7 days); 0: no end */
    enum rh_same_site same_site; /* RH_SAME_SITE_LAX: other sites' forms cannot act for the user */
    /* Returns 1 if the login of `user` that began at `begun_s` (seconds since 1970, by its password,
     * not by a renewal) is void: somebody logged out everywhere, changed the password or left. It is
     * then as if the cookie were not there. Runs for each request with a good cookie, on the loop's
     * thread of the request: look into memory, do not wait. NULL: no login is taken back. */
    int (*is_revoked)(void *data, struct rh_slice user, int64_t begun_s);
    void *revoked_data; /* for it; the caller owns it and keeps it as long as the app */
};
RH_API void rh_login_init_sized(struct rh_login *login, size_t size);
#define rh_login_init(login) rh_login_init_sized((login), sizeof *(login))

/* Middleware that learns who is logged in, and lets everybody pass. A cookie that is forged,
 * expired or malformed is as if it were not there, with a line in the debug log; of several with
 * the name the first good one counts. Answers get `Vary: Cookie`. `group` as in middleware.h.
 * RH_ECONFIG spoils the app: no keys, or short ones, a name that is none. */
RH_API void rh_use_login(struct rh_app *app, struct rh_group *group, const struct rh_login *login);
/* Middleware behind that one: whoever is not logged in gets no further. A browser that asks for a
 * page (GET or HEAD, with HTML rather than JSON in its Accept) is sent to the login page by 303,
 * with the target in the query as `next`; everybody else gets 401. */
RH_API void rh_use_login_required(struct rh_app *app, struct rh_group *group);

/* Who is logged in, absent: nobody (or rh_use_login does not run for this route). Lives as long as
 * the exchange. */
RH_API struct rh_slice rh_login_user(struct rh_exchange *x);
/* Logs `user` in (1 to 256 bytes, copied): the answer sets the cookie, HttpOnly, SameSite, and
 * Secure where the exchange is https (a proxy that speaks https is one: rh_use_proxies). Check the
 * password first. 0; RH_ESTATE without rh_use_login or after the answer; RH_EFIELD for a user that
 * is empty or too long; RH_ENOROOM. */
RH_API int rh_login_start(struct rh_exchange *x, struct rh_slice user);
/* Logs out: the answer removes the cookie. A copy of it that somebody took stays good until it
 * expires. As start. */
RH_API int rh_login_end(struct rh_exchange *x);
/* The `next` of this request's query where it is a target on this server ("/path?query"), else
 * absent: a link to another site that looks like ours is how people are led away. For the redirect
 * behind a login. */
RH_API struct rh_slice rh_login_next(struct rh_exchange *x);

#ifdef __cplusplus
}
#endif
#endif
