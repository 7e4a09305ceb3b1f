/* All ways to answer. What is answered is noted first, so that the peer can compare. */
#include "sim/deal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    COPY_MAX = 24 * 1024,
    OWNED_MAX = 200 * 1024,
    SOURCE_MAX = 300 * 1024,
    STREAM_PIECE = 20 * 1024
};

static size_t some_length(size_t max)
{
    return sim_percent(60) ? sim_pick(200) : sim_percent(60) ? sim_pick(5000) : sim_pick(max);
}

/* --- In one piece ----------------------------------------------------------------------------- */

struct owned {
    struct deal *d;
    char bytes[];
};

static void free_owned(void *data)
{
    struct owned *owned = data;
    SIM_CHECK(owned->d->frees > 0, "deal %u: its memory is given back twice", owned->d->id);
    owned->d->frees--;
    memset(owned->bytes, '!', 1);
    sim_free(owned);
    if (sim_percent(sim.plan.wild) && sim_percent(sim.plan.endings) && sim_percent(20)) {
        sim_server_move();
    }
}

static void answer_owned(struct deal *d, size_t len)
{
    struct owned *owned = sim_alloc(sizeof *owned + len + 1);
    owned->d = d;
    deal_fill(d->id, 0, owned->bytes, len);
    d->frees++;
    rh_respond_owned(d->x, d->status, "text/plain", owned->bytes, len, free_owned, owned);
}

static void answer_copy(struct deal *d, size_t len)
{
    char *bytes = sim_alloc(len + 1);
    deal_fill(d->id, 0, bytes, len);
    rh_respond(d->x, d->status, "text/plain", bytes, len);
    sim_free(bytes);
}

/* --- Pulled ----------------------------------------------------------------------------------- */

static ptrdiff_t pull(void *data, char *out, size_t room)
{
    struct deal *d = data;
    SIM_CHECK(d->source_open, "deal %u: its source is pulled after it was closed", d->id);
    size_t left = d->length - d->given;
    if (!sim.calm && sim_percent(20)) {
        d->source_waits = true;
        d->later_us = sim.now_us + 1 + sim_pick(20000);
        return RH_EAGAIN;
    }
    if (sim_percent(sim.plan.wild) && sim_percent(sim.plan.endings) && sim_percent(20)) {
        d->in_pull = true;
        sim_server_move();
        d->in_pull = false;
    }
    if (d->source_fails && sim_percent(20)) {
        return sim_percent(50) ? RH_ECUT : UV_EIO;
    }
    size_t n = sim_part(left < room ? left : room);
    if (n > 0) {
        deal_fill(d->id, d->given, out, n);
        d->given += n;
    }
    return (ptrdiff_t)n;
}

static void close_source(void *data)
{
    struct deal *d = data;
    SIM_CHECK(d->source_open, "deal %u: its source is closed twice", d->id);
    SIM_CHECK(!d->in_pull, "deal %u: its source is closed inside of its pull", d->id);
    d->source_open = false;
    d->source_waits = false;
    sim_trace("deal %u: its source closes", d->id);
}

void deal_answer_source(struct deal *d)
{
    d->length = some_length(SOURCE_MAX);
    d->length_known = sim_percent(50);
    d->source_fails = !sim.calm && sim_percent(sim.plan.wild);
    d->source_open = true;
    d->given = 0;
    struct rh_source source = {.pull = pull,
                               .close = close_source,
                               .data = d,
                               .length = d->length_known ? (int64_t)d->length : RH_LENGTH_UNKNOWN};
    rh_respond_source(d->x, d->status, "text/plain", &source);
}

/* --- Pushed ----------------------------------------------------------------------------------- */

static void on_room(struct rh_exchange *x, void *data)
{
    struct deal *d = data;
    (void)x;
    sim_trace("deal %u: room", d->id);
    SIM_CHECK(d->stream_open, "deal %u: room in a stream that has ended", d->id);
    d->calls++;
    if (sim_percent(sim.plan.wild)) {
        deal_move(d, PLACE_ROOM);
    } else {
        deal_write_stream(d, true);
    }
    deal_settle(d, PLACE_ROOM);
    d->calls--;
}

