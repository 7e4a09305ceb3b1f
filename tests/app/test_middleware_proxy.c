/* What a proxy says of its client, and what a client says of itself. In memory every peer is one on
 * a unix socket. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "live.h"
#include "rawhttp/middleware.h"
#include "rawhttp/tls.h"

static char logged[256];

static void access_hook(void *data, const struct rh_access *access)
{
    (void)data;
    snprintf(logged, sizeof logged, "%.*s %.*s%s", (int)access->peer.len, access->peer.base,
             (int)access->host.len, access->host.base, access->tls ? " tls" : "");
}

/* "peer port scheme host" */
static void tell(struct rh_exchange *x, void *data)
{
    struct rh_slice peer = rh_request_peer(x);
    struct rh_slice host = rh_request_host(x);
    struct rh_tls_peer tls;
    (void)data;
    cr_assert_eq(rh_request_tls(x, &tls), RH_ENOTFOUND, "a proxy's word makes no certificate");
    rh_respond_text(
        x, 200,
        rh_exchange_format(x, "%.*s %u %s %.*s", (int)peer.len, peer.base, rh_request_peer_port(x),
                           rh_request_is_tls(x) ? "https" : "http", (int)host.len, host.base));
}

TestSuite(middleware_proxy, .init = ask_setup, .fini = ask_teardown);

static const char *const trusted[] = {"unix", "10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48", NULL};

static void use(enum rh_proxy_fields fields, int host)
{
    struct rh_proxies proxies;
    rh_proxies_init(&proxies);
    proxies.trusted = trusted;
    proxies.fields = fields;
    proxies.host = host;
    rh_use_proxies(app, NULL, &proxies);
    rh_app_get(app, "/who", tell, NULL);
    config.access = access_hook;
}

struct question {
    const char *fields;
    const char *answer;
};

static void expect(const struct question *questions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ask("GET /who", questions[i].fields);
        cr_expect_eq(status, 200);
        cr_expect_str_eq(body_of_answer(), questions[i].answer, "%s: %s", questions[i].fields,
                         body_of_answer());
    }
}

#define EXPECT(...)                                               \
    do {                                                          \
        static const struct question questions[] = {__VA_ARGS__}; \
        expect(questions, sizeof questions / sizeof *questions);  \
    } while (0)

Test(middleware_proxy, reads_forwarded_from_its_end)
{
    use(RH_PROXY_FORWARDED, 1);
    EXPECT({"", "unix 0 http x"}, {"Forwarded: for=198.51.100.1\r\n", "198.51.100.1 0 http x"},
           {"Forwarded: For=\"198.51.100.1:4711\";Proto=HTTPS;Host=a.example\r\n",
            "198.51.100.1 4711 https a.example"},
           {"Forwarded: for=\"[2001:db8::9]:443\";host=\"b.example:8443\"\r\n",
            "2001:db8::9 443 http b.example:8443"},
           {"Forwarded: for=\"[2001:db8::9]\" ; ; proto=https , \r\n", "2001:db8::9 0 https x"},
           {"Forwarded: for=\"[::ffff:198.51.100.1]\"\r\n", "198.51.100.1 0 http x"},
           /* past trusted hops, scheme and host by the one that named the client */
           {"Forwarded: for=198.51.100.1;proto=https;host=c.example, "
            "for=10.1.2.3;proto=http;host=inner\r\n",
            "198.51.100.1 0 https c.example"},
           {"Forwarded: for=198.51.100.1;proto=https\r\nForwarded: for=192.0.2.7\r\nForwarded: "
            "for=\"[2001:db8:1::5]\"\r\n",
            "198.51.100.1 0 https x"},
           {"Forwarded: for=10.1.2.3;ext=\"a;b,c\"\r\n", "10.1.2.3 0 http x"});
    cr_assert_str_eq(logged, "10.1.2.3 x", "%s", logged);
}

Test(middleware_proxy, never_believes_what_stands_left_of_a_stranger)
{
    use(RH_PROXY_FORWARDED, 1);
    EXPECT({"Forwarded: for=203.0.113.66;proto=https;host=evil.example, for=198.51.100.1\r\n",
            "198.51.100.1 0 http x"},
           {"Forwarded: for=10.0.0.1;host=evil.example\r\nForwarded: for=198.51.100.1\r\n",
            "198.51.100.1 0 http x"},
           {"Forwarded: for=10.0.0.1, for=192.0.2.8\r\n", "192.0.2.8 0 http x"},
           {"X-Forwarded-For: 203.0.113.66\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: "
            "evil.example\r\n",
            "unix 0 http x"});
}

