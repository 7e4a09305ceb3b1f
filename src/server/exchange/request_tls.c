/* Who is at the other end: asked of the connection, copied into the exchange. */
#include "tls/tls.h"
#include "rawhttp/error.h"
#include "rawhttp/tls.h"
#include "server/exchange/exchange.h"

/* Absent stays absent; false when the arena is full. */
static bool keep(struct rh_exchange *x, struct rh_slice text, struct rh_slice *ret_kept)
{
    *ret_kept = (struct rh_slice){NULL, 0};
    if (text.len > 0) {
        *ret_kept = rh_arena_copy(&x->arena, text);
    }
    return text.len == 0 || ret_kept->base != NULL;
}

int rh_request_tls(struct rh_exchange *x, struct rh_tls_peer *ret_peer)
{
    rh_exchange_assert_thread(x);
    struct rh_tls_info info;
    struct rh_tls_peer peer = {0};
    if (x->engine->tls_info == NULL || (x->session == NULL && !x->tls)) {
        return RH_ENOTFOUND;
    }
    if (x->session == NULL) {
        return RH_ECUT;
    }
    if (!x->session->host->secure) { /* x->tls may be a proxy's word */
        return RH_ENOTFOUND;
    }
    x->engine->tls_info(x->session->host, &info);
    peer.version = info.version;
    peer.cipher = info.cipher;
    peer.verified = info.client_verified;
    peer.resumed = info.resumed;
    if (!keep(x, info.server_name, &peer.server_name) || !keep(x, info.alpn, &peer.alpn) ||
        !keep(x, rh_slice_from(info.client_subject), &peer.subject) ||
        !keep(x, rh_slice_from(info.client_fingerprint), &peer.fingerprint)) {
        return RH_ENOROOM;
    }
    *ret_peer = peer;
    return 0;
}
