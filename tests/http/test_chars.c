#include <criterion/criterion.h>
#include <string.h>

#include "guard.h"
#include "http/scan.h"

/* The alphabets as the RFCs spell them out. */
#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
static const char tchars[] = ALNUM "!#$%&'*+-.^_`|~";
static const char reg_name[] = ALNUM "-._~!$&'()*+,;=";
static const char path[] = ALNUM "-_~!$&'()*+,;=:@/"
                                 "[]{}|^\\`"; /* no pchar, but what browsers send (RFC 9112 §3.2) */

static bool is_in(const char *set, int c)
{
    return c != 0 && strchr(set, c) != NULL;
}

Test(chars, table_is_the_grammar)
{
    for (int c = 0; c < 256; c++) {
        bool value = c == '\t' || (c >= 0x20 && c != 0x7f);
        cr_expect_eq(rh_char_is((char)c, RH_CHAR_TOKEN), c < 128 && is_in(tchars, c), "%d", c);
        cr_expect_eq(rh_char_is((char)c, RH_CHAR_REG_NAME), c < 128 && is_in(reg_name, c), "%d", c);
        cr_expect_eq(rh_char_is((char)c, RH_CHAR_PATH), c < 128 && is_in(path, c), "%d", c);
        cr_expect_eq(rh_char_is((char)c, RH_CHAR_VALUE), value, "%d", c);
        cr_expect_eq(rh_char_is((char)c, RH_CHAR_QUOTED), value && c != '"' && c != '\\', "%d", c);
    }
}

typedef const char *(*scan_fn)(const char *low, const char *at, const char *stop);

static const char *call_method(const char *low, const char *at, const char *stop)
{
    return rh_scan_method(low, at, stop);
}

static const char *call_token(const char *low, const char *at, const char *stop)
{
    return rh_scan_token(low, at, stop);
}

static const char *call_reg_name(const char *low, const char *at, const char *stop)
{
    return rh_scan_reg_name(low, at, stop);
}

static const char *call_path(const char *low, const char *at, const char *stop)
{
    return rh_scan_path(low, at, stop);
}

static const char *call_value(const char *low, const char *at, const char *stop)
{
    return rh_scan_value(low, at, stop);
}

static const struct {
    scan_fn fn;
    enum rh_char_class kind;
    char filler;
} scans[] = {{call_method, RH_CHAR_TOKEN, 'G'},
             {call_token, RH_CHAR_TOKEN, '-'},
             {call_reg_name, RH_CHAR_REG_NAME, '.'},
             {call_path, RH_CHAR_PATH, '/'},
             {call_value, RH_CHAR_VALUE, ' '}};

/* Every byte at every place of spans of every length from 0 to 50, in front of an unreadable page,
 * with every number of readable bytes before it from 0 to 17. */
Test(scan, wide_stops_where_plain_does)
{
    struct guard guard;
    guard_init(&guard, 4096);
    char *end = guard.base + guard.bytes;
    for (size_t s = 0; s < sizeof scans / sizeof scans[0]; s++) {
        for (size_t len = 0; len <= 50; len++) {
            memset(end - len - 17, scans[s].filler, len + 17);
            cr_assert_eq(scans[s].fn(end - len, end - len, end), end);
            for (size_t place = 0; place < len; place++) {
                for (int c = 0; c < 256; c++) {
                    end[-(ptrdiff_t)(len - place)] = (char)c;
                    const char *at = end - len;
                    const char *plain = rh_scan_plain(at, end, scans[s].kind);
                    cr_assert_eq(scans[s].fn(at - place % 18, at, end), plain,
                                 "scan %zu, %zu bytes, byte %d at %zu", s, len, c, place);
                }
                end[-(ptrdiff_t)(len - place)] = scans[s].filler;
            }
        }
    }
    guard_fini(&guard);
}

Test(scan, wide_agrees_with_plain_on_noise)
{
    unsigned long long state = 88172645463325252ULL;
    char noise[300];
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof noise; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            noise[i] = round % 2 == 0 ? (char)state : (char)(0x20 + state % 0x5f);
        }
        for (size_t s = 0; s < sizeof scans / sizeof scans[0]; s++) {
            const char *stop = noise + sizeof noise;
            for (const char *at = noise; at < stop; at++) {
                const char *plain = rh_scan_plain(at, stop, scans[s].kind);
                cr_assert_eq(scans[s].fn(noise, at, stop), plain);
                at = plain;
            }
        }
    }
}
