/* Handlers under test without a socket: the driver is a server in memory with a clock that the test
 * moves. */
#include <stdio.h>
#include <string.h>

#include <rawhttp.h>

static void greet(struct rh_exchange *x, void *data)
{
    (void)data;
    struct rh_slice name = rh_request_query_value(x, "name");
    const char *text =
        rh_exchange_format(x, "Hello, %.*s", (int)name.len, name.len > 0 ? name.base : "");
    rh_respond_text(x, name.len > 0 ? 200 : 400, text);
}

static int check(struct rh_driver *driver, const char *request, const char *status,
                 const char *body)
{
    struct rh_slice answer = rh_driver_ask(driver, request);
    int right = answer.len > 12 && memcmp(answer.base + 9, status, 3) == 0 &&
                answer.len > strlen(body) &&
                memcmp(answer.base + answer.len - strlen(body), body, strlen(body)) == 0;
    printf("%s: %s\n", right ? "ok" : "WRONG", request);
    return !right;
}

int main(void)
{
    struct rh_driver *driver;
    struct rh_app *app = rh_app_create();
    rh_app_get(app, "/greet", greet, NULL);
    if (rh_driver_create(&driver, app, NULL) != 0)
        return 1;
    int wrong =
        check(driver, "GET /greet?name=Ada%20L HTTP/1.1\r\nHost: x\r\n\r\n", "200", "Hello, Ada L");
    wrong += check(driver, "GET /greet HTTP/1.1\r\nHost: x\r\n\r\n", "400", "Hello, ");
    wrong += check(driver, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "404", "Not Found");
    rh_driver_destroy(driver);
    rh_app_unref(app);
    return wrong;
}
