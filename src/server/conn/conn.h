/* A connection: a drive that a socket carries. */
#ifndef RH_SERVER_CONN_CONN_H
#define RH_SERVER_CONN_CONN_H

#include "io/transport.h"
#include "server/drive.h"

struct rh_conn {
    struct rh_transport transport;
    struct rh_drive drive;
};

/* Takes over the descriptor. False if it could not (it is closed then). */
bool rh_conn_open(struct rh_conns *conns, struct rh_wire *wire, int fd,
                  const struct sockaddr_storage *peer, struct rh_tls *tls);

/* For the engine. */
void rh_conn_tls_info(struct rh_host *host, struct rh_tls_info *ret_info);
extern const struct rh_transport_callbacks rh_conn_callbacks;
extern const struct rh_carrier rh_conn_carrier;

#endif
