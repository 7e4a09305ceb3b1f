/* A peer sends a seeded part of what it has, reads a seeded part of what came, rests, and ends in
 * one of the ways in which connections end. Its answers are read strictly, in the order of its
 * requests. */
#include "sim/peer.h"

#include <errno.h>
#include <string.h>

#include "sim/net.h"
#include "sim/peer_tls.h"
#include "sim/reader.h"
#include "sim/request.h"
#include "util/assert.h"

enum { DEALS_MAX = 16, WIRE_MAX = 512 * 1024, PIECE = 16 * 1024, OPEN_MAX = 512 };

enum ending { END_CLOSE, END_FINISH, END_IDLE, END_RESET, ENDINGS };

struct peer {
    unsigned number;
    struct net_socket *socket;
    struct peer_tls *tls;
    struct reader reader;
    struct deal *deals[DEALS_MAX]; /* that are not answered, in order */
    size_t deals_n;
    unsigned left; /* requests that it will still send */
    char *wire;    /* for the server, encrypted where it is TLS */
    size_t wire_len;
    struct request held_back; /* the body of a request that waits for 100 */
    struct deal *waiting;
    uint64_t waits_until_us;
    uint64_t rests_until_us;
    uint64_t listens_until_us; /* to a hub's events, which never end */
    size_t cut_after;          /* bytes that it sends before it ends early; SIZE_MAX: it does not */
    enum ending ending;
    bool finished; /* it sends no more */
    bool tls_over;
    unsigned stream; /* of HTTP/2, that it asks next; 0: it speaks HTTP/1 */
    bool is_lost; /* it speaks plain HTTP to the port of TLS, and does not understand the answer */
};

static struct peer *all[OPEN_MAX];
static unsigned open_n;
static unsigned made_n;
static uint64_t answers_n;

/* --- Life ------------------------------------------------------------------------------------- */

void peers_open(const char *ca_file)
{
    peer_tls_open_all(ca_file);
}

unsigned peers_left(void)
{
    return sim.calm ? 0 : sim.plan.peers - made_n;
}

unsigned peers_open_now(void)
{
    return open_n;
}

uint64_t peers_answers(void)
{
    return answers_n;
}

static void fetch_cipher(struct peer *p)
{
    if (p->tls != NULL && p->wire_len < WIRE_MAX) {
        p->wire_len += peer_tls_take(p->tls, p->wire + p->wire_len, WIRE_MAX - p->wire_len);
    }
}

static void start_handshake(struct peer *p)
{
    char none[1];
    RH_IGNORE(peer_tls_read(p->tls, none, 1, &p->tls_over) > 0);
    fetch_cipher(p);
}

bool peers_add(void)
{
    static const size_t windows[] = {64, 1500, 9000, 65536, 65536, 65536, 65536, 200000};
    if (peers_left() == 0 || open_n >= sim.plan.crowd || open_n >= OPEN_MAX) {
        return false;
    }
    bool uses_tls = sim_percent(sim.plan.tls);
    size_t window = windows[sim_pick(sizeof windows / sizeof windows[0])];
    struct net_socket *socket =
        net_connect(uses_tls ? PEER_PORT_TLS : PEER_PORT_PLAIN, window, made_n % 250);
    if (socket == NULL) {
        return false;
    }
    struct peer *p = sim_alloc(sizeof *p);
    p->number = made_n++;
    p->socket = socket;
    p->left = 1 + (unsigned)sim_pick(sim.plan.requests);
    p->wire = sim_alloc(WIRE_MAX);
    p->reader.head = sim_alloc(READER_HEAD_MAX);
    p->cut_after = sim_percent(sim.plan.cuts) ? sim_pick(sim_percent(50) ? 400 : 60000) : SIZE_MAX;
    p->ending = (enum ending)sim_pick(ENDINGS);
    p->listens_until_us = sim.now_us + sim_pick(30000000);
    p->is_lost = uses_tls && sim_percent(3);
    p->stream = !uses_tls && sim_percent(sim.plan.second) ? 1 : 0;
    if (uses_tls && !p->is_lost) {
        p->tls = peer_tls_create();
        start_handshake(p);
    }
    all[open_n++] = p;
    sim_trace("peer %u connects%s", p->number, uses_tls ? " with TLS" : "");
    return true;
}

static void destroy(struct peer *p)
{
    sim_trace("peer %u is gone after %u answers", p->number, p->reader.answers);
    answers_n += p->reader.answers;
    bool is_over = p->reader.state == READER_OVER || p->reader.state == READER_UNTIL_END ||
                   (p->deals_n > 0 && p->deals[0]->source_fails);
    for (size_t i = 0; i < p->deals_n; i++) {
        p->deals[i]->hostile |=
            is_over && !p->deals[i]->served; /* the answer before it ended the connection */
    }
    net_peer_close(p->socket);
    peer_tls_destroy(p->tls);
    sim_free(p->wire);
    sim_free(p->reader.head);
    sim_free(p->held_back.bytes);
    for (unsigned i = 0; i < open_n; i++) {
        if (all[i] == p) {
            all[i] = all[--open_n];
            break;
        }
    }
    sim_free(p);
}

