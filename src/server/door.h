/* The door between the server and what answers: the one thing that the server room knows of an app.
 */
#ifndef RH_SERVER_DOOR_H
#define RH_SERVER_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "io/file.h"
#include "rawhttp/exchange.h"
#include "rawhttp/stream.h"
#include "server/engine/due.h"

/* First member of struct rh_app; the in-memory tests pass one of their own. */
struct rh_door {
    /* Answers the exchange, or defers; the only call upward. */
    void (*handle)(struct rh_exchange *x, struct rh_door *door);
    /* Gives an error answer (400 to 599) in the app's clothes, by rh_respond or a kin; `detail` may
     * be NULL. */
    void (*fail)(struct rh_exchange *x, unsigned status, const char *detail, struct rh_door *door);
    /* Called by the first server: no changes from here on. 0 or the error of a registration. */
    int (*freeze)(struct rh_door *door);
    const char *(*error)(const struct rh_door *door);
    void (*ref)(struct rh_door *door);
    void (*unref)(struct rh_door *door);
    /* An answer was given whose content is in memory and not shorter than `finish_bytes_min`, and
     * its head is not made yet: fields may be set and its content replaced, by the functions below;
     * no answer may be given. NULL: nothing to do. */
    void (*finish)(struct rh_exchange *x, struct rh_door *door);
    size_t finish_bytes_min;
};

/* For the app's own state in an exchange: a pointer, NULL at first, into the exchange's arena. */
void **rh_exchange_app_slot(struct rh_exchange *x);
/* Pattern of the matched route for logs; kept by pointer. */
void rh_exchange_set_route(struct rh_exchange *x, struct rh_slice pattern);
/* True where nobody has answered, nobody holds the exchange, and somebody is there to take an
 * answer. */
bool rh_exchange_needs_answer(const struct rh_exchange *x);
/* Keeps the exchange from its release until rh_exchange_unpin: for a function that calls something
 * that may run a user's callback, and touches the exchange or its arena again after that. The
 * exchange may be gone after unpin. */
void rh_exchange_pin(struct rh_exchange *x);
void rh_exchange_unpin(struct rh_exchange *x);
/* Goes on with a held exchange: its hold ends, `fn` runs as a handler does, and where it neither
 * answers nor defers the peer gets a 500. On a cut exchange the hold ends and `fn` does not run. */
void rh_exchange_continue(struct rh_exchange *x, void (*fn)(struct rh_exchange *x, void *data),
                          void *data);
/* Where no answer was given yet: gives an error answer in the handler's place, and logs why. The
 * handler hears as if the exchange were cut (RH_DEADLINE), what it answers later is a no-op, and
 * its hold is its own to end. The exchange may be gone behind this. */
void rh_exchange_overrule(struct rh_exchange *x, unsigned status, const char *why);

/* The peer's address: 4 or 16 bytes, or 0 for a unix socket. */
unsigned rh_exchange_peer_bytes(const struct rh_exchange *x, unsigned char ret_address[16]);
/* What a trusted proxy says in place of the connection. The host is kept by pointer. */
void rh_exchange_set_peer(struct rh_exchange *x, const unsigned char *address, unsigned len,
                          unsigned port);
void rh_exchange_set_tls(struct rh_exchange *x, bool tls);
void rh_exchange_set_host(struct rh_exchange *x, struct rh_slice host);

/* Sets Location to this URI reference, with the bytes encoded that a URI cannot hold. As
 * rh_response_set. */
int rh_exchange_set_location(struct rh_exchange *x, const char *location);

/* Adds a Set-Cookie field in place of those that set the cookie `name` (RFC 6265 §4.1.1: one for
 * each name). As rh_response_add. */
int rh_exchange_replace_cookie(struct rh_exchange *x, const char *name, struct rh_slice value);

/* Wall clock in seconds since 1970; the test's in the driver. */
int64_t rh_exchange_wall_s(const struct rh_exchange *x);
/* A moment on the server's clock. Whoever sets one takes it out of its list (rh_list_remove) before
 * its memory goes; one that was called is out. */
struct rh_alarm {
    struct rh_due due;
    void (*fn)(struct rh_alarm *alarm);
};
void rh_exchange_alarm(struct rh_exchange *x, struct rh_alarm *alarm, uint32_t ms);

/* A source of a known length whose bytes are those of an open file: connections that can send a
 * file without reading it ask for ranges, the others pull. First member of what the source's `data`
 * points to. */
struct rh_file_source {
    /* The next bytes, at most `max` (at least 1), that can be sent without waiting for the disk:
     * how many, and *ret_range, which stays open until the next call or `close`; RH_EAGAIN or
     * another negative as `pull` does. */
    ptrdiff_t (*range)(void *data, uint64_t max, struct rh_file_range *ret_range);
};
/* rh_respond_source with such a source. */
void rh_respond_file(struct rh_exchange *x, unsigned status, const char *type,
                     const struct rh_source *source);

struct rh_session_kind;
/* Answers with 101 and the draft's fields (RFC 9110 §7.8): the connection speaks `kind` from then
 * on, begun with `argument`, which is the kind's `cancel`'s if the hand-over does not happen. A
 * request that has a body gets 400 instead. */
void rh_exchange_upgrade(struct rh_exchange *x, const struct rh_session_kind *kind, void *argument);

/* A slot per server for app-room caches, and how it is freed when the server is destroyed. */
enum { RH_SLOT_FILES, RH_SLOT_GZIP, RH_SLOT_MIDDLEWARE, RH_SERVER_SLOTS };
void **rh_exchange_server_slot(struct rh_exchange *x, unsigned index, void (*free_fn)(void *value));

/* What an answer is, for `finish`. */
struct rh_given {
    unsigned status;
    struct rh_slice type; /* Content-Type; absent: none */
    struct rh_slice content;
};
void rh_exchange_given(const struct rh_exchange *x, struct rh_given *ret_given);
/* Returns true if the request has a line of one of these fields: bits, `1 << RH_FIELD_...`. */
bool rh_request_has_any(const struct rh_exchange *x, uint64_t ids);
/* Who answers has seen to the content's coding: `finish` is not told of it. */
void rh_exchange_send_as_is(struct rh_exchange *x);
/* As rh_response_set, for a field of the app room's own making: its name is a literal, kept by
 * pointer, and neither that nor the value, which is copied, is looked at. */
int rh_response_set_own(struct rh_exchange *x, struct rh_slice name, struct rh_slice value);
/* The field of that name (any case) at place `index` among those of the draft; absent behind the
 * last. */
struct rh_slice rh_response_field(const struct rh_exchange *x, const char *name, size_t index);
/* Puts a copy of `content`, and its Content-Encoding, in the place of the content in memory that
 * was given. 0, or a negative code, and then all is as it was. */
int rh_exchange_replace_content(struct rh_exchange *x, struct rh_slice content, const char *coding);

#endif
