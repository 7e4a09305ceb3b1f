/* Values of options: numbers, sizes, durations, choices. Every value that is refused gives the
 * reason in words that say what would have been right. */
#include "program/options/table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Digits at the start of `text`. Returns how many there were, or 0 where there are none or too
 * many. */
static size_t read_digits(const char *text, int64_t *ret_value)
{
    int64_t value = 0;
    size_t length = 0;
    while (text[length] >= '0' && text[length] <= '9') {
        if (value > (INT64_MAX - 9) / 10)
            return 0;
        value = value * 10 + (text[length] - '0');
        length++;
    }
    *ret_value = value;
    return length;
}

static int read_count(const char *text, bool suffixes, int64_t *ret_value)
{
    int64_t value;
    size_t length = read_digits(text, &value);
    if (length == 0)
        return -1;
    unsigned shift = 0;
    if (suffixes && text[length] != '\0') {
        const char *place = strchr("kKmMgG", text[length]);
        if (place == NULL)
            return -1;
        shift = 10 * (1 + (unsigned)(place - "kKmMgG") / 2);
        length++;
    }
    if (text[length] != '\0' || value > INT64_MAX >> shift)
        return -1;
    *ret_value = value << shift;
    return 0;
}

static int read_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    int64_t value;
    size_t length = read_digits(text, &value);
    if (length == 0)
        return -1;
    if (value == 0 && text[length] == '\0') {
        *ret_ms = 0;
        return 0;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + length, units[i].unit) != 0)
            continue;
        if (value > INT32_MAX / units[i].ms)
            return -1;
        *ret_ms = value * units[i].ms;
        return 0;
    }
    return -1;
}

/* The place of `text` in "a/b/c", or -1. */
static int64_t find_choice(const char *choices, const char *text)
{
    int64_t place = 0;
    size_t length = strlen(text);
    for (const char *at = choices; *at != '\0'; place++) {
        size_t span = strcspn(at, "/");
        if (span == length && strncmp(at, text, span) == 0)
            return place;
        at += span + (at[span] == '/');
    }
    return -1;
}

int option_flag_read(const char *text, int64_t *ret_value)
{
    static const char *const off[] = {"", "0", "no", "off", "false"};
    static const char *const on[] = {"1", "yes", "on", "true"};
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        if (strcasecmp(text, off[i]) == 0) {
            *ret_value = 0;
            return 0;
        }
    }
    for (size_t i = 0; i < sizeof on / sizeof on[0]; i++) {
        if (strcasecmp(text, on[i]) == 0) {
            *ret_value = 1;
            return 0;
        }
    }
    return -1;
}

int option_value_read(const struct option_row *row, const char *text, int64_t *ret_value,
                      char *ret_reason, size_t reason_size)
{
    int64_t value = 0;
    switch (row->kind) {
    case OPTION_FLAG:
        if (option_flag_read(text, &value) == 0)
            break;
        snprintf(ret_reason, reason_size, "'%s' is neither on nor off: use 1 or 0", text);
        return -1;
    case OPTION_CHOICE:
        value = find_choice(row->choices, text);
        if (value >= 0)
            break;
        snprintf(ret_reason, reason_size, "'%s' is not one of %s", text, row->choices);
        return -1;
    case OPTION_DURATION:
        if (read_duration(text, &value) == 0)
            break;
        snprintf(ret_reason, reason_size, "'%s' is not a duration: use 500ms, 10s or 2m", text);
        return -1;
    case OPTION_LOOPS:
        if (strcmp(text, "auto") == 0)
            break;
        if (read_count(text, false, &value) == 0 && value >= row->minimum && value <= row->maximum)
            break;
        snprintf(ret_reason, reason_size,
                 "'%s' is neither auto nor a number from %" PRId64 " to %" PRId64, text,
                 row->minimum, row->maximum);
        return -1;
    case OPTION_COUNT:
    case OPTION_NUMBER:
        if (read_count(text, row->kind == OPTION_COUNT, &value) == 0 && value >= row->minimum &&
            value <= row->maximum)
            break;
        snprintf(ret_reason, reason_size, "'%s' is not a number from %" PRId64 " to %" PRId64 "%s",
                 text, row->minimum, row->maximum,
                 row->kind == OPTION_COUNT ? " (K, M and G are understood)" : "");
        return -1;
    case OPTION_TEXT:
    case OPTION_LIST:
    case OPTION_INFO:
        return -1; /* read elsewhere: they store no number */
    }
    *ret_value = value;
    return 0;
}
