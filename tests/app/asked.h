/* An app asked through a server in memory: what the tests of answers share. Static, since each test
 * program is one file; `asked_app` is built in the test, the driver at the first question. */
#ifndef TESTS_APP_ASKED_H
#define TESTS_APP_ASKED_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaks.h"
#include "rawhttp/app.h"
#include "rawhttp/driver.h"

static struct rh_app *app;
static struct rh_driver *driver;
static struct rh_config asked_config;
static char answer[2 << 20]; /* head and body, NUL-terminated */
static size_t answer_len;
static unsigned status;
static const char *body; /* in answer, as it came (not unchunked) */
static size_t body_len;
static char asked_log[8192]; /* all log lines, each with a line break */

static inline void asked_take_log(void *data, enum rh_log_level level, const char *line)
{
    (void)data;
    (void)level;
    size_t at = strlen(asked_log);
    snprintf(asked_log + at, sizeof asked_log - at, "%s\n", line);
}

static inline void asked_setup(void)
{
    app = rh_app_create();
    rh_config_init(&asked_config);
    asked_config.log = asked_take_log;
    asked_config.log_level = RH_LOG_DEBUG;
}

static inline void asked_teardown(void)
{
    rh_driver_destroy(driver);
    rh_app_unref(app);
    driver = NULL;
    app = NULL;
    assert_no_leaks();
}

/* The request line without its version, further field lines, each with CR LF, and a body. */
static inline void ask_bytes(const char *line, const char *fields, const void *content, size_t len)
{
    if (driver == NULL) {
        int err = rh_driver_create(&driver, app, &asked_config);
        cr_assert_eq(err, 0, "%s", rh_app_error(app));
    }
    char head[4096];
    char length[64] = "";
    if (content != NULL) {
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", len);
    }
    int head_len =
        snprintf(head, sizeof head, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s\r\n", line,
                 fields, length);
    cr_assert_lt(head_len, (int)sizeof head);
    struct rh_driver_conn *conn = rh_driver_open(driver);
    rh_driver_feed(conn, head, (size_t)head_len);
    if (content != NULL) {
        rh_driver_feed(conn, content, len);
    }
    while (rh_driver_poll(driver)) {
    }
    struct rh_slice bytes = rh_driver_output(conn);
    cr_assert_lt(bytes.len, sizeof answer);
    memcpy(answer, bytes.base, bytes.len);
    answer_len = bytes.len;
    answer[bytes.len] = '\0';
    rh_driver_forget(conn);
    status = 0;
    sscanf(answer, "HTTP/1.1 %u", &status);
    const char *end = strstr(answer, "\r\n\r\n");
    body = end != NULL ? end + 4 : answer + answer_len;
    body_len = answer_len - (size_t)(body - answer);
}

static inline void ask(const char *line, const char *fields)
{
    ask_bytes(line, fields, NULL, 0);
}

/* The head holds this line. */
static inline bool has(const char *line)
{
    char text[512];
    snprintf(text, sizeof text, "\r\n%s\r\n", line);
    const char *found = strstr(answer, text);
    return found != NULL && found < body;
}

/* The value of the head's first field of that name, "" where there is none. */
static inline const char *value_of(const char *name)
{
    static char value[512];
    char text[128];
    snprintf(text, sizeof text, "\r\n%s: ", name);
    const char *found = strstr(answer, text);
    if (found == NULL || found >= body) {
        return "";
    }
    found += strlen(text);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(found, "\r"), found);
    return value;
}

#endif
