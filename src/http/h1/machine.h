/* What the steps of the head parser share: its states, the bytes of one feed, and how a step ends.
 * Only parser.c includes this, and the steps that live in headers so that its loop can be one
 * function. */
#ifndef RH_HTTP_H1_MACHINE_H
#define RH_HTTP_H1_MACHINE_H

#include "http/h1/parser.h"

enum state {
    STATE_START,     /* before the first byte */
    STATE_START_LF,  /* behind the CR of an empty line */
    STATE_AFTER,     /* behind an empty line */
    STATE_METHOD,    /* inside the method */
    STATE_TARGET,    /* before the first byte of the target */
    STATE_ASTERISK,  /* behind '*' */
    STATE_SCHEME,    /* inside "http://" or "https://" */
    STATE_AUTHORITY, /* inside an authority */
    STATE_PATH,      /* inside path or query */
    STATE_VERSION,   /* inside "HTTP/1.1" and the line end */
    STATE_FIELDS,    /* in the field section */
    STATE_DONE,
    STATE_REJECTED
};

/* The bytes of one feed. The steps that every request takes are inlined into one function and keep
 * this in registers; the others work on a copy, or its address would pin it to memory. */
struct input {
    const char *base; /* first byte of the head */
    const char *at;   /* next to read */
    const char *stop; /* behind the last that may be read: the end of the input or of the limit */
};

/* What a step answers: go on with the next one, or leave the machine. */
enum step { NEXT, LEAVE };

#define HOT static RH_ALWAYS_INLINE
#define COLD static __attribute__((noinline, cold))

COLD enum step reject(struct rh_parser *p, enum rh_rule rule)
{
    p->rule = rule;
    p->state = STATE_REJECTED;
    return LEAVE;
}

HOT enum step wait_in(struct rh_parser *p, enum state state)
{
    p->state = (uint8_t)state;
    return LEAVE;
}

HOT uint16_t offset(const struct input *in, const char *at)
{
    return (uint16_t)(at - in->base);
}

#endif
