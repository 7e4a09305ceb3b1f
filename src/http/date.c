/* Days are counted in the proleptic Gregorian calendar with years that begin in March, so that the
 * leap day is the last of its year and the months before it follow one line of whole numbers. */
#include "http/date.h"

#include <string.h>

#include "util/ascii.h"

static const char day_names[7][10] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                      "Monday",   "Tuesday", "Wednesday"};
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

enum { SECONDS_PER_DAY = 86400 };

struct date {
    int64_t year;
    int month; /* 1 to 12 */
    int day;
    int hour;
    int minute;
    int second;
};

/* Days from 1970-01-01. */
static int64_t days_from(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_from(struct date *date, int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (int)((5 * day_of_year + 2) / 153);
    date->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    date->month = month < 10 ? month + 3 : month - 9;
    date->year = year_of_era + era * 400 + (date->month <= 2);
}

static void put2(char *out, int value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
}

void rh_date_format(char out[29], int64_t seconds)
{
    const int64_t first = INT64_C(-62167219200); /* 0000-01-01 */
    const int64_t last = INT64_C(253402300799);  /* 9999-12-31 23:59:59 */
    seconds = seconds < first ? first : seconds > last ? last : seconds;
    int64_t days = seconds / SECONDS_PER_DAY;
    int rest = (int)(seconds % SECONDS_PER_DAY);
    if (rest < 0) {
        rest += SECONDS_PER_DAY;
        days--;
    }
    struct date date;
    date_from(&date, days);
    memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", 29);
    memcpy(out, day_names[(days % 7 + 7) % 7], 3);
    put2(out + 5, date.day);
    memcpy(out + 8, month_names + 3 * (date.month - 1), 3);
    put2(out + 12, (int)date.year / 100);
    put2(out + 14, (int)date.year % 100);
    put2(out + 17, rest / 3600);
    put2(out + 20, rest / 60 % 60);
    put2(out + 23, rest % 60);
}

/* The readers below take what they read off the front of *text and answer whether it was there. */
static bool take(struct rh_slice *text, const char *literal)
{
    size_t len = strlen(literal);
    if (text->len < len || memcmp(text->base, literal, len) != 0) {
        return false;
    }
    text->base += len;
    text->len -= len;
    return true;
}

static bool take_digits(struct rh_slice *text, size_t n, int *ret_value)
{
    int value = 0;
    if (text->len < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!rh_ascii_is_digit(text->base[i])) {
            return false;
        }
        value = value * 10 + (text->base[i] - '0');
    }
    text->base += n;
    text->len -= n;
    *ret_value = value;
    return true;
}

static bool take_month(struct rh_slice *text, int *ret_month)
{
    for (int i = 0; i < 12; i++) {
        if (text->len >= 3 && memcmp(text->base, month_names + (ptrdiff_t)3 * i, 3) == 0) {
            text->base += 3;
            text->len -= 3;
            *ret_month = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_day_name(struct rh_slice *text, bool *ret_long)
{
    for (int i = 0; i < 7; i++) {
        if (take(text, day_names[i])) {
            *ret_long = true;
            return true;
        }
    }
    for (int i = 0; i < 7; i++) {
        if (text->len >= 3 && memcmp(text->base, day_names[i], 3) == 0) {
            text->base += 3;
            text->len -= 3;
            *ret_long = false;
            return true;
        }
    }
    return false;
}

static bool take_time(struct rh_slice *text, struct date *date)
{
    return take_digits(text, 2, &date->hour) && take(text, ":") &&
           take_digits(text, 2, &date->minute) && take(text, ":") &&
           take_digits(text, 2, &date->second);
}

/* "Sunday, 06-Nov-94 08:49:37 GMT": behind the day's name. */
static bool take_rfc850(struct rh_slice *text, int64_t now, struct date *date)
{
    int year = 0;
    if (!take(text, ", ") || !take_digits(text, 2, &date->day) || !take(text, "-") ||
        !take_month(text, &date->month) || !take(text, "-") || !take_digits(text, 2, &year) ||
        !take(text, " ") || !take_time(text, date) || !take(text, " GMT")) {
        return false;
    }
    struct date today;
    int64_t days = now / SECONDS_PER_DAY;
    date_from(&today, now % SECONDS_PER_DAY < 0 ? days - 1 : days);
    date->year = today.year - today.year % 100 + 100 + year;
    while (date->year > today.year + 50) {
        date->year -= 100;
    }
    return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" and "Sun Nov  6 08:49:37 1994": behind the day's name. */
static bool take_short(struct rh_slice *text, struct date *date)
{
    int year = 0;
    if (take(text, ", ")) {
        if (!take_digits(text, 2, &date->day) || !take(text, " ") ||
            !take_month(text, &date->month) || !take(text, " ") || !take_digits(text, 4, &year) ||
            !take(text, " ") || !take_time(text, date) || !take(text, " GMT")) {
            return false;
        }
    } else if (!take(text, " ") || !take_month(text, &date->month) || !take(text, " ") ||
               !(take(text, " ") ? take_digits(text, 1, &date->day)
                                 : take_digits(text, 2, &date->day)) ||
               !take(text, " ") || !take_time(text, date) || !take(text, " ") ||
               !take_digits(text, 4, &year)) {
        return false;
    }
    date->year = year;
    return true;
}

static bool exists(const struct date *date)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);
    int length = lengths[date->month - 1] + (date->month == 2 && leap ? 1 : 0);
    /* 60 is a leap second; Unix time has none and takes it for the next one. */
    return date->day >= 1 && date->day <= length && date->hour < 24 && date->minute < 60 &&
           date->second <= 60;
}

bool rh_date_parse_at(struct rh_slice text, int64_t now, int64_t *ret_unix_seconds)
{
    struct date date = {0, 1, 0, 0, 0, 0};
    bool is_long = false;
    if (!take_day_name(&text, &is_long)) {
        return false;
    }
    if (!(is_long ? take_rfc850(&text, now, &date) : take_short(&text, &date)) || text.len > 0 ||
        !exists(&date)) {
        return false;
    }
    *ret_unix_seconds = days_from(date.year, date.month, date.day) * SECONDS_PER_DAY +
                        date.hour * 3600 + date.minute * 60 + date.second;
    return true;
}

bool rh_date_parse(struct rh_slice text, int64_t *ret_unix_seconds)
{
    return rh_date_parse_at(text, INT64_C(1767225600) /* 2026 begins */, ret_unix_seconds);
}
