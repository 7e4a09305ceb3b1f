/* HTTP/2 in the engine's list of kinds. */
#ifndef RH_SERVER_HTTP2_KIND_H
#define RH_SERVER_HTTP2_KIND_H

#include "server/session.h"

extern const struct rh_session_kind rh_http2_kind;

#endif
