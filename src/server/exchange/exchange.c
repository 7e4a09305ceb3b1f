/* The life of an exchange. It is acquired at the first byte of a head, handed to the app when the
 * head is complete, concluded when the outcome of its answer is known, and released when nothing
 * asks for it: its session is done, its outcome was told, nobody holds it, no user callback runs on
 * it, and no post of another thread waits for it. One gate, rh_exchange_maybe_release, asks these
 * questions; nothing counts. */
#include "server/exchange/answer.h"

#include <string.h>

#include "http/path.h"
#include "util/word.h"

struct rh_exchange *rh_exchange_create(struct rh_engine *engine, struct rh_session *session)
{
    struct rh_exchange *x = rh_slab_acquire(&engine->pools.exchanges);
    if (RH_UNLIKELY(x == NULL)) {
        return NULL;
    }
    rh_word_zero(&x->held_link,
                 offsetof(struct rh_exchange, in) - offsetof(struct rh_exchange, held_link));
    x->engine = engine;
    x->session = session;
    x->peer = session->host->peer;
    x->tls = session->host->secure;
    x->started_us = engine->now_us;
    x->body_limit = engine->config.body_bytes_max;
    x->response_last = &x->response_first;
    x->fields = (struct rh_field *)(void *)x->memory_inline;
    rh_list_init(&x->waiting);
    rh_parser_init(&x->in.parser, x->fields, &engine->head_limits);
    return x;
}

/* The parser wrote the field lines to the front of the inline memory; the arena begins behind those
 * that are there. */
enum rh_rule rh_exchange_open_head(struct rh_exchange *x, const char *base)
{
    struct rh_engine *engine = x->engine;
    x->head = x->in.parser.head;
    size_t taken = (x->head.fields_n * sizeof(struct rh_field) + 7) & ~(size_t)7;
    rh_arena_init(&x->arena, x->memory_inline + taken,
                  engine->pools.exchanges.object_bytes - sizeof *x - taken, &engine->pools.arenas,
                  engine->config.arena_blocks_max);
    size_t extra = x->head.path_is_plain ? 0 : (size_t)x->head.path_len + 2;
    char *copy = rh_arena_text(&x->arena, x->head.bytes + extra);
    if (RH_UNLIKELY(copy == NULL)) {
        x->head_block = copy = rh_slab_acquire(&engine->pools.heads);
        if (copy == NULL) {
            return RH_RULE_HEAD_LONG;
        }
    }
    memcpy(copy, base, x->head.bytes);
    x->base = copy;
    if (RH_LIKELY(x->head.path_is_plain)) {
        x->path = (struct rh_slice){copy + x->head.path_at, x->head.path_len};
        return RH_RULE_NONE;
    }
    char *path = copy + x->head.bytes;
    if (x->head.form == RH_ASTERISK_FORM || x->head.form == RH_AUTHORITY_FORM) {
        x->path = (struct rh_slice){copy + x->head.target_at, x->head.target_len};
        return RH_RULE_NONE;
    }
    x->path.base = path;
    return rh_path_canonical((struct rh_slice){copy + x->head.path_at, x->head.path_len}, path,
                             &x->path.len);
}

void rh_exchange_handle(struct rh_exchange *x)
{
    struct rh_door *door = x->engine->door;
    x->calls++;
    door->handle(x, door);
    rh_exchange_require_answer(x);
    rh_exchange_leave(x);
}

void rh_exchange_require_answer(struct rh_exchange *x)
{
    bool waits_for_body = !x->body_told && (x->on_whole != NULL || x->on_data != NULL);
    if (RH_UNLIKELY(rh_exchange_needs_answer(x) && !waits_for_body && !x->engine->closing)) {
        rh_engine_log(x->engine, RH_LOG_ERROR, "handler of %.*s neither answered nor deferred",
                      RH_ROW(x));
        rh_respond_error(x, 500, NULL);
    }
}

void rh_exchange_free(struct rh_exchange *x)
{
    struct rh_engine *engine = x->engine;
    if (x->watch != RH_WATCH_NONE) {
        rh_exchange_watch_for(x, RH_WATCH_NONE);
    }
    if (x->part != NULL) {
        x->part->on_free(x);
    }
    if (RH_UNLIKELY(rh_answer_holds(x))) {
        rh_answer_give_back(x);
    }
    rh_exchange_release_whole(x);
    if (x->head_block != NULL) {
        rh_slab_release(&engine->pools.heads, x->head_block);
    }
    if (x->base != NULL) {
        rh_arena_fini(&x->arena);
    }
    if (x->held_link.next != NULL) {
        rh_list_remove(&x->held_link);
    }
    rh_slab_release(&engine->pools.exchanges, x);
    if (RH_UNLIKELY(!rh_list_is_empty(&engine->body_waiters))) {
        /* It gave room back, or was woken for room and did not take it. */
        rh_body_serve_waiters(engine);
    }
    if (RH_UNLIKELY(engine->closing) && engine->released != NULL) {
        engine->released(engine);
    }
}

