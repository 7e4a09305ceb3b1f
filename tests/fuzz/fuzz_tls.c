/* Arbitrary bytes for the TLS engine. The first byte says how: bit 0 after a real handshake instead
 * of a fresh connection, bit 1 TLS 1.2 for it, bits 2-4 the size of the pieces, bits 5-6 the room
 * for ciphertext, bit 7 idle between the pieces. Whatever comes: the engine keeps its contract, no
 * plaintext comes out of bytes that nobody sealed, and what failed stays failed. */
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "tls/tls.h"
#include "support/tls_peer.h"

static const size_t steps[] = {1, 2, 5, 16, 64, 500, 5000, 100000};
static const size_t rooms[] = {1, 50, RH_TLS_ROOM_MIN, 32768};

static struct rh_tls *tls;
static struct rh_tls_loop loop;

static void begin_once(void)
{
    char folder[] = "/tmp/rh-fuzz-XXXXXX";
    char cert[64];
    char key[64];
    if (tls != NULL) {
        return;
    }
    FUZZ_CHECK(mkdtemp(folder) != NULL);
    snprintf(cert, sizeof cert, "%s/cert", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    FUZZ_CHECK(rh_tls_write_dev_cert(cert, key, NULL, 0) == 0);
    tls = rh_tls_create();
    FUZZ_CHECK(tls != NULL && rh_tls_add_pair(tls, cert, key) == 0);
    FUZZ_CHECK(rh_tls_loop_init(&loop) == 0);
    unlink(cert);
    unlink(key);
    rmdir(folder);
}

/* Everything the caller of a dead engine may still do. */
static void bury(struct rh_tls_engine *e)
{
    char cipher[256];
    struct rh_tls_info info;
    struct rh_tls_io io = {.in = "x", .in_len = 1, .cipher = cipher, .cipher_cap = sizeof cipher};
    FUZZ_CHECK(rh_tls_engine_read(&loop, e, &io) == RH_TLS_FAILED);
    FUZZ_CHECK(rh_tls_engine_write(&loop, e, "x", 1, &io) < 0);
    FUZZ_CHECK(rh_tls_engine_shutdown(&loop, e, &io) == 0);
    FUZZ_CHECK(io.cipher_len == 0 && io.in_used == 0);
    FUZZ_CHECK(e->failure != RH_TLS_NO_FAILURE && rh_tls_engine_error(e)[0] != '\0');
    rh_tls_engine_idle(e);
    rh_tls_engine_info(e, &info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct tls_peer peer;
    if (len < 1 || len > 20000) {
        return 0;
    }
    begin_once();
    uint8_t how = data[0];
    tls_peer_init(&peer, &loop, tls, how & 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
    if (how & 1) {
        FUZZ_CHECK(tls_peer_run(&peer) == RH_TLS_OPEN);
    }
    peer.feed_max = steps[(how >> 2) & 7];
    peer.cipher_cap = rooms[(how >> 5) & 3];
    tls_bytes_add(&peer.to_server, (const char *)data + 1, len - 1);
    for (size_t turn = 0; turn < 3 * len + 100000; turn++) {
        if (!tls_peer_feed(&peer)) { /* asserts the contract */
            break;
        }
        if (how & 128) {
            rh_tls_engine_idle(&peer.engine);
        }
    }
    FUZZ_CHECK(peer.server_got.len == 0);
    FUZZ_CHECK((how & 1) == 0 || peer.state != RH_TLS_CLEAN_END);
    FUZZ_CHECK((how & 1) == 1 || peer.state != RH_TLS_OPEN);
    FUZZ_CHECK(peer.state == RH_TLS_FAILED || peer.to_server.len == 0);
    if (peer.state == RH_TLS_FAILED) {
        bury(&peer.engine);
    }
    tls_peer_fini(&peer);
    return 0;
}