void deal_open_stream(struct deal *d)
{
    d->stream_open = true;
    d->length = d->given = 0;
    d->length_known = sim_percent(20);
    if (d->length_known) {
        d->length = some_length(COPY_MAX);
    }
    rh_stream_open(d->x, d->status, "text/plain",
                   d->length_known ? (int64_t)d->length : RH_LENGTH_UNKNOWN, on_room, d);
    deal_write_stream(d, sim_percent(20));
}

static void end_stream(struct deal *d)
{
    bool fails = !sim.calm && sim_percent(sim.plan.wild / 2);
    d->stream_open = false;
    d->held = false;
    d->answered = true;
    d->source_fails = fails || (d->length_known && d->given < d->length);
    if (!d->length_known) {
        d->length = d->given;
    }
    if (fails) {
        rh_stream_fail(d->x);
    } else {
        rh_stream_end(d->x);
    }
}

void deal_write_stream(struct deal *d, bool may_end)
{
    size_t len = some_length(STREAM_PIECE);
    if (d->hub) {
        return;
    }
    if (d->length_known && len > d->length - d->given) {
        len = d->length - d->given;
    }
    char *bytes = sim_alloc(len + 1);
    deal_fill(d->id, d->given, bytes, len);
    size_t taken = rh_stream_write(d->x, bytes, len);
    SIM_CHECK(taken <= len, "deal %u: a stream takes more than it was given", d->id);
    sim_free(bytes);
    d->given += taken;
    bool is_full = taken < len;
    if (d->threads == 0 && may_end && !is_full && (sim.calm || sim_percent(30))) {
        end_stream(d);
    }
}

/* --- Which ------------------------------------------------------------------------------------ */

static void answer_file(struct deal *d)
{
    static const char *const names[] = {"small.txt", "large.txt", "page.html",
                                        "none",      "folder",    "../small.txt"};
    const char *name = names[sim_pick(sizeof names / sizeof names[0])];
    rh_files_send(d->x, sim_files(), name, 200);
}

static void answer_kind(struct deal *d, size_t kind)
{
    switch (kind) {
    case 0:
    case 1:
    case 2:
        d->length = some_length(COPY_MAX);
        d->patterned = d->length_known = true;
        answer_copy(d, d->length);
        break;
    case 3:
        d->length = some_length(OWNED_MAX);
        d->patterned = d->length_known = true;
        answer_owned(d, d->length);
        break;
    case 4:
        rh_respond_static(d->x, d->status, NULL, "static", 6);
        break;
    case 5:
        d->status = sim_percent(50) ? 204 : 200;
        rh_respond_empty(d->x, d->status);
        break;
    case 6:
        d->status = 418;
        rh_respond_error(d->x, 418, sim_percent(50) ? "because" : NULL);
        break;
    case 7:
        d->status = 302;
        rh_respond_redirect(d->x, 302, "/elsewhere");
        break;
    case 8:
        d->status = 0; /* 200, 404 or 503 */
        d->handed = true;
        answer_file(d);
        break;
    default:
        d->patterned = true;
        deal_answer_source(d);
    }
}

void deal_answer(struct deal *d)
{
    bool is_second = d->answered;
    size_t kind = sim_pick(14);
    char id[16];
    if (!is_second) {
        snprintf(id, sizeof id, "%u", d->id);
        if (!rh_exchange_is_cut(
                d->x)) { /* else somebody answers in its place, and with its fields */
            RH_IGNORE(rh_response_set(d->x, "X-Deal", id));
        }
        d->status = 200;
        sim_trace("deal %u: answers with kind %zu", d->id, kind);
    } else if (kind > 4) {
        rh_respond_text(d->x, 200, "again");
        return;
    }
    if (kind >= 11 && !is_second) {
        d->patterned = true;
        if (kind == 11 && !d->asked) {
            d->answered = d->handed = d->hub = true;
            d->held = false;
            d->patterned = false;
            d->status = 0; /* 200, or 503 without memory */
            RH_IGNORE(rh_sse_hub_subscribe(sim_hub(), d->x));
        } else {
            deal_open_stream(d);
        }
        return;
    }
    if (is_second) {
        if (kind == 3) {
            answer_owned(d, 10);
        } else {
            rh_respond_static(d->x, 200, NULL, "again", 5);
        }
        return;
    }
    d->answered = true;
    d->held = false;
    answer_kind(d, kind);
}
