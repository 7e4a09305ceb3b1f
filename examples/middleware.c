/* Middleware: a handler that runs before others and may end the matter itself; what happens after
 * the answer is told by an outcome hook. A group gives some routes a prefix and middleware of their
 * own. Try: curl -i localhost:8080/admin/secret, then with -H 'Authorization: Bearer open-sesame'
 */
#include <rawhttp.h>

static void after(struct rh_exchange *x, const struct rh_outcome *outcome, void *data)
{
    (void)data;
    rh_exchange_log(x, RH_LOG_INFO, "answered %u in %llu us", outcome->status,
                    (unsigned long long)outcome->duration_us);
}

static void timed(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_response_set(x, "X-Content-Type-Options", "nosniff");
    rh_exchange_on_outcome(x, after, NULL);
    rh_next(x);
}

static void guarded(struct rh_exchange *x, void *data)
{
    (void)data;
    if (rh_slice_is(rh_request_field(x, "Authorization"), "Bearer open-sesame")) {
        rh_next(x);
        return;
    }
    rh_response_set(x, "WWW-Authenticate", "Bearer");
    rh_respond_error(x, 401, NULL);
}

static void secret(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "the cave is open\n");
}

int main(int argc, char **argv)
{
    struct rh_app *app = rh_app_create();
    rh_app_use(app, timed, NULL);
    struct rh_group *admin = rh_app_group(app, NULL, "/admin");
    rh_group_use(admin, guarded, NULL);
    rh_group_route(admin, "GET", "/secret", secret, NULL);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
