/* rh_stream_*: a pipe of one slab buffer between the handler that pushes and the session that
 * pulls. The handler is told how much was taken, and called back when there is room again: that is
 * all the back-pressure there is. */
#include "rawhttp/stream.h"

#include <string.h>

#include "server/exchange/answer.h"
#include "util/machine.h"

static const uint16_t stream_moves[] = {
    [RH_STREAM_NONE] = RH_TO(RH_STREAM_OPEN),
    [RH_STREAM_OPEN] = RH_TO(RH_STREAM_CLOSED),
    [RH_STREAM_CLOSED] = RH_TO(RH_STREAM_OPEN),
};
static const uint16_t pipe_moves[] = {
    [RH_PIPE_OPEN] = RH_TO(RH_PIPE_ENDED) | RH_TO(RH_PIPE_FAILED),
    [RH_PIPE_ENDED] = 0,
    [RH_PIPE_FAILED] = 0,
};
static ptrdiff_t pull(void *data, char *out, size_t room)
{
    struct rh_exchange *x = data;
    struct rh_pipe *pipe = &x->pipe;
    size_t len = pipe->end - pipe->at;
    if (len == 0) {
        return pipe->state == RH_PIPE_OPEN     ? RH_EAGAIN
               : pipe->state == RH_PIPE_FAILED ? RH_ECUT
                                               : 0;
    }
    if (len > room) {
        len = room;
    }
    memcpy(out, pipe->bytes + pipe->at, len);
    pipe->at += (uint32_t)len;
    if (pipe->at == pipe->end) {
        pipe->at = pipe->end = 0;
        rh_stream_drop(x); /* a quiet stream holds none */
    }
    if (pipe->wants_drained && pipe->state == RH_PIPE_OPEN) {
        pipe->wants_drained = false;
        if (pipe->on_drained != NULL) {
            pipe->on_drained(x, pipe->data);
        }
    }
    return (ptrdiff_t)len;
}

void rh_stream_open(struct rh_exchange *x, unsigned status, const char *type, int64_t length,
                    rh_stream_fn on_drained, void *data)
{
    rh_exchange_assert_thread(x);
    if (x->stream == RH_STREAM_OPEN) {
        rh_exchange_log(x, RH_LOG_ERROR, "second stream (%u) on %.*s refused", status,
                        (int)x->route.len, x->route.base != NULL ? x->route.base : "");
        return;
    }
    if (x->stream == RH_STREAM_NONE) {
        x->pipe = (struct rh_pipe){.on_drained = on_drained, .data = data};
    }
    RH_MOVE(stream_moves, x->stream, RH_STREAM_OPEN);
    rh_exchange_note_kept(x);
    if (rh_answer_accepts(x, status)) {
        struct rh_source source = {.pull = pull, .close = NULL, .data = x, .length = length};
        rh_answer_set_type(x, type);
        rh_answer_give_source(x, status, RH_ANSWER_STREAM, &source);
    }
}

void rh_stream_drop(struct rh_exchange *x)
{
    if (x->pipe.bytes != NULL) {
        rh_slab_release(&x->engine->pools.pipes, x->pipe.bytes);
        x->pipe.bytes = NULL;
    }
}

/* What is written is dropped: the peer is gone, wants no content, or has all that was announced. */
static bool drops(const struct rh_exchange *x)
{
    return x->answer_kind != RH_ANSWER_STREAM || x->session == NULL || !rh_answer_has_content(x) ||
           x->pipe.state != RH_PIPE_OPEN;
}

void rh_stream_let_go(struct rh_exchange *x)
{
    struct rh_pipe *pipe = &x->pipe;
    if (x->stream == RH_STREAM_OPEN && pipe->wants_drained) {
        pipe->wants_drained = false;
        if (pipe->on_drained != NULL) {
            rh_exchange_enter(x);
            pipe->on_drained(x, pipe->data);
            rh_exchange_leave(x);
        }
    }
}

size_t rh_stream_room(const struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    if (drops(x)) {
        return RH_PIPE_BYTES;
    }
    return RH_PIPE_BYTES - (x->pipe.end - x->pipe.at);
}

size_t rh_stream_write(struct rh_exchange *x, const void *bytes, size_t len)
{
    rh_exchange_assert_thread(x);
    struct rh_pipe *pipe = &x->pipe;
    RH_ASSERT(x->stream == RH_STREAM_OPEN);
    if (drops(x) || len == 0) {
        return len;
    }
    if (pipe->bytes == NULL) {
        pipe->bytes = rh_slab_acquire(&x->engine->pools.pipes);
        if (pipe->bytes == NULL) {
            return 0;
        }
        pipe->at = pipe->end = 0;
    }
    if (pipe->at > 0 && len > RH_PIPE_BYTES - pipe->end) {
        memmove(pipe->bytes, pipe->bytes + pipe->at, pipe->end - pipe->at);
        pipe->end -= pipe->at;
        pipe->at = 0;
    }
    size_t taken = RH_PIPE_BYTES - pipe->end;
    if (taken > len) {
        taken = len;
    }
    memcpy(pipe->bytes + pipe->end, bytes, taken);
    pipe->end += (uint32_t)taken;
    pipe->wants_drained = taken < len;
    rh_source_resume(x);
    return taken;
}

/* If the answer is another's, or the peer is gone, the exchange goes with its stream. */
static void end(struct rh_exchange *x, enum rh_pipe_state how)
{
    RH_ASSERT(x->stream == RH_STREAM_OPEN);
    RH_MOVE(stream_moves, x->stream, RH_STREAM_CLOSED);
    rh_exchange_let_go(x);
    if (x->pipe.state == RH_PIPE_OPEN) {
        RH_MOVE(pipe_moves, x->pipe.state, (uint8_t)how);
    }
    if (x->session == NULL || rh_exchange_is_overruled(x)) {
        rh_exchange_maybe_release(x);
        return;
    }
    rh_body_leave(x);
    rh_source_resume(x);
    rh_exchange_ready(x);
}

void rh_stream_end(struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    end(x, RH_PIPE_ENDED);
}

void rh_stream_fail(struct rh_exchange *x)
{
    rh_exchange_assert_thread(x);
    end(x, RH_PIPE_FAILED);
}
