#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "http/date.h"

static const int64_t now = 1764028800; /* 2025-11-25 */

static int64_t parse(const char *text)
{
    int64_t seconds = -1;
    cr_expect(rh_date_parse_at(rh_slice_from(text), now, &seconds), "%s", text);
    return seconds;
}

static bool is_date(const char *text)
{
    int64_t seconds = 4711;
    bool good = rh_date_parse_at(rh_slice_from(text), now, &seconds);
    cr_expect(good || seconds == 4711, "an output was touched on failure");
    return good;
}

Test(date, formats_the_example_of_the_rfc)
{
    char out[29];
    rh_date_format(out, 784111777);
    cr_expect_eq(memcmp(out, "Sun, 06 Nov 1994 08:49:37 GMT", 29), 0, "%.29s", out);
}

Test(date, formats_as_the_c_library_does)
{
    for (int64_t t = -62167219200; t < 253402300800; t += 86400 * 13 + 4321) {
        char ours[30] = "";
        char theirs[40];
        struct tm tm;
        time_t seconds = (time_t)t;
        rh_date_format(ours, t);
        gmtime_r(&seconds, &tm);
        size_t n = strftime(theirs, sizeof theirs, "%a, %d %b ", &tm);
        n += (size_t)snprintf(theirs + n, sizeof theirs - n, "%04d", (tm.tm_year + 1900) % 10000);
        strftime(theirs + n, sizeof theirs - n, " %H:%M:%S GMT", &tm);
        cr_assert_str_eq(ours, theirs);
    }
}

Test(date, reads_what_it_wrote)
{
    for (int64_t t = -62167219200; t < 253402300800; t += 86400 * 17 + 1234) {
        char out[29];
        int64_t back = 0;
        rh_date_format(out, t);
        cr_assert(rh_date_parse((struct rh_slice){out, 29}, &back), "%.29s", out);
        cr_assert_eq(back, t, "%.29s", out);
    }
}

Test(date, holds_years_at_the_edge)
{
    char out[29];
    rh_date_format(out, INT64_MAX);
    cr_expect_eq(memcmp(out, "Fri, 31 Dec 9999 23:59:59 GMT", 29), 0, "%.29s", out);
    rh_date_format(out, INT64_MIN);
    cr_expect_eq(memcmp(out, "Sat, 01 Jan 0000 00:00:00 GMT", 29), 0, "%.29s", out);
}

Test(date, reads_the_obsolete_formats)
{
    cr_expect_eq(parse("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    cr_expect_eq(parse("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
    cr_expect_eq(parse("Sun Nov  6 08:49:37 1994"), 784111777);
    cr_expect_eq(parse("Wed Nov 16 08:49:37 1994"), 784975777);
}

Test(date, two_digits_are_at_most_fifty_years_ahead)
{
    cr_expect_eq(parse("Sunday, 06-Nov-75 08:49:37 GMT"), parse("Sun, 06 Nov 2075 08:49:37 GMT"));
    cr_expect_eq(parse("Sunday, 06-Nov-76 08:49:37 GMT"), parse("Sun, 06 Nov 1976 08:49:37 GMT"));
    cr_expect_eq(parse("Sunday, 06-Nov-25 08:49:37 GMT"), parse("Sun, 06 Nov 2025 08:49:37 GMT"));
    cr_expect_eq(parse("Sunday, 06-Nov-00 08:49:37 GMT"), parse("Sun, 06 Nov 2000 08:49:37 GMT"));
}

Test(date, knows_leap_years_and_seconds)
{
    cr_expect(is_date("Tue, 29 Feb 2000 00:00:00 GMT"));
    cr_expect(is_date("Thu, 29 Feb 2024 00:00:00 GMT"));
    cr_expect_not(is_date("Mon, 29 Feb 1900 00:00:00 GMT"));
    cr_expect_not(is_date("Sat, 29 Feb 2025 00:00:00 GMT"));
    cr_expect_eq(parse("Sat, 31 Dec 2016 23:59:60 GMT"), parse("Sun, 01 Jan 2017 00:00:00 GMT"));
}

Test(date, refuses_what_is_none)
{
    static const char *const texts[] = {
        "", "Sun", "Sun,", "now", "784111777", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994", "Sun Nov 06 08:49:37 94", "Sun Nov  6 08:49:37 1994 GMT",
        "Foo, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08-49-37 GMT", "Sun,06 Nov 1994 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_expect_not(is_date(texts[i]), "%s", texts[i]);
    }
}
