/* A driver over one handler, and the words that its tests are written in. */
#ifndef TESTS_SERVER_FIXTURE_H
#define TESTS_SERVER_FIXTURE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rawhttp/body.h"
#include "rawhttp/driver.h"
#include "rawhttp/exchange.h"
#include "rawhttp/stream.h"
#include "support/door.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define COMMON "Server: rawhttp-uv\r\nDate: Sun, 09 Sep 2001 01:46:40 GMT\r\n"
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"
#define PONG "HTTP/1.1 200 OK\r\n" COMMON TEXT "Content-Length: 4\r\n\r\npong"

static struct test_door door;
static struct rh_config config;
static struct rh_driver *driver;
static struct rh_driver_conn *conn;
static char log_line[1024]; /* the last one */
static unsigned log_lines;

__attribute__((unused)) static void note_log(void *data, enum rh_log_level level, const char *line)
{
    (void)data;
    (void)level;
    snprintf(log_line, sizeof log_line, "%s", line);
    log_lines++;
}

/* `config` is the test's to change before. */
__attribute__((unused)) static void begin(rh_handler_fn handler, void *data)
{
    test_door_init(&door, handler, data);
    config.log = note_log;
    cr_assert_eq(rh_driver_create(&driver, test_door_app(&door), &config), 0);
    conn = rh_driver_open(driver);
    cr_assert_not_null(conn);
}

__attribute__((unused)) static void set_up(void)
{
    rh_config_init(&config);
    config.connections_max = 64;
}

/* Everything must have been given back: the pools assert it. */
__attribute__((unused)) static void tear_down(void)
{
    rh_driver_destroy(driver);
    cr_assert_eq(door.references, 0);
}

__attribute__((unused)) static void send(const char *text)
{
    rh_driver_feed(conn, text, strlen(text));
}

/* All that the peer got since the last look, NUL-terminated. */
__attribute__((unused)) static const char *received(void)
{
    static char text[1 << 16];
    struct rh_slice out = rh_driver_output(conn);
    size_t len = out.len < sizeof text - 1 ? out.len : sizeof text - 1;
    memcpy(text, out.base, len);
    text[len] = '\0';
    rh_driver_take(conn, out.len);
    return text;
}

__attribute__((unused)) static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) {
        n++;
    }
    return n;
}

#define expect_received(text) cr_expect_str_eq(received(), (text))
#define expect_has(text, part)                                                                                         \
    do {                                                                                                               \
        const char *has_text = (text);                                                                                 \
        cr_expect(strstr(has_text, (part)) != NULL, "no \"%s\" in: %s", (part), has_text);                             \
    } while (0)
#define expect_has_not(text, part)                                                                                     \
    do {                                                                                                               \
        const char *has_text = (text);                                                                                 \
        cr_expect(strstr(has_text, (part)) == NULL, "\"%s\" in: %s", (part), has_text);                                \
    } while (0)

#endif
