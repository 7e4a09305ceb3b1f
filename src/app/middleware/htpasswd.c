/* Basic authentication against a password file. A hash takes 50 ms and more, on purpose: so it is
 * made in the pool, a few at a time, while others wait in a line of bounded length, and who was let
 * in is remembered for a while. What is remembered is a code of user and password under a key of
 * this server alone, never the password.
 *
 *   asked --remembered--------------------------------------> passes
 *     |   `-remembered, file not looked at for a second-> in the pool (looks only)
 *     `-else--> in line --its turn--> in the pool (hashes) --> passes, or 401
 *                  `- the peer has left: out of line            (and remembered)
 *
 * Ways to fail: the line is full, 503 with Retry-After; no memory, 503; a file that can not be read
 * any more, the log, and what was read before stays. */
#include <stdlib.h>
#include <string.h>

#include "app/middleware/password_file.h"
#include "app/middleware/middleware.h"
#include "io/work.h"
#include "rawhttp/auth.h"
#include "rawhttp/log.h"
#include "rawhttp/respond.h"
#include "util/digest.h"
#include "util/options.h"

enum { REMEMBERED_MAX = 64, FRESH_MS = 1000, KEY_BYTES = 32, RETRY_S = 1 };

struct prepared {
    struct rh_htpasswd options;
    struct rh_htpasswd_file *file;
    char challenge[RH_BASIC_CHALLENGE_BYTES];
};

struct remembered {
    unsigned char code[RH_SHA256_BYTES];
    uint64_t until_ms; /* 0: free */
    unsigned generation;
};

/* What one server keeps for one middleware. */
struct home {
    struct rh_home base;
    unsigned char key[KEY_BYTES];
    uint64_t looked_ms;     /* when the file was looked at last */
    struct rh_link waiting; /* checks whose turn has not come */
    unsigned waiting_n;
    unsigned running_n;
    struct remembered remembered[REMEMBERED_MAX];
};

/* One exchange in line or in the pool. It holds the exchange, so the server, and the home, stay. */
struct check {
    struct rh_work work;
    struct rh_link link;
    struct home *home;
    struct rh_exchange *x;
    unsigned char code[RH_SHA256_BYTES];
    unsigned generation; /* for which the code is remembered; 0: it is not */
    bool is_waiting;
    bool passes;
    char note[RH_HTPASSWD_NOTE_BYTES];
    char credentials[RH_BASIC_BYTES_MAX + 1]; /* "user", NUL, "password", NUL */
    size_t user_len;
};

void rh_htpasswd_init_sized(struct rh_htpasswd *htpasswd, size_t size)
{
    static const struct rh_htpasswd defaults = {
        .realm = "restricted", .checks_max = 2, .waiting_max = 64, .remember_s = 60};
    rh_options_fill(htpasswd, size, &defaults, sizeof defaults);
}

/* --- The home --- */

static const struct prepared *prepared_of(const struct home *home)
{
    return home->base.prepared;
}

static bool home_init(struct rh_home *base)
{
    struct home *home = RH_CONTAINER_OF(base, struct home, base);
    rh_list_init(&home->waiting);
    return rh_random_bytes(home->key, sizeof home->key) == 0;
}

static void home_fini(struct rh_home *base)
{
    const struct home *home = RH_CONTAINER_OF(base, struct home, base);
    RH_ASSERT(home->running_n == 0 && home->waiting_n == 0);
}

static struct home *home_of(struct rh_exchange *x, const struct prepared *prepared)
{
    return rh_middleware_home(x, prepared, sizeof(struct home), home_init, home_fini);
}

static struct remembered *recall(struct home *home, const unsigned char code[RH_SHA256_BYTES],
                                 uint64_t now_ms)
{
    unsigned generation = rh_htpasswd_generation(prepared_of(home)->file);
    for (unsigned i = 0; i < REMEMBERED_MAX; i++) {
        struct remembered *one = &home->remembered[i];
        if (one->until_ms > now_ms && one->generation == generation &&
            rh_digest_equal(one->code, code, RH_SHA256_BYTES)) {
            return one;
        }
    }
    return NULL;
}

