/* rh_stream_*: a pipe of one slab buffer between the handler that pushes and the session that
 * pulls. The handler is told how much was taken, and called back when there is room again: that is
 * all the back-pressure there is. */
#include "rawhttp/stream.h"

#include <string.h>

#include "server/exchange.h"

static ptrdiff_t pull(void *data, char *out, size_t room)
{
    struct rh_exchange *x = data;
    struct rh_pipe *pipe = &x->pipe;
    size_t len = pipe->end - pipe->at;
    if (len == 0) {
        return pipe->failed ? RH_ECUT : pipe->ended ? 0 : RH_EAGAIN;
    }
    if (len > room) {
        len = room;
    }
    memcpy(out, pipe->bytes + pipe->at, len);
    pipe->at += (uint32_t)len;
    if (pipe->at == pipe->end) {
        pipe->at = pipe->end = 0;
        rh_slab_release(&x->engine->pools.pipes, pipe->bytes); /* a quiet stream holds none */
        pipe->bytes = NULL;
    }
    if (pipe->wants_drained && !pipe->ended) {
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
    if (!x->has_pipe) {
        x->has_pipe = true;
        x->pipe = (struct rh_pipe){.bytes = NULL};
    }
    if (x->session != NULL && x->answer_state == RH_ANSWER_NONE && !x->overruled) {
        enum rh_body_state body = (enum rh_body_state)x->body_state;
        bool told = x->body_told;
        struct rh_source source = {.pull = pull, .close = NULL, .data = x, .length = length};
        x->pipe.on_drained = on_drained;
        x->pipe.data = data;
        rh_respond_source(x, status, type, &source);
        x->body_state = (uint8_t)body; /* an open stream goes on reading the request */
        x->body_told = told;
        /* Until something was written: the head leaves at once all the same. */
        x->source_waits = true;
    }
    x->stream_open = true;
    rh_exchange_keep(x);
}

/* What is written is dropped: the peer is gone, wants no content, or has all that was announced. */
static bool drops(const struct rh_exchange *x)
{
    return x->session == NULL || x->overruled || x->is_head ||
           x->answer_state == RH_ANSWER_COMPLETE;
}

void rh_stream_let_go(struct rh_exchange *x)
{
    struct rh_pipe *pipe = &x->pipe;
    if (x->stream_open && pipe->wants_drained) {
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
    if (drops(x)) {
        return RH_PIPE_BYTES;
    }
    return RH_PIPE_BYTES - (x->pipe.end - x->pipe.at);
}

size_t rh_stream_write(struct rh_exchange *x, const void *bytes, size_t len)
{
    struct rh_pipe *pipe = &x->pipe;
    RH_ASSERT(x->stream_open);
    if (drops(x) || len == 0) {
        return len;
    }
    if (pipe->bytes == NULL) {
        pipe->bytes = rh_slab_acquire(&x->engine->pools.pipes);
        if (pipe->bytes == NULL) {
            return 0;
        }
        x->owes_body = true;
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

static void end(struct rh_exchange *x)
{
    RH_ASSERT(x->stream_open);
    x->stream_open = false;
    x->held = false;
    if (x->overruled) { /* the answer is another's */
        rh_exchange_maybe_release(x);
        return;
    }
    x->pipe.ended = true;
    x->body_told = true;
    if (x->body_state == RH_BODY_READING || x->body_state == RH_BODY_PAUSED) {
        x->body_state = RH_BODY_UNASKED;
    }
    if (x->session == NULL) {
        rh_exchange_maybe_release(x);
    } else {
        x->source_waits = false;
        rh_exchange_ready(x);
    }
}

void rh_stream_end(struct rh_exchange *x)
{
    end(x);
}

void rh_stream_fail(struct rh_exchange *x)
{
    x->pipe.failed = true;
    end(x);
}
