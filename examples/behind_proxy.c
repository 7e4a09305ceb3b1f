/* Behind a proxy of your own: who asked, by which scheme, is what the proxy says, and only where it
 * is a proxy of yours that says it. Try: curl -H 'X-Forwarded-For: 203.0.113.9' -H
 * 'X-Forwarded-Proto: https' localhost:8080/who
 */
#include <rawhttp.h>

static void who(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice peer = rh_request_peer(x);
    const char *text = rh_exchange_format(x, "%.*s by %s\n", (int)peer.len, peer.base,
                                          rh_request_is_tls(x) ? "https" : "http");
    rh_respond_text(x, 200, text != NULL ? text : "somebody\n");
}

int main(int argc, char **argv)
{
    static const char *const trusted[] = {"127.0.0.0/8", "::1", "unix", NULL};
    struct rh_app *app = rh_app_create();
    struct rh_proxies proxies;
    rh_proxies_init(&proxies);
    proxies.trusted = trusted;
    rh_use_proxies(app, NULL, &proxies); /* first: what follows sees the client */
    rh_use_rate_limit(app, NULL, NULL);
    rh_app_get(app, "/who", who, NULL);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
