/* Threads against one store: two loops that shake hands and resume, a third that reloads and
 * changes the rules for clients all the while. A plain program, because ThreadSanitizer does not
 * work under the test framework: built with it, this is where a race would show. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "support/cert_folder.h"
#include "support/tls_peer.h"

enum { ROUNDS = 150, LOOPS = 2 };

static struct rh_tls *tls;
static struct cert_folder folder;
static atomic_bool over;

static void *shake_hands(void *data)
{
    struct rh_tls_loop loop;
    SSL_SESSION *session = NULL;
    size_t *ret_resumed = data;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    RH_ASSERT(rh_tls_loop_init(&loop) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct tls_peer peer;
        struct rh_tls_info info;
        tls_peer_init_with(&peer, &loop, tls, context);
        tls_peer_host(&peer, i % 3 == 0 ? "localhost" : "other.example");
        if (session != NULL) {
            SSL_set_session(peer.ssl, session);
        }
        RH_ASSERT(tls_peer_run(&peer) == RH_TLS_OPEN);
        rh_tls_engine_info(&peer.engine, &info);
        *ret_resumed += info.resumed;
        RH_ASSERT(!rh_tls_holds_file(tls, 0, 0));
        SSL_SESSION_free(session);
        session = SSL_get1_session(peer.ssl);
        SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        tls_peer_fini(&peer);
    }
    SSL_SESSION_free(session);
    SSL_CTX_free(context);
    rh_tls_loop_fini(&loop);
    return NULL;
}

static void *change(void *data)
{
    char ca[128];
    snprintf(ca, sizeof ca, "%s/ca.crt", folder.path);
    for (unsigned *rounds = data; !atomic_load(&over); (*rounds)++) {
        char text[128];
        RH_ASSERT(rh_tls_reload(tls) == 0);
        if (*rounds % 8 == 7) {
            RH_ASSERT(rh_tls_client_auth(tls, ca, RH_TLS_CLIENT_OPTIONAL) == 0);
        }
        RH_ASSERT(!rh_tls_warning(tls, 0, text, sizeof text));
    }
    return NULL;
}

int main(void)
{
    pthread_t loops[LOOPS];
    pthread_t changer;
    size_t resumed[LOOPS] = {0};
    unsigned rounds = 0;
    cert_folder_init(&folder);
    cert_folder_add(&folder, "localhost", "DNS:localhost", 86400);
    cert_folder_add(&folder, "other", "DNS:other.example", 86400);
    tls = rh_tls_create();
    RH_ASSERT(tls != NULL);
    RH_ASSERT(rh_tls_add_pair(tls, cert_folder_path(&folder, "localhost.crt"),
                              cert_folder_path(&folder, "localhost.key")) == 0);
    RH_ASSERT(rh_tls_add_pair(tls, cert_folder_path(&folder, "other.crt"),
                              cert_folder_path(&folder, "other.key")) == 0);
    RH_ASSERT(pthread_create(&changer, NULL, change, &rounds) == 0);
    for (int i = 0; i < LOOPS; i++) {
        RH_ASSERT(pthread_create(&loops[i], NULL, shake_hands, &resumed[i]) == 0);
    }
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(loops[i], NULL);
    }
    atomic_store(&over, true);
    pthread_join(changer, NULL);
    printf("%d handshakes, %zu resumed, %u reloads\n", LOOPS * ROUNDS, resumed[0] + resumed[1],
           rounds);
    RH_ASSERT(resumed[0] > ROUNDS / 2);
    RH_ASSERT(rounds > 0);
    rh_tls_unref(tls);
    cert_folder_fini(&folder);
    return 0;
}