static struct rh_slice known_field(const struct rh_exchange *x, enum rh_field_id id)
{
    for (unsigned i = 0; i < x->head.fields_n; i++) {
        if (x->fields[i].id == id) {
            return (struct rh_slice){x->base + x->fields[i].value_at, x->fields[i].value_len};
        }
    }
    return (struct rh_slice){NULL, 0};
}

static void tell_access(struct rh_exchange *x, bool aborted)
{
    char peer[RH_PEER_TEXT_MAX];
    struct rh_engine *engine = x->engine;
    uint64_t duration_us = engine->now_us - x->started_us;
    rh_peer_text(&x->peer, peer);
    struct rh_access access = {
        .peer = rh_slice_from(peer),
        .route = x->route,
        .user = rh_slice_from(x->user),
        .request_id = rh_slice_from(x->request_id),
        .time_us = rh_engine_wall_us(engine) - (int64_t)duration_us,
        .duration_us = duration_us,
        .bytes_in = x->body_received,
        .bytes_out = x->answer_bytes,
        .status = x->status,
        .version_major = x->head.version_major,
        .version_minor = x->head.version_minor,
        .aborted = aborted,
        .tls = x->tls,
    };
    if (x->refusal != RH_RULE_NONE) {
        access.refusal = rh_slice_from(rh_rule_info((enum rh_rule)x->refusal)->id);
    }
    if (x->base != NULL) {
        access.method = rh_request_method_name(x);
        access.target = (struct rh_slice){x->base + x->head.target_at, x->head.target_len};
        access.host = rh_request_host(x);
        access.referer = known_field(x, RH_FIELD_REFERER);
        access.user_agent = known_field(x, RH_FIELD_USER_AGENT);
    }
    engine->config.access(engine->config.log_data, &access);
}

/* Hooks run in reverse order of their registration, and the log comes last. */
static __attribute__((noinline)) void tell_outcome(struct rh_exchange *x, bool aborted)
{
    struct rh_outcome outcome = {.status = x->status,
                                 .bytes = x->answer_bytes,
                                 .duration_us = x->engine->now_us - x->started_us,
                                 .aborted = aborted};
    x->calls++;
    while (x->outcomes != NULL) {
        struct rh_outcome_hook *hook = x->outcomes;
        x->outcomes = hook->next;
        hook->fn(x, &outcome, hook->data);
    }
    if (x->engine->config.access != NULL) {
        tell_access(x, aborted);
    }
    x->calls--;
}

static inline void tell(struct rh_exchange *x, bool aborted)
{
    RH_ASSERT(!x->concluded);
    x->concluded = true;
    rh_engine_count(x->engine, x->status, x->started_us);
    if (rh_exchange_wants_outcome(x)) {
        tell_outcome(x, aborted);
    }
}

void rh_exchange_conclude(struct rh_exchange *x, bool aborted)
{
    tell(x, aborted);
    rh_exchange_maybe_release(x);
}

void rh_exchange_conclude_behind(struct rh_exchange *x, struct rh_output *out)
{
    if (rh_exchange_wants_outcome(x) && out != NULL && !rh_output_is_empty(out)) {
        rh_list_push_back(&out->answered, &x->waiting);
        out->answered_n++;
    } else {
        tell(x, false);
    }
}

void rh_exchange_conclude_answered(struct rh_output *out, bool aborted)
{
    while (!rh_list_is_empty(&out->answered)) {
        struct rh_exchange *x = RH_CONTAINER_OF(out->answered.next, struct rh_exchange, waiting);
        rh_list_remove(&x->waiting);
        rh_exchange_conclude(x, aborted);
    }
    out->answered_n = 0;
}

void rh_exchange_hint_eof(struct rh_exchange *x)
{
    if (x->peer_eof) {
        return;
    }
    x->peer_eof = true;
    if (x->aborts != NULL && x->answer_state != RH_ANSWER_COMPLETE) {
        rh_exchange_enter(x);
        rh_exchange_tell_abort(x, RH_PEER_EOF);
        rh_exchange_leave(x);
    }
}

/* Order: nothing can be answered any more, then the body's reader hears, then the handler, then the
 * outcome. */
void rh_exchange_cut(struct rh_exchange *x, enum rh_abort reason)
{
    x->session = NULL;
    x->cut = (uint8_t)reason;
    if (x->watch != RH_WATCH_NONE) {
        rh_exchange_watch_for(x, RH_WATCH_NONE);
    }
    x->calls++;
    rh_exchange_body_end(x, RH_ECUT);
    rh_answer_give_back(x);
    if (x->aborts != NULL && (x->answer_state == RH_ANSWER_NONE || x->stream == RH_STREAM_OPEN)) {
        rh_exchange_tell_abort(x, reason);
    }
    rh_stream_let_go(x);
    x->calls--;
    if (!x->concluded && rh_list_is_empty(&x->waiting)) {
        rh_exchange_conclude(x, true);
    } else {
        rh_exchange_maybe_release(x);
    }
}