/* In the place of the one that would be forgotten first. */
static void remember(struct home *home, const struct check *check, uint64_t now_ms)
{
    struct remembered *oldest = &home->remembered[0];
    for (unsigned i = 1; i < REMEMBERED_MAX; i++) {
        if (home->remembered[i].until_ms < oldest->until_ms) {
            oldest = &home->remembered[i];
        }
    }
    memcpy(oldest->code, check->code, sizeof oldest->code);
    oldest->generation = check->generation;
    oldest->until_ms = now_ms + (uint64_t)prepared_of(home)->options.remember_s * 1000;
}

/* --- In the pool --- */

static void on_run(struct rh_work *work)
{
    struct check *check = RH_CONTAINER_OF(work, struct check, work);
    struct rh_htpasswd_file *file = prepared_of(check->home)->file;
    rh_htpasswd_look(file, check->note);
    unsigned generation = rh_htpasswd_generation(file);
    check->passes = check->generation == generation;
    if (!check->passes) { /* else it is remembered, and the file is as it was */
        struct rh_slice user = {check->credentials, check->user_len};
        check->generation = generation;
        check->passes = rh_htpasswd_verify(file, user, check->credentials + check->user_len + 1);
    }
}

static void check_free(struct check *check)
{
    RH_ASSERT(check != NULL); /* for compilers that follow the sanitizers' own questions */
    explicit_bzero(check, sizeof *check);
    free(check);
}

/* --- On the loop --- */

static void next_in_line(struct home *home);
static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data);

static void conclude(struct check *check, bool passes)
{
    struct rh_exchange *x = check->x;
    const struct prepared *prepared = prepared_of(check->home);
    if (passes) {
        rh_exchange_set_user(x, check->credentials);
    }
    check_free(check);
    if (passes) {
        rh_next(x);
    } else {
        rh_respond_unauthorized(x, prepared->challenge, NULL);
    }
}

static void on_done(struct rh_work *work, bool was_run)
{
    struct check *check = RH_CONTAINER_OF(work, struct check, work);
    struct home *home = check->home;
    struct rh_exchange *x = check->x;
    uint64_t now_ms = rh_exchange_now_ms(x);
    home->running_n--;
    rh_exchange_forget_abort(x, on_abort, check);
    if (was_run) {
        home->looked_ms = now_ms;
        if (check->note[0] != '\0') {
            rh_exchange_log(x, RH_LOG_ERROR, "%s; the passwords that were read before stay",
                            check->note);
        }
        if (check->passes && prepared_of(home)->options.remember_s > 0 &&
            recall(home, check->code, now_ms) == NULL) {
            remember(home, check, now_ms);
        }
    }
    next_in_line(home);
    if (was_run) {
        conclude(check, check->passes);
    } else { /* cancelled for a peer that has left: this ends the hold */
        check_free(check);
        rh_respond_error(x, 503, NULL);
    }
}

static void start(struct check *check)
{
    struct home *home = check->home;
    uv_loop_t *loop = rh_exchange_loop(check->x);
    home->running_n++;
    if (loop == NULL) { /* the driver in memory */
        on_run(&check->work);
        on_done(&check->work, true);
    } else if (rh_work_start(&check->work, loop, on_run, on_done) != 0) {
        on_done(&check->work, false);
    }
}

static void leave_line(struct check *check)
{
    rh_list_remove(&check->link);
    check->is_waiting = false;
    check->home->waiting_n--;
}

/* Whoever sent the same credentials as one that was let in meanwhile needs no turn. */
static void next_in_line(struct home *home)
{
    while (home->waiting_n > 0 && home->running_n < prepared_of(home)->options.checks_max) {
        struct check *check = RH_CONTAINER_OF(home->waiting.next, struct check, link);
        leave_line(check);
        if (recall(home, check->code, rh_exchange_now_ms(check->x)) != NULL) {
            rh_exchange_forget_abort(check->x, on_abort, check);
            conclude(check, true);
        } else {
            start(check);
        }
    }
}

