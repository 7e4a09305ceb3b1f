/* The values of the opening handshake (RFC 6455 §4) and of permessage-deflate's offers (RFC 7692
 * §7.1). */
#include <criterion/criterion.h>
#include <string.h>

#include "server/websocket/extension.h"
#include "server/websocket/handshake.h"

static struct rh_slice text(const char *bytes)
{
    return rh_slice_from(bytes);
}

Test(handshake, answers_the_key_of_the_rfc)
{
    char accept[RH_WS_ACCEPT_BYTES];
    rh_ws_accept_write(text("dGhlIHNhbXBsZSBub25jZQ=="), accept); /* §1.3 */
    cr_expect_arr_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof accept);
}

Test(handshake, takes_keys_of_16_bytes)
{
    cr_expect(rh_ws_key_is_valid(text("dGhlIHNhbXBsZSBub25jZQ==")));
    cr_expect(rh_ws_key_is_valid(text("AAAAAAAAAAAAAAAAAAAAAA==")));
    cr_expect_not(rh_ws_key_is_valid(text("")));
    cr_expect_not(rh_ws_key_is_valid(text("dGhlIHNhbXBsZSBub25jZQ=")));
    cr_expect_not(rh_ws_key_is_valid(text("dGhlIHNhbXBsZSBub25jZQA=")));
    cr_expect_not(rh_ws_key_is_valid(text("dGhlIHNhbXBsZSBub25j*Q==")));
    cr_expect_not(rh_ws_key_is_valid(text("dGhlIHNhbXBsZSBub25jZQ==AAAA")));
}

Test(handshake, chooses_the_subprotocol_by_the_servers_order)
{
    cr_expect(
        rh_slice_is(rh_ws_protocol_choose(text("chat.v2, chat"), text("chat,chat.v2")), "chat.v2"));
    cr_expect(rh_slice_is(rh_ws_protocol_choose(text("chat.v2, chat"), text("old, chat")), "chat"));
    cr_expect_null(rh_ws_protocol_choose(text("chat"), text("Chat, chatter")).base);
    cr_expect_null(rh_ws_protocol_choose(text("chat"), text("")).base);
    cr_expect(rh_ws_protocols_are_valid(text("chat.v2, chat")));
    cr_expect_not(rh_ws_protocols_are_valid(text("chat, chat")));
    cr_expect_not(rh_ws_protocols_are_valid(text("a b")));
}

Test(handshake, compares_origins_with_the_host)
{
    cr_expect(rh_ws_origin_is_same(text("https://example.org"), true, text("example.org")));
    cr_expect(rh_ws_origin_is_same(text("https://example.org"), true, text("Example.org:443")));
    cr_expect(rh_ws_origin_is_same(text("http://localhost:8080"), false, text("localhost:8080")));
    cr_expect(rh_ws_origin_is_same(text("http://[::1]:8080"), false, text("[::1]:8080")));
    cr_expect(rh_ws_origin_is_same(text("http://a:80"), false, text("a")));
    cr_expect_not(rh_ws_origin_is_same(text("http://example.org"), true, text("example.org")));
    cr_expect_not(rh_ws_origin_is_same(text("https://example.org"), false, text("example.org")));
    cr_expect_not(
        rh_ws_origin_is_same(text("https://evil-example.org"), true, text("example.org")));
    cr_expect_not(
        rh_ws_origin_is_same(text("https://example.org.evil"), true, text("example.org")));
    cr_expect_not(rh_ws_origin_is_same(text("https://example.org:444"), true, text("example.org")));
    cr_expect_not(rh_ws_origin_is_same(text("null"), true, text("example.org")));
    cr_expect_not(rh_ws_origin_is_same(text(""), false, text("")));
}

Test(handshake, looks_origins_up_in_a_list)
{
    const char *list = "https://a.example https://b.example:8443";
    cr_expect(rh_ws_origin_is_listed(text("https://a.example"), text(list)));
    cr_expect(rh_ws_origin_is_listed(text("https://B.example:8443"), text(list)));
    cr_expect_not(rh_ws_origin_is_listed(text("https://b.example"), text(list)));
    cr_expect_not(rh_ws_origin_is_listed(text(""), text(list)));
    cr_expect_not(rh_ws_origin_is_listed(text("null"), text("")));
    cr_expect(rh_ws_origin_is_listed(text("null"), text("*")));
}

static void expect_offer(const char *offer, bool keeps_windows, const char *answer)
{
    struct rh_ws_deflate_terms terms = {.is_on = false};
    char out[RH_WS_TERMS_BYTES_MAX];
    enum rh_ws_offer result = rh_ws_deflate_choose(text(offer), keeps_windows, &terms);
    if (answer == NULL) {
        cr_expect_eq(result, RH_WS_OFFER_DECLINED, "%s", offer);
        cr_expect_not(terms.is_on);
        return;
    }
    cr_assert_eq(result, RH_WS_OFFER_TAKEN, "%s", offer);
    struct rh_slice written = {out, rh_ws_deflate_write_terms(&terms, out)};
    cr_expect(rh_slice_is(written, answer), "%s: %.*s", offer, (int)written.len, written.base);
}

#define ALONE "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

Test(extension, takes_the_first_offer_it_can_keep)
{
    expect_offer("permessage-deflate", false, ALONE);
    expect_offer("Permessage-Deflate; client_max_window_bits", false, ALONE);
    expect_offer("permessage-deflate;client_max_window_bits=\"15\" ; server_no_context_takeover",
                 false, ALONE);
    expect_offer("x-webkit-deflate-frame, permessage-deflate", false, ALONE);
    expect_offer("permessage-deflate; server_max_window_bits=10", false,
                 ALONE "; server_max_window_bits=10");
    expect_offer("permessage-deflate; unknown, permessage-deflate; server_max_window_bits=9", false,
                 ALONE "; server_max_window_bits=9");
    expect_offer("permessage-deflate", true, "permessage-deflate");
    expect_offer("permessage-deflate; client_no_context_takeover", true,
                 "permessage-deflate; client_no_context_takeover");
    expect_offer("permessage-deflate; server_no_context_takeover", true,
                 "permessage-deflate; server_no_context_takeover");
}

Test(extension, declines_what_it_does_not_know)
{
    static const char *const offers[] = {
        "",
        "permessage-bzip2",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=x",
    };
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        expect_offer(offers[i], false, NULL);
    }
}

Test(extension, sees_what_is_malformed)
{
    static const char *const lists[] = {"=",
                                        "permessage-deflate;",
                                        "permessage-deflate; =1",
                                        "permessage-deflate; a=",
                                        "permessage-deflate a",
                                        "a, permessage-deflate; a=\"b c\"",
                                        "a; b=\"c"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct rh_ws_deflate_terms terms;
        cr_expect_eq(rh_ws_deflate_choose(text(lists[i]), false, &terms), RH_WS_OFFER_MALFORMED,
                     "%s", lists[i]);
    }
}
