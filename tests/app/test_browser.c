/* User-Agent fields as real browsers, tools and crawlers send them. */
#include <criterion/criterion.h>

#include "rawhttp/browser.h"

static const struct {
    const char *agent;
    enum rh_browser_kind kind;
    unsigned major;
} cases[] = {
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/131.0.0.0 Safari/537.36",
     RH_BROWSER_CHROME, 131},
    {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/130.0.0.0 Mobile Safari/537.36",
     RH_BROWSER_CHROME, 130},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
     RH_BROWSER_CHROME, 131},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "HeadlessChrome/120.0.0.0 Safari/537.36",
     RH_BROWSER_CHROME, 120},
    {"Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/99.0.4844.88 Mobile Safari/537.36",
     RH_BROWSER_CHROME, 99},
    {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", RH_BROWSER_FIREFOX,
     128},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 14_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) FxiOS/132.0 Mobile/15E148 Safari/605.1.15",
     RH_BROWSER_FIREFOX, 132},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7_1) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/17.6 Safari/605.1.15",
     RH_BROWSER_SAFARI, 17},
    {"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/17.5 Mobile/15E148 Safari/604.1",
     RH_BROWSER_SAFARI, 17},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.48",
     RH_BROWSER_EDGE, 131},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/70.0.3538.102 Safari/537.36 Edge/18.19582",
     RH_BROWSER_EDGE, 18},
    {"Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/131.0.6778.81 Mobile Safari/537.36 EdgA/131.0.2903.48",
     RH_BROWSER_EDGE, 131},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/131.0.0.0 Safari/537.36 OPR/115.0.0.0",
     RH_BROWSER_OPERA, 115},
    {"Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18", RH_BROWSER_OPERA, 12},
    {"curl/7.88.1", RH_BROWSER_CURL, 7},
    {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", RH_BROWSER_BOT, 2},
    {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; "
     "+http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
     RH_BROWSER_BOT, 2},
    {"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", RH_BROWSER_BOT, 3},
    {"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", RH_BROWSER_BOT,
     1},
    {"Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
     RH_BROWSER_BOT, 0},
    {"Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)",
     RH_BROWSER_BOT, 0},
    {"Wget/1.21.3", RH_BROWSER_UNKNOWN, 0},
    {"", RH_BROWSER_UNKNOWN, 0},
    {"Chrome/", RH_BROWSER_CHROME, 0},
    {"Chrome/99999999999999", RH_BROWSER_CHROME, 999999},
};

Test(browser, tells_who_says_it_is_there)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rh_browser browser = rh_browser_detect(rh_slice_from(cases[i].agent));
        cr_expect(browser.kind == cases[i].kind && browser.major == cases[i].major,
                  "%s: %s %u", cases[i].agent, browser.name, browser.major);
    }
    cr_expect_str_eq(rh_browser_detect((struct rh_slice){NULL, 0}).name, "Unknown");
}
