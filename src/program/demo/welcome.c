/* A page from a template: what the client sent is escaped for the place where it stands. */
#include "program/demo/demo.h"

#include <time.h>

static void welcome(struct rh_exchange *x, void *data)
{
    const struct demo *demo = data;
    struct rh_slice name = rh_request_query_value(x, "name");
    struct rh_browser browser = rh_browser_detect(rh_request_field(x, "User-Agent"));
    const char *browser_text = browser.major > 0
                                   ? rh_exchange_format(x, "%s %u", browser.name, browser.major)
                                   : browser.name;
    char now[64] = "";
    time_t seconds = time(NULL);
    struct tm local;
    if (localtime_r(&seconds, &local) != NULL)
        strftime(now, sizeof now, "%A, %d %B %Y, %H:%M:%S %Z", &local);

    struct rh_value *values = rh_value_create();
    struct rh_slice user = rh_login_user(x);
    if (user.len > 0)
        rh_value_set_bytes(values, "user", user);
    if (name.len == 0)
        name = user;
    if (name.len > 0)
        rh_value_set_bytes(values, "name", name);
    rh_value_set_text(values, "browser", browser_text != NULL ? browser_text : browser.name);
    rh_value_set_text(values, "time", now);
    demo_respond_template(x, demo, 200, "welcome", values, "Welcome!\n");
}

void demo_welcome_add(struct rh_group *group, struct demo *demo)
{
    rh_group_route(group, "GET", "/welcome", welcome, demo);
}