Test(middleware_proxy, stops_at_what_is_malformed_or_hidden)
{
    use(RH_PROXY_FORWARDED, 1);
    EXPECT(
        {"Forwarded: for=\"evil, for=198.51.100.1\r\n", "unix 0 http x"},
        {"Forwarded: for=198.51.100.1\r\nForwarded: for=\"10.0.0.1\r\n", "unix 0 http x"},
        {"Forwarded: for=\"open\r\nForwarded: for=10.0.0.1;proto=https\r\n", "10.0.0.1 0 https x"},
        {"Forwarded: for=198.51.100.1;for=198.51.100.2\r\n", "unix 0 http x"},
        {"Forwarded: for=2001:db8::9\r\n", "unix 0 http x"},
        {"Forwarded: for=\"2001:db8::9\"\r\n", "unix 0 http x"},
        {"Forwarded: for=\"[2001:db8::9]x\"\r\n", "unix 0 http x"},
        {"Forwarded: for=\"198.51.100.1:99999\"\r\n", "unix 0 http x"},
        {"Forwarded: for=\"198.51.100.1:\"\r\n", "unix 0 http x"},
        {"Forwarded: for=198.51.100.1 for=198.51.100.2\r\n", "unix 0 http x"},
        {"Forwarded: for=\"198.51.100\\.1\"\r\n", "unix 0 http x"},
        {"Forwarded: for=198.51.100.256\r\n", "unix 0 http x"},
        {"Forwarded: ;\r\n", "unix 0 http x"}, {"Forwarded:\r\n", "unix 0 http x"},
        {"Forwarded: 198.51.100.1\r\n", "unix 0 http x"},
        {"Forwarded: for=198.51.100.1, for=_hidden;proto=https;host=a.example\r\n",
         "unix 0 https a.example"},
        {"Forwarded: for=198.51.100.1, for=\"unknown:_p\", for=10.0.0.1\r\n", "10.0.0.1 0 http x"},
        {"Forwarded: for=198.51.100.1;proto=ftp;host=\"a@evil.example\"\r\n",
         "198.51.100.1 0 http x"},
        {"Forwarded: for=198.51.100.1;host=\"evil.example/x\"\r\n", "198.51.100.1 0 http x"});
}

Test(middleware_proxy, walks_a_bounded_number_of_hops)
{
    char fields[2048] = "Forwarded: for=198.51.100.1";
    use(RH_PROXY_FORWARDED, 0);
    for (int i = 0; i < 40; i++) {
        strcat(fields, ", for=10.0.0.1");
    }
    strcat(fields, "\r\n");
    ask("GET /who", fields);
    cr_assert_str_eq(body_of_answer(), "10.0.0.1 0 http x");
    strcpy(fields, "");
    for (int i = 0; i < 40; i++) {
        strcat(fields, "Forwarded: for=10.0.0.1\r\n");
    }
    ask("GET /who", fields);
    cr_assert_str_eq(body_of_answer(), "10.0.0.1 0 http x");
}

Test(middleware_proxy, reads_x_forwarded)
{
    use(RH_PROXY_X_FORWARDED, 1);
    EXPECT({"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: "
            "a.example\r\n",
            "198.51.100.1 0 https a.example"},
           {"X-Forwarded-For: 203.0.113.66, 198.51.100.1\r\nX-Forwarded-Proto: https, http\r\n",
            "198.51.100.1 0 http x"},
           {"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https, http\r\n",
            "198.51.100.1 0 http x"},
           {"X-Forwarded-For: 198.51.100.1, 10.0.0.1\r\nX-Forwarded-Proto: https, http\r\n",
            "198.51.100.1 0 https x"},
           {"X-Forwarded-For: 198.51.100.1, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n",
            "198.51.100.1 0 https x"},
           {"X-Forwarded-For: 203.0.113.66\r\nX-Forwarded-For: 198.51.100.1:80,10.0.0.1\r\n",
            "198.51.100.1 80 http x"},
           {"X-Forwarded-For: 2001:db8::9\r\n", "2001:db8::9 0 http x"},
           {"X-Forwarded-For: [2001:db8::9]:80\r\n", "2001:db8::9 80 http x"},
           {"X-Forwarded-For: 198.51.100.1, what, 10.0.0.1\r\n", "10.0.0.1 0 http x"},
           {"X-Forwarded-For: 198.51.100.1, , 10.0.0.1\r\n", "10.0.0.1 0 http x"},
           {"X-Forwarded-For: 198.51.100.1,\r\n", "unix 0 http x"},
           {"X-Forwarded-For: 198.51.100.1, unknown\r\n", "unix 0 http x"},
           {"X-Forwarded-Proto: https\r\n", "unix 0 https x"},
           {"X-Forwarded-Host: a.example:8443, b.example\r\n", "unix 0 http b.example"},
           /* the other field, which a client may have made up */
           {"Forwarded: for=203.0.113.66;proto=https\r\nX-Forwarded-For: 198.51.100.1\r\n",
            "198.51.100.1 0 http x"});
}