/* --- Sending ---------------------------------------------------------------------------------- */

static bool may_ask(const struct peer *p)
{
    bool has_room = p->deals_n < DEALS_MAX && p->wire_len < WIRE_MAX / 4;
    bool is_ready = p->tls == NULL || (peer_tls_is_ready(p->tls) && !p->tls_over);
    return !sim.calm && p->left > 0 && !p->finished && p->waiting == NULL && has_room && is_ready &&
           p->reader.state != READER_OVER;
}

static void push(struct peer *p, const char *bytes, size_t len)
{
    if (p->tls != NULL) {
        peer_tls_write(p->tls, bytes, len);
        return;
    }
    SIM_CHECK(p->wire_len + len <= WIRE_MAX, "a peer has too much to send");
    memcpy(p->wire + p->wire_len, bytes, len);
    p->wire_len += len;
}

/* By HTTP/2: it sends requests and windows, and does not understand the answers. */
static void ask_by_frames(struct peer *p)
{
    struct request r;
    struct deal *d = request_make_frames(&r, p->stream);
    sim_trace("peer %u asks deal %u on stream %u", p->number, d->id, p->stream);
    p->stream += 2;
    p->left--;
    push(p, r.bytes, r.len);
    sim_free(r.bytes);
}

static void ask(struct peer *p)
{
    struct request r;
    struct deal *d = request_make(&r, p->left == 1);
    sim_trace("peer %u asks deal %u: method %d, body %zu%s", p->number, d->id, d->method,
              d->body_len, d->hostile ? ", hostile" : "");
    d->hostile |= p->is_lost;
    p->left = r.last ? 0 : p->left - 1;
    p->deals[p->deals_n++] = d;
    if (p->reader.deal == NULL) {
        p->reader.deal = p->deals[0];
    }
    push(p, r.bytes, r.waits ? r.head_len : r.len);
    if (r.waits) {
        p->held_back = r;
        p->waiting = d;
        p->reader.continued = false;
        p->waits_until_us = sim.now_us + 1 + sim_pick(1500000);
    } else {
        sim_free(r.bytes);
    }
}

/* It was told to go on, has waited long enough, or knows that nobody wants the body. */
static bool may_go_on(const struct peer *p)
{
    return p->waiting != NULL && (p->reader.continued || sim.now_us >= p->waits_until_us ||
                                  p->deals_n == 0 || p->deals[0] != p->waiting);
}

static void go_on(struct peer *p)
{
    push(p, p->held_back.bytes + p->held_back.head_len, p->held_back.len - p->held_back.head_len);
    sim_free(p->held_back.bytes);
    p->held_back.bytes = NULL;
    p->waiting = NULL;
}

static bool may_send(const struct peer *p)
{
    return p->wire_len > 0 && net_peer_unread(p->socket) < NET_PIPE_BYTES;
}

/* False: the peer is gone. */
static bool cut_now(struct peer *p)
{
    sim_trace("peer %u cuts", p->number);
    p->cut_after = SIZE_MAX;
    for (size_t i = 0; i < p->deals_n; i++) {
        p->deals[i]->hostile = true; /* what came of it is half a request */
    }
    if (sim_percent(40)) {
        p->finished = true;
        p->wire_len = 0;
        net_peer_finish(p->socket);
        return true;
    }
    if (sim_percent(50)) {
        net_peer_reset(p->socket);
    }
    destroy(p);
    return false;
}

