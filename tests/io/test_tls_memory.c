/* What an idle connection costs, counted by the allocator. Not under a sanitizer: it has its own.
 */
#include "tls_fixture.h"

#include <malloc.h>

TestSuite(tls_memory, .init = setup, .fini = teardown, .timeout = 60);

enum { CONNECTIONS = 200, IDLE_BYTES_MAX = 15000 };

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Bytes that the engine of an idle connection holds, on average. */
static size_t idle_bytes(int version, bool idle)
{
    static struct tls_peer peers[CONNECTIONS];
    size_t before = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        if (i == 1) {
            before = allocated(); /* the first one pays for what OpenSSL makes once */
        }
        tls_peer_init(&peers[i], &loop, tls, version);
        cr_assert_eq(tls_peer_run(&peers[i]), RH_TLS_OPEN);
        tls_peer_say(&peers[i], "ping", 4);
        cr_assert_eq(tls_peer_run(&peers[i]), RH_TLS_OPEN);
        tls_peer_answer(&peers[i], "pong", 4, 1024);
        if (idle) {
            rh_tls_engine_idle(&peers[i].engine);
        }
        /* The client's half goes; the engine stays. */
        struct rh_tls_engine engine = peers[i].engine;
        memset(&peers[i].engine, 0, sizeof engine);
        tls_peer_fini(&peers[i]);
        memset(&peers[i], 0, sizeof peers[i]);
        peers[i].engine = engine;
    }
    size_t bytes = (allocated() - before) / (CONNECTIONS - 1);
    for (int i = 0; i < CONNECTIONS; i++) {
        rh_tls_engine_fini(&peers[i].engine);
    }
    return bytes + sizeof(struct rh_tls_engine);
}

Test(tls_memory, idle_connection_stays_below_its_target)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION && !SANITIZED; version++) {
        size_t bytes = idle_bytes(version, true);
        cr_log_info("TLS 1.%d, idle: %zu bytes", version - TLS1_VERSION, bytes);
        cr_expect_lt(bytes, IDLE_BYTES_MAX, "%zu bytes", bytes);
        cr_expect_gt(bytes, 4000, "%zu bytes: is that counted right?", bytes);
        size_t busy = idle_bytes(version, false);
        cr_expect_gt(busy, bytes + 30000, "%zu bytes: idle gave nothing back", busy);
    }
}
