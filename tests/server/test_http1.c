/* HTTP/1.1 and 1.0 through the driver: heads, connections, answers in order. */
#include "fixture.h"
#include "rawhttp/method.h"

TestSuite(http1, .init = set_up, .fini = tear_down);

static void pong(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

static void target(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice path = rh_request_target(x);
    rh_respond(x, 200, NULL, path.base, path.len);
}

Test(http1, answers_and_keeps_the_connection)
{
    begin(pong, NULL);
    send(GET);
    expect_received(PONG);
    send(GET);
    expect_received(PONG);
    cr_expect_not(rh_driver_is_shut(conn));
    cr_expect_eq(rh_driver_exchanges(driver), 0);
}

Test(http1, answers_pipelined_requests_in_order)
{
    begin(target, NULL);
    send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 "
         "HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *text = received();
    cr_expect_eq(count(text, "HTTP/1.1 200"), 3);
    cr_assert(strstr(text, "/1") < strstr(text, "/2") && strstr(text, "/2") < strstr(text, "/3"));
}

Test(http1, ends_the_connection_where_the_client_asks)
{
    begin(pong, NULL);
    send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" GET);
    const char *text = received();
    expect_has(text, "Connection: close\r\n");
    cr_expect_eq(count(text, "HTTP/1.1"), 1);
    cr_expect(rh_driver_is_shut(conn));
    cr_expect_eq(door.handled, 1);
}

Test(http1, keeps_a_connection_of_1_0_only_where_asked)
{
    begin(pong, NULL);
    send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_has(received(), "Connection: keep-alive\r\n");
    cr_expect_not(rh_driver_is_shut(conn));
    send("GET / HTTP/1.0\r\n\r\n");
    expect_has(received(), "Connection: close\r\n");
    cr_expect(rh_driver_is_shut(conn));
}

Test(http1, sends_no_content_to_head)
{
    begin(pong, NULL);
    send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_received("HTTP/1.1 200 OK\r\n" COMMON TEXT "Content-Length: 4\r\n\r\n");
    cr_expect_not(rh_driver_is_shut(conn));
}

/* RFC 9110 §9.3.2: also where the request is refused, as soon as its method is known. */
Test(http1, sends_no_content_to_a_head_that_is_refused)
{
    static const char *const heads[] = {
        "HEAD / HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "HEAD /% HTTP/1.1\r\nHost: x\r\n\r\n",
        "HEAD / HTTP/3.0\r\nHost: x\r\n\r\n",
        "HEAD /.. HTTP/1.1\r\nHost: x\r\n\r\n",
        "HEAD https://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    };
    begin(pong, NULL);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        conn = rh_driver_open(driver);
        send(heads[i]);
        const char *text = received();
        const char *end = strstr(text, "\r\n\r\n");
        cr_assert_not_null(end, "%s", heads[i]);
        cr_expect_str_eq(end, "\r\n\r\n", "%s: %s", heads[i], text);
        expect_has(text, "Content-Length: ");
        rh_driver_eof(conn);
    }
    cr_expect_eq(door.handled, 0);
}

Test(http1, sends_no_content_to_a_head_that_is_late)
{
    begin(pong, NULL);
    send("HEAD / HTTP/1.1\r\nHo");
    rh_driver_advance(driver, config.head_ms + 1);
    const char *text = received();
    expect_has(text, "HTTP/1.1 408 ");
    cr_expect_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

/* RFC 9110 §9.3.6: what follows a CONNECT may be anything. */
Test(http1, ends_the_connection_behind_a_connect)
{
    begin(pong, NULL);
    send("CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n" GET);
    const char *text = received();
    expect_has(text, "HTTP/1.1 501 ");
    expect_has(text, "Connection: close\r\n");
    cr_expect_eq(count(text, "HTTP/1.1"), 1);
    cr_expect(rh_driver_is_shut(conn));
    cr_expect_eq(door.handled, 0);
}

/* RFC 9110 §7.4 */
Test(http1, misdirects_https_that_came_without_tls)
{
    begin(pong, NULL);
    send("GET https://x/ HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_has(received(), "HTTP/1.1 421 ");
    cr_expect_eq(door.handled, 0);
}

static void host(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice name = rh_request_host(x);
    rh_respond(x, 200, NULL, name.base, name.len);
}

/* RFC 9112 §3.2.2 */
Test(http1, takes_the_authority_of_an_absolute_target_and_not_host)
{
    begin(host, NULL);
    send("GET http://a:81/ HTTP/1.1\r\nHost: b\r\n\r\n");
    expect_has(received(), "\r\n\r\na:81");
    cr_expect_not(rh_driver_is_shut(conn));
}

Test(http1, looks_at_the_version_before_the_method)
{
    config.http2 = 0; /* whose preface this is */
    begin(pong, NULL);
    send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    expect_has(received(), "HTTP/1.1 505 ");
    conn = rh_driver_open(driver);
    send("BREW / HTTP/2.0\r\n\r\n");
    expect_has(received(), "HTTP/1.1 505 ");
}

static void method_name(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice name = rh_request_method_name(x);
    rh_respond(x, rh_request_method(x) == RH_METHOD_OTHER ? 200 : 299, NULL, name.base, name.len);
}

Test(http1, hands_on_any_token_as_a_method)
{
    begin(method_name, NULL);
    send("\r\nPURGE / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_has(received(), "\r\n\r\nPURGE");
    send("QUERY / HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *text = received();
    expect_has(text, "HTTP/1.1 299");
    expect_has(text, "\r\n\r\nQUERY");
}

static char refusal[64];
static char refused_peer[64];

static void note_access(void *data, const struct rh_access *access)
{
    (void)data;
    snprintf(refusal, sizeof refusal, "%.*s", (int)access->refusal.len,
             access->refusal.base != NULL ? access->refusal.base : "");
    snprintf(refused_peer, sizeof refused_peer, "%.*s", (int)access->peer.len, access->peer.base);
}

Test(http1, logs_a_refused_head_with_its_peer_and_rule)
{
    config.access = note_access;
    begin(pong, NULL);
    send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    received();
    cr_expect_str_eq(refusal, "host-repeated");
    cr_expect(strlen(refused_peer) > 0);
    conn = rh_driver_open(driver);
    send(GET);
    received();
    cr_expect_str_eq(refusal, "");
}

static void list(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice value = rh_request_list(x, "X-List");
    rh_respond(x, value.base != NULL ? 200 : 299, NULL, value.base, value.len);
}

/* RFC 9110 §5.3 */
Test(http1, joins_the_lines_of_a_list)
{
    begin(list, NULL);
    send("GET / HTTP/1.1\r\nHost: x\r\nx-list: a\r\nOther: z\r\nX-LIST: b, c\r\nX-List: d\r\n\r\n");
    expect_has(received(), "\r\n\r\na, b, c, d");
    send("GET / HTTP/1.1\r\nHost: x\r\nX-List: only\r\n\r\n");
    expect_has(received(), "\r\n\r\nonly");
    send("GET / HTTP/1.1\r\nHost: x\r\nX-List:\r\nX-List:\r\n\r\n");
    expect_has(received(), "\r\n\r\n, ");
    send("GET / HTTP/1.1\r\nHost: x\r\nX-Lists: a\r\n\r\n");
    expect_has(received(), "HTTP/1.1 299");
}

static void bare(struct rh_exchange *x, void *data)
{
    rh_respond(x, *(unsigned *)data, NULL, "never sent", 10);
}

Test(http1, sends_no_content_and_no_length_with_204_and_304)
{
    unsigned status = 204;
    begin(bare, &status);
    send(GET);
    expect_received("HTTP/1.1 204 No Content\r\n" COMMON "\r\n");
    status = 304;
    send(GET);
    expect_received("HTTP/1.1 304 Not Modified\r\n" COMMON "\r\n");
    cr_expect_not(rh_driver_is_shut(conn));
}

Test(http1, refuses_a_broken_head_and_lingers)
{
    begin(pong, NULL);
    send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" GET);
    const char *text = received();
    expect_has(text, "HTTP/1.1 400 ");
    expect_has(text, "Connection: close\r\n");
    cr_expect_eq(count(text, "HTTP/1.1"), 1);
    cr_expect(rh_driver_is_shut(conn) && !rh_driver_is_closed(conn));
    send("still talking");
    cr_expect_not(rh_driver_is_closed(conn));
    rh_driver_eof(conn);
    cr_expect(rh_driver_is_closed(conn));
    cr_expect_eq(door.handled, 0);
}

Test(http1, answers_what_came_whole_before_the_end_of_input)
{
    begin(target, NULL);
    send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTT");
    rh_driver_eof(conn);
    cr_expect_eq(count(received(), "HTTP/1.1 200"), 2);
    cr_expect(rh_driver_is_closed(conn));
}

Test(http1, ends_after_requests_max)
{
    config.requests_max = 2;
    begin(pong, NULL);
    send(GET GET GET);
    const char *text = received();
    cr_expect_eq(count(text, "HTTP/1.1 200"), 2);
    cr_expect_eq(count(text, "Connection: close"), 1);
    cr_expect(rh_driver_is_shut(conn));
}

Test(http1, ends_each_connection_where_keep_alive_is_off)
{
    config.keep_alive = 0;
    begin(pong, NULL);
    send(GET);
    expect_has(received(), "Connection: close\r\n");
    cr_expect(rh_driver_is_shut(conn));
}

Test(http1, answers_a_burst_of_small_requests_with_all_answers)
{
    enum { BURST = 2000 };
    begin(pong, NULL);
    static char burst[BURST * (sizeof GET - 1)];
    for (unsigned i = 0; i < BURST; i++) {
        memcpy(burst + i * (sizeof GET - 1), GET, sizeof GET - 1);
    }
    rh_driver_feed(conn, burst, sizeof burst);
    while (rh_driver_poll(driver)) {
    }
    struct rh_slice out = rh_driver_output(conn);
    cr_expect_eq(out.len, BURST * (sizeof PONG - 1));
    cr_expect_eq(door.handled, BURST);
}

/* Streams whose answers must not depend on how they arrive. */
static const char *const streams[] = {
    GET,
    GET GET GET,
    "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" GET,
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world" GET,
    "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" GET,
    "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n "
    "world\r\n0\r\nT: v\r\n\r\n" GET,
    "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
    "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n "
    "world\r\n0\r\n\r\n" GET,
    "POST /s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" GET,
    "POST /n HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world" GET,
    "POST /n HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" GET,
    "GET /s HTTP/1.1\r\nHost: x\r\n\r\nGET /s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: "
    "chunked\r\n\r\n0\r\n\r\n",
};

static void on_whole(struct rh_exchange *x, struct rh_slice body, int error, void *data)
{
    (void)data;
    if (error == 0) {
        rh_respond(x, 200, NULL, body.base, body.len);
    }
}

struct echo {
    char bytes[64];
    size_t len;
};

static size_t on_data(struct rh_exchange *x, struct rh_slice piece, void *data)
{
    struct echo *echo = data;
    (void)x;
    memcpy(echo->bytes + echo->len, piece.base, piece.len);
    echo->len += piece.len;
    return piece.len;
}

static void on_end(struct rh_exchange *x, int error, void *data)
{
    struct echo *echo = data;
    if (error == 0) {
        rh_respond(x, 200, NULL, echo->bytes, echo->len);
    }
}

static ptrdiff_t pull_three(void *data, char *out, size_t room)
{
    unsigned *left = data;
    (void)room;
    if (*left == 0) {
        return 0;
    }
    --*left;
    memcpy(out, "piece ", 6);
    return 6;
}

static void mixed(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice path = rh_request_path(x);
    if (rh_slice_is(path, "/b")) {
        rh_body_whole(x, on_whole, NULL);
    } else if (rh_slice_is(path, "/e")) {
        struct echo *echo = rh_exchange_alloc(x, sizeof *echo);
        echo->len = 0;
        rh_body_stream(x, on_data, on_end, echo);
    } else if (rh_slice_is(path, "/s")) {
        unsigned *left = rh_exchange_alloc(x, sizeof *left);
        *left = 3;
        struct rh_source source = {pull_three, NULL, left, RH_LENGTH_UNKNOWN};
        rh_respond_source(x, 200, NULL, &source);
    } else {
        rh_respond_text(x, 200, "pong");
    }
}

Test(http1, answers_the_same_at_every_split)
{
    static char whole[(1 << 16) + 16]; /* what was received, and the rest */
    begin(mixed, NULL);
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        size_t len = strlen(streams[i]);
        for (size_t split = 0; split <= len + 1; split++) {
            rh_driver_forget(conn);
            conn = rh_driver_open(driver);
            if (split <= len) { /* 0: whole */
                rh_driver_feed(conn, streams[i], split);
                rh_driver_feed(conn, streams[i] + split, len - split);
            } else {
                for (size_t at = 0; at < len; at++) {
                    rh_driver_feed(conn, streams[i] + at, 1);
                }
            }
            if (split == 0) {
                snprintf(whole, sizeof whole, "%s|%d", received(), rh_driver_is_shut(conn));
            } else {
                static char pieces[sizeof whole];
                snprintf(pieces, sizeof pieces, "%s|%d", received(), rh_driver_is_shut(conn));
                cr_assert_str_eq(pieces, whole, "stream %zu, split %zu", i, split);
            }
        }
        cr_expect_gt(strlen(whole), 20);
    }
}
