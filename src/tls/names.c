/* Which certificate answers, and which protocol: the two choices that a ClientHello asks for.
 * The names of all pairs stand in one sorted table, so that a thousand of them cost ten comparisons
 * for each handshake. A name that nobody has gets the default pair: the client will say what is
 * wrong better than a dropped connection could. */
#include "tls/store.h"

#include <stdlib.h>
#include <string.h>

#include "util/ascii.h"

static int name_compare(const void *left, const void *right)
{
    const struct rh_tls_name *a = left;
    const struct rh_tls_name *b = right;
    int order = strcmp(a->text, b->text);
    return order != 0 ? order : (a->pair > b->pair) - (a->pair < b->pair);
}

bool rh_tls_names_init(struct rh_tls_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < set->pairs_len; i++) {
        count += set->pairs[i]->names_len;
    }
    set->names = calloc(count + 1, sizeof *set->names);
    if (set->names == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->pairs_len; i++) {
        for (size_t j = 0; j < set->pairs[i]->names_len; j++) {
            set->names[set->names_len++] = (struct rh_tls_name){set->pairs[i]->names[j], i};
        }
    }
    qsort(set->names, set->names_len, sizeof *set->names, name_compare);
    return true;
}

/* The first entry with this text: of equal names the pair that was added first. */
static struct rh_tls_pair *find_text(const struct rh_tls_set *set, const char *text)
{
    size_t low = 0;
    size_t high = set->names_len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(set->names[middle].text, text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == set->names_len || strcmp(set->names[low].text, text) != 0) {
        return NULL;
    }
    return set->pairs[set->names[low].pair];
}

struct rh_tls_pair *rh_tls_names_find(const struct rh_tls_set *set, const char *host)
{
    char name[258];
    size_t len = strlen(host);
    if (len > 0 && host[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len > 255) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        name[i + 1] = rh_ascii_lower(host[i]);
    }
    name[len + 1] = '\0';
    if (name[1] == '*') {
        return NULL; /* a wildcard is the certificate's to say, not the client's */
    }
    struct rh_tls_pair *pair = find_text(set, name + 1);
    char *dot = strchr(name + 1, '.');
    if (pair == NULL && dot != NULL && dot > name + 1) {
        /* A wildcard stands for the whole first label and for no more (RFC 9525 §6.3). */
        dot[-1] = '*';
        pair = find_text(set, dot - 1);
    }
    return pair;
}

int rh_tls_sni_choose(SSL *ssl, int *ret_alert, void *data)
{
    (void)ret_alert;
    (void)data;
    const struct rh_tls_set *set = SSL_get_app_data(ssl);
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    struct rh_tls_pair *pair = host != NULL ? rh_tls_names_find(set, host) : NULL;
    if (pair == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    if (pair->context != SSL_get_SSL_CTX(ssl)) {
        SSL_set_SSL_CTX(ssl, pair->context);
    }
    return SSL_TLSEXT_ERR_OK;
}

bool rh_tls_alpn_set(struct rh_tls *tls, const char *const *protocols, size_t count)
{
    unsigned char list[sizeof tls->alpn];
    unsigned len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t name = strlen(protocols[i]);
        if (name == 0 || name > 255 || len + 1 + name > sizeof list) {
            return false;
        }
        list[len] = (unsigned char)name;
        memcpy(list + len + 1, protocols[i], name);
        len += 1 + (unsigned)name;
    }
    if (len != tls->alpn_len || memcmp(list, tls->alpn, len) != 0) { /* other loops may read it */
        memcpy(tls->alpn, list, len);
        tls->alpn_len = len;
    }
    return true;
}

int rh_tls_alpn_choose(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
                       const unsigned char *offered, unsigned offered_len, void *data)
{
    (void)data;
    const struct rh_tls_set *set = SSL_get_app_data(ssl);
    unsigned char *name = NULL;
    if (SSL_select_next_proto(&name, ret_len, set->tls->alpn, set->tls->alpn_len, offered,
                              offered_len) != OPENSSL_NPN_NEGOTIATED) {
        /* "the server SHALL send a fatal no_application_protocol alert" (RFC 7301 §3.2): a client
         * that insists on another protocol must not have its bytes read as HTTP/1.1. */
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}
