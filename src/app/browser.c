/* Browsers pretend to be each other, in layers: Edge says Chrome and Safari, Chrome says Safari. So
 * the table is searched in the order from the one who adds a word of its own to the one who is
 * only copied, and the first mark that is there tells. */
#include "rawhttp/browser.h"

#include <stdbool.h>
#include <stdint.h>

#include "util/ascii.h"

enum { LOOKED_AT_BYTES_MAX = 512 };

struct mark {
    const char *lower;   /* what is looked for, in lower case */
    const char *version; /* in front of the version; NULL: `lower` itself */
    uint8_t kind;        /* enum rh_browser_kind */
};

static const struct mark marks[] = {
    {"bot/", NULL, RH_BROWSER_BOT},
    {"bot;", "", RH_BROWSER_BOT},
    {"bot-", "", RH_BROWSER_BOT},
    {"_bot", "", RH_BROWSER_BOT},
    {"crawler", "", RH_BROWSER_BOT},
    {"spider", "", RH_BROWSER_BOT},
    {"slurp", "", RH_BROWSER_BOT},
    {"facebookexternalhit/", NULL, RH_BROWSER_BOT},
    {"curl/", NULL, RH_BROWSER_CURL},
    {"edg/", NULL, RH_BROWSER_EDGE},
    {"edga/", NULL, RH_BROWSER_EDGE},
    {"edgios/", NULL, RH_BROWSER_EDGE},
    {"edge/", NULL, RH_BROWSER_EDGE},
    {"opr/", NULL, RH_BROWSER_OPERA},
    {"opios/", NULL, RH_BROWSER_OPERA},
    {"opera/", "version/", RH_BROWSER_OPERA},
    {"opera ", NULL, RH_BROWSER_OPERA},
    {"firefox/", NULL, RH_BROWSER_FIREFOX},
    {"fxios/", NULL, RH_BROWSER_FIREFOX},
    {"chrome/", NULL, RH_BROWSER_CHROME}, /* HeadlessChrome too */
    {"chromium/", NULL, RH_BROWSER_CHROME},
    {"crios/", NULL, RH_BROWSER_CHROME},
    {"safari/", "version/", RH_BROWSER_SAFARI},
};

static const char *const names[] = {
    [RH_BROWSER_UNKNOWN] = "Unknown", [RH_BROWSER_CHROME] = "Chrome",
    [RH_BROWSER_FIREFOX] = "Firefox", [RH_BROWSER_SAFARI] = "Safari",
    [RH_BROWSER_EDGE] = "Edge",       [RH_BROWSER_OPERA] = "Opera",
    [RH_BROWSER_CURL] = "curl",       [RH_BROWSER_BOT] = "Bot",
};

/* Behind the first `lower` in `text`, or absent. */
static struct rh_slice after(struct rh_slice text, const char *lower)
{
    size_t len = strlen(lower);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (rh_ascii_is((struct rh_slice){text.base + i, len}, lower)) {
            return (struct rh_slice){text.base + i + len, text.len - i - len};
        }
    }
    return (struct rh_slice){NULL, 0};
}

static unsigned number_at(struct rh_slice text)
{
    unsigned number = 0;
    for (size_t i = 0; i < text.len && i < 6 && rh_ascii_is_digit(text.base[i]); i++) {
        number = number * 10 + (unsigned)(text.base[i] - '0');
    }
    return number;
}

struct rh_browser rh_browser_detect(struct rh_slice user_agent)
{
    struct rh_browser browser = {RH_BROWSER_UNKNOWN, 0, names[RH_BROWSER_UNKNOWN]};
    if (user_agent.len > LOOKED_AT_BYTES_MAX) {
        user_agent.len = LOOKED_AT_BYTES_MAX;
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        struct rh_slice rest = after(user_agent, marks[i].lower);
        if (rest.base == NULL) {
            continue;
        }
        browser.kind = (enum rh_browser_kind)marks[i].kind;
        browser.name = names[marks[i].kind];
        if (marks[i].version == NULL) {
            browser.major = number_at(rest);
        } else if (marks[i].version[0] != '\0') {
            browser.major = number_at(after(user_agent, marks[i].version));
        }
        break;
    }
    return browser;
}
