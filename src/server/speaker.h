/* Where a connection's session lives: HTTP/1, which most connections speak, in place; any other
 * kind in memory of its own. */
#ifndef RH_SERVER_SPEAKER_H
#define RH_SERVER_SPEAKER_H

#include "server/http1.h"

union rh_speaker {
    struct rh_http1 http1;
    struct rh_session *boxed;
};

#endif
