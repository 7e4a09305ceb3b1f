#include "http2/peer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http2/kind.h"

static void note(char *to, size_t cap, const char *line)
{
    size_t len = strlen(to);
    snprintf(to + len, cap - len, "%s\n", line);
}

static void on_log(void *data, enum rh_log_level level, const char *line)
{
    struct peer *peer = data;
    (void)level;
    note(peer->log, sizeof peer->log, line);
}

/* --- The client ----------------------------------------------------------------------------- */

static struct peer_answer *of(struct peer *peer, int32_t id)
{
    cr_assert_lt(id / 2, PEER_STREAMS);
    return &peer->answers[id / 2];
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *data)
{
    struct peer_answer *a = of(data, frame->hd.stream_id);
    char line[512];
    (void)ng;
    (void)flags;
    snprintf(line, sizeof line, "%.*s: %.*s", (int)name_len, name, (int)value_len, value);
    note(a->fields, sizeof a->fields, line);
    if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
        unsigned status = (unsigned)atoi((const char *)value);
        a->interim += status < 200;
        a->status = status < 200 ? a->status : status;
    }
    return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len,
                   void *data)
{
    struct peer_answer *a = of(data, id);
    (void)ng;
    (void)flags;
    a->body = realloc(a->body, a->body_len + len + 1);
    memcpy(a->body + a->body_len, bytes, len);
    a->body_len += len;
    a->body[a->body_len] = '\0';
    return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *data)
{
    struct peer *peer = data;
    (void)ng;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            of(peer, frame->hd.stream_id)->ended = true;
        }
        break;
    case NGHTTP2_RST_STREAM:
        of(peer, frame->hd.stream_id)->reset = frame->rst_stream.error_code + 1;
        break;
    case NGHTTP2_SETTINGS:
        for (size_t i = 0; i < frame->settings.niv; i++) {
            if (frame->settings.iv[i].settings_id >= 0 && frame->settings.iv[i].settings_id < 16) {
                peer->settings[frame->settings.iv[i].settings_id] = frame->settings.iv[i].value;
            }
        }
        break;
    default:
        break;
    }
    return 0;
}

static void make_client(struct peer *peer)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_http_messaging(option, 1); /* it may send what is wrong */
    nghttp2_session_client_new2(&peer->client, callbacks, peer, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(peer->client, NGHTTP2_FLAG_NONE, NULL, 0);
}

/* --- The host ------------------------------------------------------------------------------- */

void peer_begin_raw(struct peer *peer, rh_handler_fn handler, void *data)
{
    if (peer->config.size == 0) {
        rh_config_init(&peer->config);
        peer->config.connections_max = 4;
        peer->config.exchanges_max = 256;
    }
    peer->config.log = on_log;
    peer->config.log_data = peer;
    peer->config.log_level = RH_LOG_DEBUG;
    test_door_init(&peer->door, handler, data);
    cr_assert_eq(rh_engine_init(&peer->engine, &peer->door.door, &peer->config, 0), 0);
    peer->engine.manual_clock = true;
    rh_engine_tick(&peer->engine, UINT64_C(1000000000000000));
    rh_post_box_init(&peer->engine.posts, NULL, NULL);
    peer->host.engine = &peer->engine;
    peer->out = malloc(sizeof *peer->out + RH_OUTPUT_BYTES);
    rh_output_init(peer->out, RH_OUTPUT_BYTES);
    peer->host.drive = RH_DRIVE_RUNNING; /* nobody is to be woken: peer_run looks at everything */
    peer->session = rh_http2_kind.open(&peer->host, NULL, NULL);
    cr_assert_not_null(peer->session);
}

void peer_begin(struct peer *peer, rh_handler_fn handler, void *data,
                const struct rh_config *config)
{
    memset(peer, 0, sizeof *peer);
    if (config != NULL) {
        peer->config = *config;
    }
    make_client(peer);
    peer_begin_raw(peer, handler, data);
    peer_run(peer);
}

void peer_end(struct peer *peer)
{
    if (peer->session != NULL) {
        peer->session->ops->end(peer->session, RH_CLOSED);
        peer->session = NULL;
    }
    rh_exchange_conclude_answered(peer->out, true);
    rh_post_box_run(&peer->engine.posts);
    rh_post_box_close(&peer->engine.posts);
    rh_post_box_fini(&peer->engine.posts);
    rh_engine_fini(&peer->engine);
    if (peer->client != NULL) {
        nghttp2_session_del(peer->client);
    }
    for (size_t i = 0; i < PEER_STREAMS; i++) {
        free(peer->answers[i].body);
    }
    free(peer->out);
}

