/* Where a request comes from: what the connection says, or what a trusted proxy says in its place.
 * And the two clocks by which the app room reckons. */
#include <string.h>
#include <sys/socket.h>

#include "server/exchange/exchange.h"

unsigned rh_exchange_peer_bytes(const struct rh_exchange *x, unsigned char ret_address[16])
{
    unsigned len = x->peer.family == AF_INET ? 4 : x->peer.family == AF_INET6 ? 16 : 0;
    memcpy(ret_address, x->peer.ip, len);
    return len;
}

void rh_exchange_set_peer(struct rh_exchange *x, const unsigned char *address, unsigned len,
                          unsigned port)
{
    RH_ASSERT(len == 4 || len == 16);
    memset(&x->peer, 0, sizeof x->peer);
    x->peer.family = len == 4 ? AF_INET : AF_INET6;
    x->peer.port = (uint16_t)port;
    memcpy(x->peer.ip, address, len);
}

void rh_exchange_set_tls(struct rh_exchange *x, bool tls)
{
    x->tls = tls;
}

void rh_exchange_set_host(struct rh_exchange *x, struct rh_slice host)
{
    x->forwarded_host = host;
}

int64_t rh_exchange_wall_s(const struct rh_exchange *x)
{
    return rh_engine_wall_us(x->engine) / 1000000;
}

void rh_exchange_alarm(struct rh_exchange *x, struct rh_alarm *alarm, uint32_t ms)
{
    rh_engine_alarm(x->engine, alarm, ms);
}