Test(middleware_proxy, takes_no_host_unless_asked_to)
{
    use(RH_PROXY_X_FORWARDED, 0);
    EXPECT({"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Host: evil.example\r\n",
            "198.51.100.1 0 http x"});
}

Test(middleware_proxy, is_seen_by_what_follows)
{
    struct rh_security security;
    struct rh_rate rate;
    use(RH_PROXY_X_FORWARDED, 0);
    rh_security_init(&security);
    security.hsts_seconds = 60;
    rh_use_security(app, NULL, &security);
    rh_rate_init(&rate);
    rate.burst = 1;
    rh_use_rate_limit(app, NULL, &rate);
    rh_app_get(app, "/ping", pong, NULL);
    ask("GET /ping", "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\n");
    cr_assert_eq(status, 200);
    cr_assert(has("Strict-Transport-Security: max-age=60; includeSubDomains"));
    cr_assert_str_eq(logged, "198.51.100.1 x tls", "%s", logged);
    ask("GET /ping", "X-Forwarded-For: 198.51.100.2\r\n");
    cr_assert_eq(status, 200, "another client");
    cr_assert_str_eq(value_of("Strict-Transport-Security"), "");
    ask("GET /ping", "X-Forwarded-For: 203.0.113.66, 198.51.100.1\r\n");
    cr_assert_eq(status, 429, "the same one, whatever it makes up");
}

Test(middleware_proxy, ignores_fields_of_strangers)
{
    static const char *const others[] = {"10.0.0.0/8", "unix", "127.0.0.2", "::1", NULL};
    static const char *const ours[] = {"127.0.0.0/8", NULL};
    static const char fields[] = "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\n";
    struct rh_proxies proxies;
    rh_proxies_init(&proxies);
    proxies.trusted = others;
    struct rh_group *strangers = rh_app_group(app, NULL, "/strangers");
    rh_use_proxies(app, strangers, &proxies);
    rh_group_route(strangers, "GET", "/who", tell, NULL);
    proxies.trusted = NULL;
    struct rh_group *nobody = rh_app_group(app, NULL, "/nobody");
    rh_use_proxies(app, nobody, &proxies);
    rh_group_route(nobody, "GET", "/who", tell, NULL);
    proxies.trusted = ours;
    struct rh_group *friends = rh_app_group(app, NULL, "/friends");
    rh_use_proxies(app, friends, &proxies);
    rh_group_route(friends, "GET", "/who", tell, NULL);
    rh_app_ref(app);
    struct live *live = live_open(app);
    live_ask(live, "GET", "/strangers/who", fields);
    cr_assert(strncmp(live->body, "127.0.0.1 ", 10) == 0 && strstr(live->body, " http x") != NULL,
              "%s", live->body);
    live_ask(live, "GET", "/nobody/who", fields);
    cr_assert(strncmp(live->body, "127.0.0.1 ", 10) == 0, "%s", live->body);
    live_ask(live, "GET", "/friends/who", fields);
    cr_assert_str_eq(live->body, "198.51.100.1 0 https x");
    live_close(live);
}

Test(middleware_proxy, refuses_networks_that_it_can_not_read)
{
    static const char *const bad[] = {"",
                                      "10.0.0.1/8",
                                      "10.0.0.0/33",
                                      "10.0.0.0/",
                                      "2001:db8::/129",
                                      "2001:db8::1/64",
                                      "localhost",
                                      "[::1]",
                                      "10.0.0.0:80",
                                      "unknown",
                                      "*",
                                      "10.0.0.0/8 "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const list[] = {bad[i], NULL};
        struct rh_proxies proxies;
        struct rh_app *other = rh_app_create();
        rh_proxies_init(&proxies);
        proxies.trusted = list;
        rh_use_proxies(other, NULL, &proxies);
        cr_expect_eq(rh_app_status(other), RH_ECONFIG, "%s", bad[i]);
        rh_app_unref(other);
    }
    static const char *const good[] = {"0.0.0.0/0",    "::/0",      "::ffff:10.0.0.1",
                                       "10.128.0.0/9", "fe80::/10", NULL};
    struct rh_proxies proxies;
    rh_proxies_init(&proxies);
    proxies.trusted = good;
    rh_use_proxies(app, NULL, &proxies);
    cr_assert_eq(rh_app_status(app), 0, "%s", rh_app_error(app));
    rh_use_proxies(NULL, NULL, &proxies);
}
