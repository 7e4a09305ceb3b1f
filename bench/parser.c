/* What the request parser costs: nanoseconds per request and bytes per cycle, for heads of four
 * sizes, whole and cut into pieces.
 *
 *   build/bench/bench-parser [seconds per row, 0.3]
 *   build/bench/bench-parser NAME COUNT      parses one head so many times and is silent: for
 *                                            counting instructions (valgrind --tool=callgrind)
 *
 * A whole head lies in the cache, as in every micro benchmark; what a row shows is the work of the
 * parser and not the time of memory. The cycles are those of the time-stamp counter, which runs at
 * the nominal frequency. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "http/parser.h"

enum { HEAD_BYTES_MAX = 16384, FIELDS_MAX = 128 };

struct sample {
    const char *name;
    char text[HEAD_BYTES_MAX];
    size_t len;
};

static struct sample samples[] = {
    {.name = "tiny", .text = "GET /ping HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
    {.name = "small",
     .text = "GET /users/1729/orders?page=3 HTTP/1.1\r\n"
             "Host: api.example.com\r\n"
             "User-Agent: loadtool/1.4.2 (x86_64-pc-linux-gnu; 64) libnet/2.0\r\n"
             "Accept: application/json\r\n"
             "Connection: keep-alive\r\n\r\n"},
    {.name = "browser",
     .text = "GET /articles/2026/11/the-road-to-the-sea?from=home&lang=en HTTP/1.1\r\n"
             "Host: www.example.com\r\n"
             "Connection: keep-alive\r\n"
             "Cache-Control: max-age=0\r\n"
             "Upgrade-Insecure-Requests: 1\r\n"
             "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0\r\n"
             "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
             "Sec-Fetch-Site: same-origin\r\n"
             "Sec-Fetch-Mode: navigate\r\n"
             "Sec-Fetch-User: ?1\r\n"
             "Sec-Fetch-Dest: document\r\n"
             "Referer: https://www.example.com/\r\n"
             "Accept-Encoding: gzip, deflate, br\r\n"
             "Accept-Language: en-GB,en;q=0.8,de;q=0.5\r\n"
             "If-None-Match: \"5f2c-1a0\"\r\n"
             "Cookie: sid=8c1f03a97b2d5e6470c1b2a39f8e7d6c; theme=dark; seen=1764028800; zone=Europe%2FBerlin\r\n\r\n"},
    {.name = "hundred", .text = ""},
};
enum { SAMPLES_N = sizeof samples / sizeof samples[0] };

static struct rh_field fields[FIELDS_MAX];
static const struct rh_head_limits limits = {HEAD_BYTES_MAX, 8192, FIELDS_MAX};

static void make_samples(void)
{
    struct sample *hundred = &samples[SAMPLES_N - 1];
    char *at = hundred->text;
    at += sprintf(at, "GET /hundred HTTP/1.1\r\nHost: localhost:8080\r\n");
    for (int i = 1; i < 100; i++) {
        at += sprintf(at, "X-Field-Number-%d: a value of some %d bytes\r\n", i, i * 7919);
    }
    sprintf(at, "\r\n");
    for (int i = 0; i < SAMPLES_N; i++) {
        samples[i].len = strlen(samples[i].text);
    }
}

/* Parses once, `step` bytes at a time; ends the program where that does not work. */
static inline void parse(const struct sample *sample, size_t step)
{
    struct rh_parser parser;
    enum rh_parse answer = RH_PARSE_MORE;
    rh_parser_init(&parser, fields, &limits);
    for (size_t n = step; answer == RH_PARSE_MORE; n += step) {
        answer = rh_parser_feed(&parser, sample->text, n < sample->len ? n : sample->len);
    }
    if (answer != RH_PARSE_DONE || parser.head.bytes != sample->len) {
        fprintf(stderr, "%s: refused for %s\n", sample->name, rh_rule_info(parser.rule)->id);
        exit(1);
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t cycles(void)
{
#ifdef __x86_64__
    return __rdtsc();
#else
    return 0;
#endif
}

/* The best of five runs: what disturbs a run only ever makes it longer. */
static void measure(const struct sample *sample, size_t step, const char *how, double duration)
{
    double best_ns = 1e30;
    double best_cycles = 1e30;
    for (int run = 0; run < 5; run++) {
        unsigned long n = 0;
        double begin = seconds();
        double end;
        uint64_t first = cycles();
        do {
            for (int i = 0; i < 1000; i++) {
                parse(sample, step);
            }
            n += 1000;
            end = seconds();
        } while (end - begin < duration / 5);
        double spent = (double)(cycles() - first) / (double)n;
        double ns = (end - begin) * 1e9 / (double)n;
        best_ns = ns < best_ns ? ns : best_ns;
        best_cycles = spent < best_cycles ? spent : best_cycles;
    }
    printf("%-8s %6zu bytes  %-14s %9.1f ns", sample->name, sample->len, how, best_ns);
    if (best_cycles > 0) {
        printf("  %6.2f bytes/cycle", (double)sample->len / best_cycles);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    make_samples();
    if (argc == 3) {
        for (int i = 0; i < SAMPLES_N; i++) {
            if (strcmp(samples[i].name, argv[1]) == 0) {
                for (long left = strtol(argv[2], NULL, 10); left > 0; left--) {
                    parse(&samples[i], samples[i].len);
                }
                return 0;
            }
        }
        fprintf(stderr, "%s is none of tiny, small, browser, hundred\n", argv[1]);
        return 2;
    }
    double duration = argc > 1 ? strtod(argv[1], NULL) : 0.3;
    for (int i = 0; i < SAMPLES_N; i++) {
        measure(&samples[i], samples[i].len, "whole", duration);
        measure(&samples[i], (samples[i].len + 1) / 2, "two pieces", duration);
        measure(&samples[i], 16, "16 at a time", duration);
        measure(&samples[i], 1, "1 at a time", duration);
    }
    return 0;
}
