/* What the TLS suites begin with: a folder of certificates, a store with one pair for
 * localhost, and a loop. The teardown looks for leaks where a sanitizer can. */
#ifndef RH_TESTS_TLS_FIXTURE_H
#define RH_TESTS_TLS_FIXTURE_H

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "tls/tls.h"
#include "rawhttp/error.h"
#include "support/cert_folder.h"
#include "support/tls_peer.h"

#if defined(__has_feature) /* clang's way to say what gcc says by a macro */
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define SANITIZED 1
#define LEAK_CHECK() cr_assert_eq(__lsan_do_recoverable_leak_check(), 0)
#else
#define SANITIZED 0
#define LEAK_CHECK() ((void)0)
#endif

#define DAY_S 86400L

static struct cert_folder folder;
static struct rh_tls *tls;
static struct rh_tls_loop loop;

static inline const char *file(const char *name)
{
    return cert_folder_path(&folder, name);
}

static void setup(void)
{
    cert_folder_init(&folder);
    cert_folder_add(&folder, "localhost", "DNS:localhost", DAY_S);
    tls = rh_tls_create();
    cr_assert_not_null(tls);
    cr_assert_eq(rh_tls_add_pair(tls, file("localhost.crt"), file("localhost.key")), 0, "%s",
                 rh_tls_error(tls));
    cr_assert_eq(rh_tls_loop_init(&loop), 0);
}

static void teardown(void)
{
    rh_tls_loop_fini(&loop);
    rh_tls_unref(tls);
    tls = NULL;
    cert_folder_fini(&folder);
    memset(&folder, 0, sizeof folder);
    LEAK_CHECK();
}

/* Bytes that show where they come from. */
static inline char *pattern_create(size_t len)
{
    char *bytes = malloc(len);
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)((i * 7 + i / 251) & 0xff);
    }
    return bytes;
}

#endif
