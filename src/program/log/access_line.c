/* The formats: dev for a person at a terminal, common and combined as the Apache server writes
 * them, and JSON, one object in each line. What the peer sent is escaped in all of them. */
#include "program/log/access_line.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* No single part of a request may fill the line. */
enum { TARGET_MAX = 1024, FIELD_MAX = 256 };

/* "1.1", "1.0" or "2". */
static void add_version(struct text *text, const struct rh_access *access)
{
    text_printf(text, access->version_major > 1 ? "%u" : "%u.%u", access->version_major,
                access->version_minor);
}

static const char *status_color(unsigned status)
{
    switch (status / 100) {
    case 2:
        return "\033[32m"; /* green */
    case 3:
        return "\033[36m"; /* cyan */
    case 4:
        return "\033[33m"; /* yellow */
    default:
        return "\033[31m"; /* red: the server's fault, or lost */
    }
}

/* GET /path 200 1.234 ms - 12; 192.0.2.7 refused: cl-with-te 400 0.123 ms - 0 */
static void add_dev(struct text *text, bool color, const struct rh_access *access)
{
    if (access->method.base == NULL && access->refusal.base != NULL) {
        text_add_escaped(text, access->peer, FIELD_MAX);
        text_puts(text, " refused: ");
        text_add_escaped(text, access->refusal, FIELD_MAX);
    } else {
        text_add_escaped(text, access->method, FIELD_MAX);
        text_puts(text, " ");
        text_add_escaped(text, access->target, TARGET_MAX);
    }
    text_printf(text, " %s%u%s", color ? status_color(access->status) : "", access->status,
                color ? "\033[0m" : "");
    text_printf(text, " %" PRIu64 ".%03u ms - %" PRIu64, access->duration_us / 1000,
                (unsigned)(access->duration_us % 1000), access->bytes_out);
    if (access->aborted)
        text_puts(text, " aborted");
}

/* host ident user [time] "request" status bytes; local time with its offset, as Apache writes it.
 */
static void add_common(struct text *text, const struct rh_access *access)
{
    time_t seconds = (time_t)(access->time_us / 1000000);
    struct tm local;
    char stamp[64] = "-";
    if (localtime_r(&seconds, &local) != NULL)
        strftime(stamp, sizeof stamp, "%d/%b/%Y:%H:%M:%S %z", &local);

    text_add_escaped(text, access->peer, FIELD_MAX);
    text_puts(text, " - ");
    text_add_escaped(text, access->user, FIELD_MAX);
    text_printf(text, " [%s] \"", stamp);
    if (access->method.base == NULL) {
        text_puts(text, "-");
    } else {
        text_add_escaped(text, access->method, FIELD_MAX);
        text_puts(text, " ");
        text_add_escaped(text, access->target, TARGET_MAX);
        text_puts(text, " HTTP/");
        add_version(text, access);
    }
    text_printf(text, "\" %u ", access->status);
    if (access->bytes_out == 0)
        text_puts(text, "-");
    else
        text_printf(text, "%" PRIu64, access->bytes_out);
}

static void add_combined(struct text *text, const struct rh_access *access)
{
    add_common(text, access);
    text_puts(text, " \"");
    text_add_escaped(text, access->referer, FIELD_MAX);
    text_puts(text, "\" \"");
    text_add_escaped(text, access->user_agent, FIELD_MAX);
    text_puts(text, "\"");
}

static void add_member(struct text *text, const char *name, struct rh_slice value, size_t bytes_max)
{
    if (value.base == NULL)
        return;
    if (value.len > bytes_max)
        value.len = bytes_max;
    text_printf(text, ",\"%s\":\"", name);
    text_add_json(text, value);
    text_puts(text, "\"");
}

static void add_json(struct text *text, const struct rh_access *access)
{
    time_t seconds = (time_t)(access->time_us / 1000000);
    struct tm utc;
    char stamp[64] = "";
    if (gmtime_r(&seconds, &utc) != NULL)
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);

    text_printf(text, "{\"time\":\"%s.%06uZ\"", stamp, (unsigned)(access->time_us % 1000000));
    add_member(text, "peer", access->peer, FIELD_MAX);
    add_member(text, "user", access->user, FIELD_MAX);
    add_member(text, "method", access->method, FIELD_MAX);
    add_member(text, "target", access->target, TARGET_MAX);
    add_member(text, "host", access->host, FIELD_MAX);
    add_member(text, "route", access->route, FIELD_MAX);
    text_puts(text, ",\"version\":\"");
    add_version(text, access);
    text_printf(text, "\",\"tls\":%s,\"status\":%u", access->tls ? "true" : "false",
                access->status);
    text_printf(text,
                ",\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64 ",\"duration_us\":%" PRIu64,
                access->bytes_in, access->bytes_out, access->duration_us);
    text_printf(text, ",\"aborted\":%s", access->aborted ? "true" : "false");
    add_member(text, "refused", access->refusal, FIELD_MAX);
    add_member(text, "referer", access->referer, FIELD_MAX);
    add_member(text, "user_agent", access->user_agent, FIELD_MAX);
    add_member(text, "request_id", access->request_id, FIELD_MAX);
    text_puts(text, "}");
}

void access_line_add(struct text *text, enum access_format format, bool color,
                     const struct rh_access *access)
{
    switch (format) {
    case ACCESS_OFF:
        return;
    case ACCESS_DEV:
        add_dev(text, color, access);
        break;
    case ACCESS_COMMON:
        add_common(text, access);
        break;
    case ACCESS_COMBINED:
        add_combined(text, access);
        break;
    case ACCESS_JSON:
        add_json(text, access);
        break;
    }
    text_puts(text, "\n");
}
