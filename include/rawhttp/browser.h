/* Which browser says it is there, by its User-Agent (RFC 9110 §10.1.5): for a greeting or a
 * statistic. It is what the peer claims and nothing more: decide nothing by it that matters. */
#ifndef RAWHTTP_BROWSER_H
#define RAWHTTP_BROWSER_H

#include <rawhttp/export.h>
#include <rawhttp/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rh_browser_kind {
    RH_BROWSER_UNKNOWN,
    RH_BROWSER_CHROME, /* and Chromium */
    RH_BROWSER_FIREFOX,
    RH_BROWSER_SAFARI,
    RH_BROWSER_EDGE,
    RH_BROWSER_OPERA,
    RH_BROWSER_CURL,
    RH_BROWSER_BOT, /* a crawler that says so */
};

struct rh_browser {
    enum rh_browser_kind kind;
    unsigned major;   /* the first number of its version; 0 where it tells none */
    const char *name; /* "Chrome", "Firefox", …, "Bot", "Unknown": a literal */
};

/* Looks at the first 512 bytes. Any thread. */
RH_API struct rh_browser rh_browser_detect(struct rh_slice user_agent);

#ifdef __cplusplus
}
#endif
#endif
