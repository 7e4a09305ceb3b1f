/* The four machines of a connection and their tables of allowed moves.
 *
 *   drive:   IDLE <-> QUEUED, either -> RUNNING <-> AGAIN, back to IDLE or QUEUED  (session.h)
 *   output:  FREE <-> IN_FLIGHT          input:  OPEN -> ENDED -> TOLD
 *            FREE --> SHUT                       TOLD -> ENDED   (another session took over)
 *
 *   life:    SECURING -> OPEN -> CLOSING -> ENDED
 *            SECURING ---------> CLOSING
 */
#ifndef RH_SERVER_DRIVE_STATES_H
#define RH_SERVER_DRIVE_STATES_H

#include "server/session.h"
#include "util/machine.h"

enum rh_input_state {
    RH_INPUT_OPEN,
    RH_INPUT_ENDED, /* the peer sends no more */
    RH_INPUT_TOLD   /* the session knows */
};

enum rh_output_state {
    RH_OUTPUT_FREE,
    RH_OUTPUT_IN_FLIGHT, /* `out` is being written */
    RH_OUTPUT_SHUT       /* our side is closed; what comes is discarded */
};

enum rh_life {
    RH_LIFE_SECURING, /* no session speaks before the handshake is done */
    RH_LIFE_OPEN,
    RH_LIFE_CLOSING, /* the end has begun; what carries it closes */
    RH_LIFE_ENDED    /* the session's last call was made */
};

static const uint16_t rh_drive_moves[] = {
    [RH_DRIVE_IDLE] = RH_TO(RH_DRIVE_QUEUED) | RH_TO(RH_DRIVE_RUNNING),
    [RH_DRIVE_QUEUED] = RH_TO(RH_DRIVE_IDLE) | RH_TO(RH_DRIVE_RUNNING),
    [RH_DRIVE_RUNNING] = RH_TO(RH_DRIVE_AGAIN) | RH_TO(RH_DRIVE_IDLE) | RH_TO(RH_DRIVE_QUEUED),
    [RH_DRIVE_AGAIN] = RH_TO(RH_DRIVE_AGAIN) | RH_TO(RH_DRIVE_IDLE) | RH_TO(RH_DRIVE_QUEUED),
};
static const uint16_t rh_input_moves[] = {
    [RH_INPUT_OPEN] = RH_TO(RH_INPUT_ENDED),
    [RH_INPUT_ENDED] = RH_TO(RH_INPUT_TOLD),
    [RH_INPUT_TOLD] = RH_TO(RH_INPUT_ENDED),
};
static const uint16_t rh_output_moves[] = {
    [RH_OUTPUT_FREE] = RH_TO(RH_OUTPUT_IN_FLIGHT) | RH_TO(RH_OUTPUT_SHUT),
    [RH_OUTPUT_IN_FLIGHT] = RH_TO(RH_OUTPUT_FREE),
    [RH_OUTPUT_SHUT] = 0,
};
static const uint16_t rh_life_moves[] = {
    [RH_LIFE_SECURING] = RH_TO(RH_LIFE_OPEN) | RH_TO(RH_LIFE_CLOSING),
    [RH_LIFE_OPEN] = RH_TO(RH_LIFE_CLOSING),
    [RH_LIFE_CLOSING] = RH_TO(RH_LIFE_ENDED),
    [RH_LIFE_ENDED] = 0,
};

#endif
