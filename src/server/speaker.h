/* Where a connection's session lives: HTTP/1, which most connections speak, in place; other kinds
 * in memory of their own. */
#ifndef RH_SERVER_SPEAKER_H
#define RH_SERVER_SPEAKER_H

#include "server/http1/http1.h"
#include "server/http1/misdirected.h"

union rh_speaker {
    struct rh_http1 http1;
    struct rh_misdirected misdirected; /* also in place */
    struct rh_session *boxed;
};

#endif
