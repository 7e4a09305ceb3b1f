/* The answer pump. An answer is given once: a status, the fields of the draft, and content of one
 * kind. Whoever speaks the protocol makes the head, and then gets the content here, as bytes copied
 * into its room, by reference or as ranges of a file; it adds the framing and nothing else.
 *
 *     switch (rh_answer_pull(x, at, room, &len)) ...
 *
 * Only answer.c writes an exchange's answer. */
#ifndef RH_SERVER_EXCHANGE_ANSWER_H
#define RH_SERVER_EXCHANGE_ANSWER_H

#include "rawhttp/method.h"
#include "server/exchange/exchange.h"

struct rh_file_range;

/* --- Whether --------------------------------------------------------------------------------- */

/* Returns true if nobody has answered and the answer would be sent; a second one is logged. */
bool rh_answer_is_wanted(struct rh_exchange *x, unsigned status);
/* As rh_answer_is_wanted; a status that no answer can have is logged, answered with a 500, and
 * false. */
bool rh_answer_refuses(struct rh_exchange *x, unsigned status);
static inline bool rh_answer_accepts(struct rh_exchange *x, unsigned status)
{
    rh_exchange_assert_thread(x);
    bool is_usual = x->session != NULL && x->answer_state == RH_ANSWER_NONE &&
                    x->tie == RH_TIE_OWN && status - 200 < 400;
    return RH_LIKELY(is_usual) || !rh_answer_refuses(x, status);
}
/* Returns true if fields of so many bytes more fit the head: what this allows fits an empty output,
 * with all that the engine adds. */
enum { RH_ANSWER_FIELDS_MAX = 16384 };
static inline bool rh_answer_has_room(const struct rh_exchange *x, size_t bytes)
{
    return bytes <= RH_ANSWER_FIELDS_MAX &&
           x->response_bytes + x->type.len + bytes <= RH_ANSWER_FIELDS_MAX;
}
/* Sets the type of the content, unless there is one, or it could break the head or fits it not.
 * NULL: none. */
void rh_answer_set_type(struct rh_exchange *x, const char *type);

/* --- Giving it ------------------------------------------------------------------------------- */

/* Nobody has answered yet (the caller asks), and then the handler's duty has ended. Each of these
 * calls the app's `finish` if it wants to see such content. */
void rh_answer_give_empty(struct rh_exchange *x, unsigned status);
/* `kind`: COPY or STATIC. */
void rh_answer_give_memory(struct rh_exchange *x, unsigned status, enum rh_answer_kind kind,
                           struct rh_slice content);
void rh_answer_give_owned(struct rh_exchange *x, unsigned status, struct rh_slice content,
                          void (*free_fn)(void *free_data), void *free_data);
void rh_answer_give_slab(struct rh_exchange *x, unsigned status, struct rh_slice content,
                         struct rh_place place);
/* `kind`: SOURCE, FILE or STREAM. */
void rh_answer_give_source(struct rh_exchange *x, unsigned status, enum rh_answer_kind kind,
                           const struct rh_source *source);
void rh_answer_give_upgrade(struct rh_exchange *x, const struct rh_session_kind *kind,
                            void *argument);

/* While `finish` runs: puts other content in the place of that in memory. `place`: where it lies;
 * without bytes: in the arena. */
void rh_answer_replace_memory(struct rh_exchange *x, struct rh_slice content,
                              struct rh_place place);
/* Its head fits no output: it becomes a 500 without content or fields of the handler's. */
void rh_answer_give_up(struct rh_exchange *x);

/* --- Its head -------------------------------------------------------------------------------- */

/* Returns true if the content is bytes in memory. */
static inline bool rh_answer_is_memory(const struct rh_exchange *x)
{
    return x->answer_kind >= RH_ANSWER_COPY && x->answer_kind <= RH_ANSWER_SLAB;
}

/* Returns true if the content is pulled from a source of any kind. */
static inline bool rh_answer_is_pulled(const struct rh_exchange *x)
{
    return x->answer_kind >= RH_ANSWER_SOURCE && x->answer_kind <= RH_ANSWER_STREAM;
}

/* Returns the length of the content, which is what Content-Length says, also if none is sent
 * (HEAD); RH_LENGTH_UNKNOWN if only its end will tell. */
static inline int64_t rh_answer_length(const struct rh_exchange *x)
{
    if (rh_answer_is_memory(x)) {
        return (int64_t)x->memory.len;
    }
    return rh_answer_is_pulled(x) ? x->source.length : 0;
}

/* Returns true if content follows the head: not to HEAD, nor with 204 and 304 (RFC 9110 §6.4.1,
 * §9.3.2). */
static inline bool rh_answer_has_content(const struct rh_exchange *x)
{
    return x->answer_kind != RH_ANSWER_EMPTY && x->head.method != RH_HEAD && x->status != 204 &&
           x->status != 304;
}

/* --- Its content ----------------------------------------------------------------------------- */

enum rh_answer_pulled {
    RH_PULLED_BYTES, /* so many were written */
    RH_PULLED_WAITS, /* nothing now: the exchange will be ready again */
    RH_PULLED_END,   /* all of it was pulled */
    RH_PULLED_BROKEN /* it breaks off, and the log says why: the peer must see that it is not whole
                      */
};

/* The head is made: from here on content is pulled. */
void rh_answer_begin(struct rh_exchange *x);

/* Writes up to `room` bytes of the content (at least 1) to `at`, and their number to *ret_len.
 * A source is offered all of `room`. May run user callbacks. */
enum rh_answer_pulled rh_answer_pull(struct rh_exchange *x, char *at, size_t room, size_t *ret_len);
/* As rh_answer_pull, for content of the kind FILE: the next range of it, at most `max` bytes, which
 * stays open until the next call or the end of the answer. */
enum rh_answer_pulled rh_answer_pull_range(struct rh_exchange *x, uint64_t max,
                                           struct rh_file_range *ret_range);
/* Takes all of the rest by reference, for content in memory. The bytes stay until the answer is
 * complete. */
static inline struct rh_slice rh_answer_take(struct rh_exchange *x)
{
    struct rh_slice rest = {x->memory.base + x->answer_bytes, x->memory.len - x->answer_bytes};
    x->answer_bytes = x->memory.len;
    return rest;
}

/* Returns true if the length is known and all of it was pulled. */
static inline bool rh_answer_is_whole(const struct rh_exchange *x)
{
    int64_t length = rh_answer_length(x);
    return length >= 0 && x->answer_bytes == (uint64_t)length;
}

/* All of it is in the output, or was lost. */
void rh_answer_complete(struct rh_exchange *x);

/* --- What it holds --------------------------------------------------------------------------- */

/* Gives back what the content holds (free function, source, slab object, pipe). May run user
 * callbacks. */
void rh_answer_give_back(struct rh_exchange *x);
static inline bool rh_answer_holds(const struct rh_exchange *x)
{
    return x->answer_kind >= RH_ANSWER_OWNED;
}

#endif
