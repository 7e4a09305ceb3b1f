/* Trusted proxies. Each hop appends what it saw, so the end of a field is the word of the peer that
 * we see ourselves, and is believed only as far as the chain of trusted hops reaches. Whatever a
 * client wrote stands further to the left, where nobody looks.
 *
 * Ways to fail: a malformed element ends the walk there, and what was learned before it stands. */
#include <string.h>

#include "http/forwarded.h"
#include "app/middleware/middleware.h"
#include "http/authority.h"
#include "util/ascii.h"
#include "util/options.h"

enum { HOPS_MAX = 32, LINES_MAX = 16, NETWORKS_MAX = 256 };

struct network {
    uint8_t len;  /* 4 or 16 bytes; 0: unix sockets */
    uint8_t bits; /* of the prefix */
    uint8_t address[16];
};

struct prepared {
    struct rh_proxies options;
    size_t count;
    struct network networks[];
};

/* What the walk has learned so far. */
struct origin {
    struct rh_node node; /* of the last hop or client that a trusted one named; len 0: none */
    struct rh_slice proto;
    struct rh_slice host;
};

void rh_proxies_init_sized(struct rh_proxies *proxies, size_t size)
{
    static const struct rh_proxies defaults = {.fields = RH_PROXY_X_FORWARDED, .scheme = 1};
    rh_options_fill(proxies, size, &defaults, sizeof defaults);
}

/* --- Who is trusted --- */

