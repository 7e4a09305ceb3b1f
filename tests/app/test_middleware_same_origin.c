/* Requests that another site's page made a browser send. */
#include <string.h>

#include "ask.h"
#include "rawhttp/middleware.h"
#include "rawhttp/respond.h"

TestSuite(middleware_same_origin, .init = ask_setup, .fini = ask_teardown);

#define EMPTY "Content-Length: 0\r\n"

static unsigned asked(const char *line, const char *fields)
{
    char all[512] = EMPTY;
    strcat(all, fields);
    ask(line, all);
    return status;
}

static void begin(const char *const *trusted)
{
    rh_use_same_origin(app, NULL, trusted);
    rh_app_get(app, "/x", pong, NULL);
    rh_app_post(app, "/x", pong, NULL);
    rh_app_route(app, "QUERY", "/x", pong, NULL);
    rh_app_route(app, "DELETE", "/x", pong, NULL);
}

Test(middleware_same_origin, the_browser_says_who_asked)
{
    begin(NULL);
    cr_expect_eq(asked("POST /x", "Sec-Fetch-Site: same-origin\r\n"), 200);
    cr_expect_eq(asked("POST /x", "Sec-Fetch-Site: none\r\n"), 200, "a person typed it");
    cr_expect_eq(asked("POST /x", "Sec-Fetch-Site: cross-site\r\n"), 403);
    cr_expect_eq(asked("POST /x", "Sec-Fetch-Site: same-site\r\n"), 403, "a neighbour's page");
    cr_expect_eq(asked("POST /x", "Sec-Fetch-Site: nonsense\r\n"), 403);
    cr_expect_eq(asked("DELETE /x", "Sec-Fetch-Site: cross-site\r\n"), 403);
}

Test(middleware_same_origin, safe_methods_pass)
{
    begin(NULL);
    ask("GET /x", "Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n");
    cr_expect_eq(status, 200);
    ask("HEAD /x", "Sec-Fetch-Site: cross-site\r\n");
    cr_expect_eq(status, 200);
    cr_expect_eq(asked("QUERY /x", "Sec-Fetch-Site: cross-site\r\n"), 200);
}

Test(middleware_same_origin, an_older_browser_is_judged_by_origin)
{
    begin(NULL);
    cr_expect_eq(asked("POST /x", ""), 200, "no browser");
    cr_expect_eq(asked("POST /x", "Origin: http://x\r\n"), 200);
    cr_expect_eq(asked("POST /x", "Origin: https://x\r\n"), 200, "a proxy may have ended TLS");
    static const char *const others[] = {"Origin: http://evil.example\r\n", "Origin: null\r\n",
                                         "Origin: \r\n", "Origin: http://\r\n",
                                         "Origin: http://x:8080\r\n"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_expect_eq(asked("POST /x", others[i]), 403, "%s", others[i]);
    }
}

Test(middleware_same_origin, trusted_origins_pass)
{
    static const char *const trusted[] = {"https://app.example", NULL};
    begin(trusted);
    cr_expect_eq(asked("POST /x", "Sec-Fetch-Site: cross-site\r\nOrigin: https://app.example\r\n"),
                 200);
    cr_expect_eq(asked("POST /x", "Sec-Fetch-Site: cross-site\r\nOrigin: http://app.example\r\n"),
                 403);
}