static uint32_t number_at(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The client stops reading at its first GOAWAY. */
static void note_goaways(struct peer *peer)
{
    const struct rh_output *out = peer->out;
    for (size_t at = 0; at < out->used; at += 9 + (number_at(out->bytes + at) >> 8)) {
        if (out->bytes[at + 3] == NGHTTP2_GOAWAY) {
            peer->goaway_last = (int32_t)number_at(out->bytes + at + 9);
            peer->goaway = number_at(out->bytes + at + 13) + 1;
            peer->goaways++;
        }
    }
}

static bool write_output(struct peer *peer)
{
    struct rh_output *out = peer->out;
    if (peer->stalled || rh_output_is_empty(out)) {
        return false;
    }
    note_goaways(peer);
    if (peer->client != NULL) {
        ssize_t used =
            nghttp2_session_mem_recv(peer->client, (const uint8_t *)out->bytes, out->used);
        cr_assert_eq(used, (ssize_t)out->used, "the client refuses: %s",
                     nghttp2_strerror((int)used));
    }
    out->used = 0;
    rh_exchange_conclude_answered(out, false);
    if (peer->session != NULL) {
        peer->session->ops->sent(peer->session);
    }
    return true;
}

static bool pull(struct peer *peer)
{
    struct rh_session *s = peer->session;
    if (s == NULL || s->finished) {
        return write_output(peer);
    }
    enum rh_pull pulled = s->ops->pull(s, peer->out);
    cr_assert(pulled != RH_PULL_FULL || peer->stalled || peer->out->used > 0, "full, yet empty");
    bool wrote = write_output(peer);
    return wrote || (pulled == RH_PULL_ADDED && !peer->stalled);
}

void peer_feed(struct peer *peer, const void *bytes, size_t len)
{
    struct rh_session *s = peer->session;
    if (s != NULL && s->wants_input) {
        cr_assert_eq(s->ops->feed(s, (char *)(uintptr_t)bytes, len), len);
    }
}

static bool send_some(struct peer *peer)
{
    const uint8_t *bytes;
    ssize_t len =
        peer->client != NULL && !peer->quiet ? nghttp2_session_mem_send(peer->client, &bytes) : 0;
    if (len > 0) {
        peer_feed(peer, bytes, (size_t)len);
    }
    return len > 0;
}

void peer_run_once(struct peer *peer)
{
    while (send_some(peer)) {
    }
}

void peer_run(struct peer *peer)
{
    bool moved = true;
    for (unsigned n = 0; moved; n++) {
        cr_assert_lt(n, 1000000U, "it goes on forever");
        moved = send_some(peer);
        moved = pull(peer) || moved;
    }
}

void peer_advance(struct peer *peer, uint64_t ms)
{
    uint64_t until = rh_engine_now_ms(&peer->engine) + ms;
    uint64_t due;
    peer_run(peer);
    while ((due = rh_alarms_next(&peer->engine.alarms)) <= until) {
        rh_engine_tick(&peer->engine, due * 1000);
        rh_alarms_run(&peer->engine.alarms, due);
        peer_run(peer);
    }
    rh_engine_tick(&peer->engine, until * 1000);
}

/* --- Requests ------------------------------------------------------------------------------- */

struct body {
    char *bytes;
    size_t len;
    size_t at;
    bool open;
};

static struct body bodies[PEER_STREAMS];

static ssize_t read_body(nghttp2_session *ng, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                         nghttp2_data_source *source, void *data)
{
    struct body *body = &bodies[id / 2];
    size_t len = body->len - body->at < room ? body->len - body->at : room;
    (void)ng;
    (void)source;
    (void)data;
    if (len == 0 && body->open) {
        return NGHTTP2_ERR_DEFERRED;
    }
    memcpy(to, body->bytes + body->at, len);
    body->at += len;
    if (body->at == body->len && !body->open) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)len;
}

static size_t add_lines(nghttp2_nv *nv, size_t n, char *lines)
{
    char *rest = NULL;
    for (char *line = strtok_r(lines, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *colon = strchr(line + 1, ':');
        *colon = '\0';
        char *value = colon + 1 + (colon[1] == ' ');
        nv[n++] = (nghttp2_nv){(uint8_t *)line, (uint8_t *)value, strlen(line), strlen(value), 0};
    }
    return n;
}

static int32_t submit(struct peer *peer, const char *method, const char *path, const char *fields,
                      const char *body, bool open)
{
    char *lines = strdup(fields != NULL ? fields : "");
    nghttp2_nv nv[128];
    char head[256];
    snprintf(head, sizeof head, ":method: %s\n:scheme: http\n:authority: x\n:path: %s", method,
             path);
    size_t n = add_lines(nv, 0, head);
    n = add_lines(nv, n, lines);
    nghttp2_data_provider provider = {.read_callback = read_body};
    int32_t id = (int32_t)nghttp2_session_get_next_stream_id(peer->client);
    bodies[id / 2] = (struct body){.bytes = strdup(body != NULL ? body : ""),
                                   .len = body != NULL ? strlen(body) : 0,
                                   .open = open};
    int32_t got = nghttp2_submit_request(peer->client, NULL, nv, n,
                                         body != NULL || open ? &provider : NULL, NULL);
    cr_assert_eq(got, id);
    free(lines);
    return id;
}

int32_t peer_send(struct peer *peer, const char *method, const char *path, const char *fields,
                  const char *body)
{
    return submit(peer, method, path, fields, body, false);
}

int32_t peer_get(struct peer *peer, const char *path)
{
    return submit(peer, "GET", path, NULL, NULL, false);
}

int32_t peer_post(struct peer *peer, const char *path, const char *fields)
{
    return submit(peer, "POST", path, fields, NULL, true);
}

void peer_data(struct peer *peer, int32_t id, const char *bytes, size_t len, bool ends)
{
    struct body *body = &bodies[id / 2];
    body->bytes = realloc(body->bytes, body->len + len + 1);
    memcpy(body->bytes + body->len, bytes, len);
    body->len += len;
    body->open = !ends;
    nghttp2_session_resume_data(peer->client, id);
}
