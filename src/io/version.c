/* What was built, and what it runs with. */
#include "rawhttp/version.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <uv.h>

#include "rh-build.h"

const char *rh_version(void)
{
    return RH_BUILD_VERSION;
}

static char features[192];

static void describe(void)
{
    snprintf(features, sizeof features, "libuv %s, OpenSSL %s%s%s%s%s%s%s%s", uv_version_string(),
             OpenSSL_version(OPENSSL_VERSION_STRING), RH_HAVE_JSON ? ", json" : "", RH_HAVE_GZIP ? ", gzip" : "",
             RH_HAVE_BROTLI ? ", brotli" : "", RH_HAVE_ZSTD ? ", zstd" : "",
             RH_HAVE_CRYPT ? ", htpasswd" : "", RH_HAVE_HTTP2 ? ", HTTP/2" : "",
             RH_SLAB_MALLOC ? ", slab=malloc" : "");
}

const char *rh_version_features(void)
{
    static uv_once_t once = UV_ONCE_INIT;
    uv_once(&once, describe);
    return features;
}