static bool is_within(const struct network *network, const uint8_t *address, size_t len)
{
    if (network->len != len) {
        return false;
    }
    size_t whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    return memcmp(network->address, address, whole) == 0 &&
           (rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

static bool is_trusted(const struct prepared *prepared, const uint8_t *address, size_t len)
{
    for (size_t i = 0; i < prepared->count; i++) {
        if (is_within(&prepared->networks[i], address, len)) {
            return true;
        }
    }
    return false;
}

/* "address" or "address/bits"; bits behind the prefix must be zero, or somebody meant another
 * network. */
static bool parse_network(const char *text, struct network *ret_network)
{
    struct rh_slice all = rh_slice_from(text);
    const char *slash = strchr(text, '/');
    struct rh_slice name = {text, slash != NULL ? (size_t)(slash - text) : all.len};
    struct rh_node node;
    struct network network = {0};
    uint64_t bits;
    if (rh_slice_is(all, "unix")) {
        *ret_network = network;
        return true;
    }
    if (name.len == 0 || name.base[0] == '[' || !rh_node_parse(name, true, &node) ||
        node.len == 0 || node.port != 0) {
        return false;
    }
    network.len = node.len;
    bits = 8 * (uint64_t)node.len;
    if (slash != NULL &&
        (!rh_ascii_to_u64((struct rh_slice){slash + 1, all.len - name.len - 1}, &bits) ||
         bits > 8 * (uint64_t)node.len)) {
        return false;
    }
    network.bits = (uint8_t)bits;
    for (size_t i = 0; i < node.len; i++) {
        unsigned kept = bits >= 8 * (i + 1) ? 8 : bits <= 8 * i ? 0 : (unsigned)(bits - 8 * i);
        if ((node.address[i] & (0xffu >> kept)) != 0) {
            return false;
        }
    }
    memcpy(network.address, node.address, node.len);
    *ret_network = network;
    return true;
}

/* --- The walk --- */

/* One element further out. True where the walk goes on behind it. */
static bool step(const struct prepared *prepared, struct origin *origin, const struct rh_node *node)
{
    if (node->len == 0) {
        return false;
    }
    origin->node = *node;
    return is_trusted(prepared, node->address, node->len);
}

/* Field lines of that name, the last LINES_MAX of them, last first. How many. */
static size_t lines_of(struct rh_exchange *x, const char *name, struct rh_slice lines[LINES_MAX])
{
    size_t count = 0;
    for (size_t i = rh_request_fields(x); i-- > 0 && count < LINES_MAX;) {
        struct rh_slice found;
        struct rh_slice value;
        rh_request_field_at(x, i, &found, &value);
        if (rh_ascii_is(found, name)) {
            lines[count++] = value;
        }
    }
    return count;
}

static void walk_forwarded(struct rh_exchange *x, const struct prepared *prepared,
                           struct origin *origin)
{
    struct rh_slice lines[LINES_MAX];
    size_t lines_count = lines_of(x, "forwarded", lines);
    unsigned hops = 0;
    for (size_t i = 0; i < lines_count; i++) {
        struct rh_forwarded ring[HOPS_MAX]; /* the last ones of this line */
        size_t count = 0;
        int result;
        while ((result = rh_forwarded_next(&lines[i], &ring[count % HOPS_MAX])) == 1) {
            count++;
        }
        if (result < 0) {
            return;
        }
        for (size_t n = 0; n < count && n < HOPS_MAX && hops < HOPS_MAX; n++, hops++) {
            const struct rh_forwarded *element = &ring[(count - 1 - n) % HOPS_MAX];
            struct rh_node node = {0};
            if (element->node.base != NULL && !rh_node_parse(element->node, false, &node)) {
                return;
            }
            origin->proto = element->proto;
            origin->host = element->host;
            if (!step(prepared, origin, &node)) {
                return;
            }
        }
        if (count >= HOPS_MAX) {
            return;
        }
    }
}

/* Element `depth` from the end of all lines of that name, or the first one where there are fewer;
 * absent where there is none. */
static struct rh_slice element_from_end(struct rh_exchange *x, const char *name, unsigned depth)
{
    struct rh_slice lines[LINES_MAX];
    struct rh_slice element = {NULL, 0};
    size_t count = lines_of(x, name, lines);
    for (size_t i = 0; i < count; i++) {
        while (rh_list_last(&lines[i], &element)) {
            if (depth-- == 0) {
                return element;
            }
        }
    }
    return element;
}

static void walk_x_forwarded(struct rh_exchange *x, const struct prepared *prepared,
                             struct origin *origin)
{
    struct rh_slice lines[LINES_MAX];
    struct rh_slice element;
    size_t count = lines_of(x, "x-forwarded-for", lines);
    unsigned hops = 0;
    bool goes_on = true;
    for (size_t i = 0; i < count && goes_on; i++) {
        while (goes_on && hops < HOPS_MAX && rh_list_last(&lines[i], &element)) {
            struct rh_node node;
            goes_on = rh_node_parse(element, true, &node) && node.len > 0;
            if (goes_on) {
                goes_on = step(prepared, origin, &node);
                hops++;
            }
        }
    }
    unsigned depth = hops > 0 ? hops - 1 : 0;
    origin->proto = element_from_end(x, "x-forwarded-proto", depth);
    origin->host = element_from_end(x, "x-forwarded-host", depth);
}

/* --- The middleware --- */

static void set_host(struct rh_exchange *x, struct rh_slice host)
{
    struct rh_authority authority;
    if (host.len > 0 && rh_authority_parse(host.base, host, &authority)) {
        rh_exchange_set_host(x, host);
    }
}

static void believe(struct rh_exchange *x, void *data)
{
    const struct prepared *prepared = data;
    const struct rh_proxies *options = &prepared->options;
    struct origin origin = {.node = {0}};
    uint8_t peer[16];
    unsigned len = rh_exchange_peer_bytes(x, peer);
    if (!is_trusted(prepared, peer, len)) {
        rh_next(x);
        return;
    }
    if (options->fields == RH_PROXY_FORWARDED) {
        walk_forwarded(x, prepared, &origin);
    } else {
        walk_x_forwarded(x, prepared, &origin);
    }
    if (origin.node.len > 0) {
        rh_exchange_set_peer(x, origin.node.address, origin.node.len, origin.node.port);
    }
    if (options->scheme &&
        (rh_ascii_is(origin.proto, "https") || rh_ascii_is(origin.proto, "http"))) {
        rh_exchange_set_tls(x, origin.proto.len == 5);
    }
    if (options->host) {
        set_host(x, origin.host);
    }
    rh_next(x);
}

void rh_use_proxies(struct rh_app *app, struct rh_group *group, const struct rh_proxies *proxies)
{
    size_t count = 0;
    while (proxies->trusted != NULL && proxies->trusted[count] != NULL && count <= NETWORKS_MAX) {
        count++;
    }
    struct prepared *prepared =
        rh_middleware_alloc(app, sizeof *prepared + count * sizeof prepared->networks[0]);
    if (prepared == NULL) {
        rh_middleware_add(app, group, believe, NULL); /* says what is wrong with the app */
        return;
    }
    rh_proxies_init(&prepared->options);
    rh_options_take(&prepared->options, sizeof prepared->options, proxies);
    if (count > NETWORKS_MAX) {
        rh_app_spoil(app, RH_ECONFIG, "trusted proxies: more than %d networks", NETWORKS_MAX);
        return;
    }
    for (; prepared->count < count; prepared->count++) {
        const char *text = proxies->trusted[prepared->count];
        if (!parse_network(text, &prepared->networks[prepared->count])) {
            rh_app_spoil(app, RH_ECONFIG,
                         "trusted proxies: '%s' is no address, network (192.0.2.0/24) or \"unix\"",
                         text);
            return;
        }
    }
    rh_middleware_add(app, group, believe, prepared);
}