/* A peer that sends no more may still read; one that is cut needs no answer. */
static void on_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    struct check *check = data;
    if (reason == RH_PEER_EOF) {
        return;
    }
    if (check->is_waiting) {
        leave_line(check);
        rh_exchange_forget_abort(x, on_abort, check);
        check_free(check);
        rh_exchange_release(x);
    } else {
        rh_work_cancel(&check->work);
    }
}

/* Takes a place in line, or in the pool. */
static void begin(struct rh_exchange *x, struct home *home, const struct check *draft)
{
    bool has_turn = home->waiting_n == 0 && home->running_n < prepared_of(home)->options.checks_max;
    struct check *check = has_turn || home->waiting_n < prepared_of(home)->options.waiting_max
                              ? malloc(sizeof *check)
                              : NULL;
    if (check == NULL) {
        rh_respond_unavailable(x, RETRY_S, NULL);
        return;
    }
    *check = *draft;
    check->home = home;
    check->x = x;
    rh_list_init(&check->link);
    if (rh_exchange_loop(x) != NULL) { /* in the driver the check is over before this returns */
        rh_exchange_hold(x);
        if (rh_exchange_on_abort(x, on_abort, check) != 0) {
            check_free(check);
            rh_respond_unavailable(x, RETRY_S, NULL);
            return;
        }
    }
    if (has_turn) {
        start(check);
    } else {
        check->is_waiting = true;
        home->waiting_n++;
        rh_list_push_back(&home->waiting, &check->link);
    }
}

static void authenticate(struct rh_exchange *x, void *data)
{
    const struct prepared *prepared = data;
    struct check draft = {.generation = 0};
    struct rh_slice user;
    struct rh_slice password;
    if (!rh_basic_read(x, draft.credentials, &user, &password)) {
        rh_respond_unauthorized(x, prepared->challenge, NULL);
        return;
    }
    struct home *home = home_of(x, prepared);
    struct rh_slice all = {draft.credentials, user.len + 1 + password.len};
    draft.user_len = user.len;
    draft.credentials[user.len] = '\0';
    draft.credentials[all.len] = '\0';
    if (home == NULL || rh_hmac_sha256((struct rh_slice){(const char *)home->key, sizeof home->key},
                                       all, draft.code) != 0) {
        rh_respond_unavailable(x, RETRY_S, NULL);
    } else {
        uint64_t now_ms = rh_exchange_now_ms(x);
        const struct remembered *known = recall(home, draft.code, now_ms);
        bool is_fresh = now_ms - home->looked_ms < FRESH_MS;
        /* Where all turns are taken, whoever has them looks at the file: who is known does not wait
         * behind them. */
        if (known != NULL && (is_fresh || home->running_n >= prepared->options.checks_max)) {
            rh_exchange_set_user(x, draft.credentials);
            rh_next(x);
        } else {
            draft.generation = known != NULL ? known->generation : 0;
            begin(x, home, &draft);
        }
    }
    explicit_bzero(&draft, sizeof draft);
}

/* --- Registration --- */

static void close_file(void *data)
{
    rh_htpasswd_close(data);
}

void rh_use_htpasswd(struct rh_app *app, struct rh_group *group, const struct rh_htpasswd *htpasswd)
{
    char note[RH_HTPASSWD_NOTE_BYTES];
    struct prepared *prepared = rh_middleware_alloc(app, sizeof *prepared);
    if (prepared == NULL) {
        rh_middleware_add(app, group, authenticate, NULL); /* says what is wrong with the app */
        return;
    }
    struct rh_htpasswd *options = &prepared->options;
    rh_htpasswd_init(options);
    rh_options_take(options, sizeof *options, htpasswd);
    if (options->file == NULL || options->checks_max == 0 ||
        !rh_basic_challenge(prepared->challenge, options->realm)) {
        rh_app_spoil(app, RH_ECONFIG,
                     "htpasswd: it needs a file, checks, and a short realm without quotes");
        return;
    }
    int err = rh_htpasswd_open(&prepared->file, options->file, note);
    if (err != 0) {
        rh_app_spoil(app, err, "htpasswd: %s", note);
        return;
    }
    rh_app_own(app, close_file, prepared->file);
    rh_middleware_add(app, group, authenticate, prepared);
}
