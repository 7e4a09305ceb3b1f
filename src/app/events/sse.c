/* Server-sent events. An event is written in the pieces of its lines; it is measured first, so that
 * what does not fit into the stream's buffer is left out whole: half an event would be read
 * together with the next one. */
#include "app/events/sse.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Where a line goes: measured first, then written. */
struct target {
    struct rh_exchange *x; /* a stream; NULL: not there */
    char *out;             /* memory; NULL: not there. Without both it is only counted */
    size_t length;
};

static void put(struct target *target, const char *bytes, size_t length)
{
    if (target->x != NULL)
        rh_stream_write(target->x, bytes, length);
    else if (target->out != NULL)
        memcpy(target->out + target->length, bytes, length);
    target->length += length;
}

static void put_line(struct target *target, const char *name, const char *value, size_t length)
{
    put(target, name, strlen(name));
    put(target, value, length);
    put(target, "\n", 1);
}

/* The three line ends that the format knows: CR LF, LF, CR. */
static void put_data(struct target *target, struct rh_slice data)
{
    size_t start = 0;
    for (size_t i = 0; i <= data.len; i++) {
        bool at_end = i == data.len;
        if (!at_end && data.base[i] != '\n' && data.base[i] != '\r')
            continue;
        put_line(target, "data: ", data.len > 0 ? data.base + start : "", i - start);
        if (!at_end && data.base[i] == '\r' && i + 1 < data.len && data.base[i + 1] == '\n')
            i++;
        start = i + 1;
    }
}

static void put_event(struct target *target, const char *event, const char *id,
                      struct rh_slice data)
{
    if (event != NULL)
        put_line(target, "event: ", event, strlen(event));
    if (id != NULL)
        put_line(target, "id: ", id, strlen(id));
    put_data(target, data);
    put(target, "\n", 1);
}

static int send_text(struct rh_exchange *x, const char *text)
{
    size_t length = strlen(text);
    if (rh_stream_room(x) < length)
        return RH_EAGAIN;
    rh_stream_write(x, text, length);
    return 0;
}

void rh_sse_open(struct rh_exchange *x, rh_stream_fn on_drained, void *data)
{
    /* Both fail only where the head's room is used up; the stream is then just less polite to
     * proxies. */
    (void)!rh_response_set(x, "Cache-Control", "no-store");
    (void)!rh_response_set(x, "X-Accel-Buffering", "no");
    rh_stream_open(x, 200, "text/event-stream", RH_LENGTH_UNKNOWN, on_drained, data);
}

static bool is_one_line(const char *text)
{
    return text == NULL || strpbrk(text, "\r\n") == NULL;
}

size_t rh_sse_format(const char *event, const char *id, struct rh_slice data, char *out)
{
    struct target target = {NULL, out, 0};
    if (!is_one_line(event) || !is_one_line(id))
        return 0;
    put_event(&target, event, id, data);
    return target.length;
}

int rh_sse_send(struct rh_exchange *x, const char *event, const char *id, struct rh_slice data)
{
    struct target write = {x, NULL, 0};
    size_t length = rh_sse_format(event, id, data, NULL);
    if (length == 0)
        return RH_EFIELD;
    if (rh_stream_room(x) < length)
        return RH_EAGAIN;
    put_event(&write, event, id, data);
    return 0;
}

int rh_sse_retry(struct rh_exchange *x, unsigned ms)
{
    char text[32];
    snprintf(text, sizeof text, "retry: %u\n\n", ms);
    return send_text(x, text);
}

int rh_sse_heartbeat(struct rh_exchange *x)
{
    return send_text(x, ":\n\n");
}

struct rh_slice rh_sse_last_id(const struct rh_exchange *x)
{
    return rh_request_field(x, "Last-Event-ID");
}
