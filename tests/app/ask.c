#include "ask.h"

#include <stdio.h>
#include <string.h>

#include "leaks.h"

struct rh_app *app;
struct rh_driver *driver;
struct rh_config config;
char answer[16384];
unsigned status;
char log_text[512];
char logged_user[64];

void pong(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_respond_text(x, 200, "pong");
}

void ask_setup(void)
{
    app = rh_app_create();
    rh_config_init(&config);
}

static void log_hook(void *data, enum rh_log_level level, const char *line)
{
    (void)data;
    (void)level;
    snprintf(log_text, sizeof log_text, "%s", line);
}

static void access_hook(void *data, const struct rh_access *access)
{
    (void)data;
    snprintf(logged_user, sizeof logged_user, "%.*s", (int)access->user.len,
             access->user.base != NULL ? access->user.base : "");
}

void ask_hear_log(enum rh_log_level level)
{
    config.log = log_hook;
    config.log_level = level;
}

void ask_hear_access(void)
{
    config.access = access_hook;
}

void ask_teardown(void)
{
    rh_driver_destroy(driver);
    rh_app_unref(app);
    driver = NULL;
    app = NULL;
    assert_no_leaks();
}

void ask_take(struct rh_slice bytes)
{
    cr_assert_lt(bytes.len, sizeof answer);
    memcpy(answer, bytes.base, bytes.len);
    answer[bytes.len] = '\0';
    status = 0;
    sscanf(answer, "HTTP/1.1 %u", &status);
}

void ask(const char *line, const char *fields)
{
    char request[8192];
    if (driver == NULL) {
        int err = rh_driver_create(&driver, app, &config);
        cr_assert_eq(err, 0, "%s", rh_app_error(app));
    }
    int len = snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n", line, fields);
    cr_assert_lt((size_t)len, sizeof request);
    ask_take(rh_driver_ask(driver, request));
}

bool has(const char *line)
{
    char text[1024];
    snprintf(text, sizeof text, "\r\n%s\r\n", line);
    return strstr(answer, text) != NULL;
}

const char *value_of(const char *name)
{
    static char value[2048];
    char text[64];
    snprintf(text, sizeof text, "\r\n%s: ", name);
    const char *found = strstr(answer, text);
    if (found == NULL) {
        return "";
    }
    found += strlen(text);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(found, "\r"), found);
    return value;
}

const char *body_of_answer(void)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end == NULL ? "" : end + 4;
}