static bool send_some(struct peer *p)
{
    size_t n = sim_part(p->wire_len < PIECE ? p->wire_len : PIECE);
    bool cuts = n >= p->cut_after;
    if (cuts) {
        n = p->cut_after;
    }
    n = net_peer_send(p->socket, p->wire, n);
    sim_trace("peer %u sends %zu", p->number, n);
    memmove(p->wire, p->wire + n, p->wire_len - n);
    p->wire_len -= n;
    p->cut_after -= p->cut_after == SIZE_MAX ? 0 : n;
    return cuts ? cut_now(p) : true;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void next_deal(struct peer *p)
{
    if (p->reader.deal == NULL && p->deals_n > 0) {
        memmove(p->deals, p->deals + 1, --p->deals_n * sizeof p->deals[0]);
        p->reader.deal = p->deals_n > 0 ? p->deals[0] : NULL;
    }
}

static void read_plain(struct peer *p, const char *bytes, size_t len)
{
    while (len > 0) {
        if (p->reader.deal == NULL || p->is_lost || p->stream != 0) {
            /* The server may say that the time for a head is over, or answer noise, and end. */
            return;
        }
        size_t used = reader_feed(&p->reader, bytes, len);
        bytes += used;
        len -= used;
        next_deal(p);
    }
}

/* False: the peer is gone. */
static bool read_some(struct peer *p)
{
    static char cipher[PIECE], plain[PIECE];
    ptrdiff_t n = net_peer_receive(p->socket, cipher, sim_part(PIECE));
    sim_trace("peer %u receives %td", p->number, n);
    if (n == -EAGAIN) {
        return true;
    }
    if (n <= 0) {
        if (n == 0) {
            reader_end(&p->reader);
        }
        destroy(p);
        return false;
    }
    if (p->tls == NULL) {
        read_plain(p, cipher, (size_t)n);
        return true;
    }
    peer_tls_put(p->tls, cipher, (size_t)n);
    size_t got;
    while (!p->tls_over && (got = peer_tls_read(p->tls, plain, PIECE, &p->tls_over)) > 0) {
        read_plain(p, plain, got);
    }
    return true;
}

/* --- Acting ----------------------------------------------------------------------------------- */

static bool is_done(const struct peer *p)
{
    bool asks_no_more =
        p->left == 0 || sim.calm || p->finished || p->tls_over || p->reader.state == READER_OVER;
    return asks_no_more && p->deals_n == 0 && p->waiting == NULL &&
           (p->wire_len == 0 || p->finished);
}

static bool is_listening(const struct peer *p)
{
    return p->deals_n > 0 && p->deals[0]->hub;
}

static bool ends_now(const struct peer *p)
{
    if (is_listening(p) || p->stream != 0) {
        return sim.calm || sim.now_us >= p->listens_until_us;
    }
    return is_done(p) && (p->ending == END_CLOSE || p->ending == END_RESET ||
                          (p->ending == END_FINISH && !p->finished) || sim.calm);
}

/* Ends after its last answer. False: gone. */
static bool end(struct peer *p)
{
    for (size_t i = 0; i < p->deals_n; i++) {
        p->deals[i]->hostile = true; /* behind a hub's events nothing is waited for */
    }
    if (p->ending == END_FINISH && !p->finished) {
        if (p->tls != NULL && sim_percent(50)) {
            peer_tls_finish(p->tls);
            fetch_cipher(p);
            net_peer_send(p->socket, p->wire, p->wire_len);
            p->wire_len = 0;
        }
        p->finished = true;
        net_peer_finish(p->socket);
        return true;
    }
    if (p->ending == END_RESET && !sim.calm) {
        net_peer_reset(p->socket);
    }
    destroy(p);
    return false;
}

static bool is_pipelining(const struct peer *p)
{
    return p->deals_n == 0 || (p->number * 37 % 100) < sim.plan.pipeline;
}

static bool can_act(const struct peer *p)
{
    if (sim.now_us < p->rests_until_us) {
        return false;
    }
    return net_peer_can_receive(p->socket) || may_send(p) || (may_ask(p) && is_pipelining(p)) ||
           may_go_on(p) || ends_now(p);
}

static void act(struct peer *p)
{
    if (!sim.calm && sim_percent(sim.plan.stalls) && sim_percent(10)) {
        p->rests_until_us = sim.now_us + 1 + sim_pick(sim_percent(5) ? 20000000 : 300000);
        sim_trace("peer %u rests", p->number);
        return;
    }
    if (!sim.calm && p->tls != NULL && sim_percent(sim.plan.wild / 8)) {
        peer_tls_update_keys(p->tls);
    }
    if (ends_now(p) && sim_percent(50)) {
        end(p);
        return;
    }
    if (may_go_on(p)) {
        go_on(p);
    } else if (may_ask(p) && is_pipelining(p) && sim_percent(50)) {
        p->stream != 0 ? ask_by_frames(p) : ask(p);
    }
    fetch_cipher(p);
    bool reads = net_peer_can_receive(p->socket);
    if (may_send(p) && (!reads || sim_percent(50))) {
        if (!send_some(p)) {
            return;
        }
    } else if (reads && !read_some(p)) {
        return;
    }
    fetch_cipher(p);
}

bool peers_can_act(void)
{
    for (unsigned i = 0; i < open_n; i++) {
        if (can_act(all[i])) {
            return true;
        }
    }
    return false;
}

bool peers_act(void)
{
    unsigned first = open_n > 0 ? (unsigned)sim_pick(open_n) : 0;
    for (unsigned i = 0; i < open_n; i++) {
        struct peer *p = all[(first + i) % open_n];
        if (can_act(p)) {
            act(p);
            return true;
        }
    }
    return false;
}

uint64_t peers_next_us(void)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < open_n; i++) {
        const struct peer *p = all[i];
        uint64_t at = sim.now_us < p->rests_until_us      ? p->rests_until_us
                      : p->waiting != NULL                ? p->waits_until_us
                      : is_listening(p) || p->stream != 0 ? p->listens_until_us
                                                          : UINT64_MAX;
        next = at < next ? at : next;
    }
    return next;
}
