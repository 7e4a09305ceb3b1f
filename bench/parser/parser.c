/* What reading a request's head costs: nanoseconds for each and bytes per cycle, for heads of four
 * sizes, whole and in pieces, ours and the parsers of others on the same bytes.
 *
 *   bench-parser [--csv] [SECONDS]     a table; SECONDS for each of its rows (0.3)
 *   bench-parser NAME COUNT            parses one head so many times by ours and is silent: for
 *                                      counting instructions (valgrind --tool=callgrind)
 *
 * The number is the best of many runs of half a millisecond, in which the parsers take turns: what
 * disturbs a run only ever makes it longer, and a run that short is often left in peace. Every run
 * has its stack elsewhere, since two addresses that differ by a multiple of 4 KiB can cost a parser
 * half of its speed, and which ones do is chance. A head lies in the cache, as in every micro
 * benchmark. Cycles are those of the time-stamp counter, which runs at the nominal frequency. */
#include <alloca.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "parsers.h"

#define RUN_SECONDS 0.0005
#define WARM_UP_SECONDS 0.2
enum { STACK_STEP = 64, STACK_STEPS = 64 };

static const struct parser {
    const char *name;
    bench_parse_fn parse;
} parsers[] = {
    {"rawhttp-uv", bench_parse_ours},
#ifdef BENCH_PICOHTTPPARSER
    {"picohttpparser", bench_parse_picohttpparser},
#endif
#ifdef BENCH_PICOHTTPPARSER_SSE42
    {"picohttpparser-sse42", bench_parse_picohttpparser_sse42},
#endif
#ifdef BENCH_HTTP_PARSER
    {"http_parser", bench_parse_http_parser},
#endif
};
enum { PARSERS_N = sizeof parsers / sizeof parsers[0] };

/* What one parser needed for one head in one way. */
struct row {
    unsigned long times; /* in one run */
    double ns;
    double cycles;
};

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

/* One run with the stack moved down by `moved` bytes; answers how long it took. */
static __attribute__((noinline)) double run(const struct parser *parser,
                                            const struct bench_head *head, size_t step,
                                            struct row *row, size_t moved)
{
    volatile char *pad = alloca(moved + 1);
    pad[0] = 0;
    double begin = seconds();
    uint64_t first = cycles();
    if (!parser->parse(head, step, row->times)) {
        fprintf(stderr, "bench-parser: %s does not take %s\n", parser->name, head->name);
        exit(1);
    }
    double spent = (double)(cycles() - first) / (double)row->times;
    double taken = seconds() - begin;
    double ns = taken * 1e9 / (double)row->times;
    row->ns = ns < row->ns ? ns : row->ns;
    row->cycles = spent < row->cycles ? spent : row->cycles;
    return taken;
}

/* How often a parser parses in one run. */
static void row_calibrate(const struct parser *parser, const struct bench_head *head, size_t step,
                          struct row *row)
{
    *row = (struct row){.times = 1, .ns = 1e30, .cycles = 1e30};
    while (run(parser, head, step, row, 0) < RUN_SECONDS) {
        row->times *= 2;
    }
}

static void measure(const struct bench_head *head, size_t step, double duration, struct row *rows)
{
    for (int i = 0; i < PARSERS_N; i++) {
        row_calibrate(&parsers[i], head, step, &rows[i]);
    }
    double end = seconds() + duration * PARSERS_N;
    for (size_t turn = 0; seconds() < end || turn < STACK_STEPS; turn++) {
        for (int i = 0; i < PARSERS_N; i++) {
            run(&parsers[i], head, step, &rows[i], turn % STACK_STEPS * STACK_STEP);
        }
    }
}

static void print_rows(const struct bench_head *head, const char *how, const struct row *rows,
                       bool csv)
{
    for (int i = 0; i < PARSERS_N; i++) {
        const struct row *row = &rows[i];
        double speed = row->cycles > 0 ? (double)head->len / row->cycles : 0;
        if (csv) {
            printf("%s,%zu,%s,%s,%.2f,%.3f\n", head->name, head->len, how, parsers[i].name, row->ns,
                   speed);
            continue;
        }
        printf("%-8s %5zu bytes  %-13s %-21s %9.1f ns", head->name, head->len, how, parsers[i].name,
               row->ns);
        if (speed > 0) {
            printf("  %6.2f bytes/cycle", speed);
        }
        for (int k = 1; i == 0 && k < PARSERS_N; k++) {
            printf("%s %.2f × %s", k == 1 ? "  =" : ",", row->ns / rows[k].ns, parsers[k].name);
        }
        printf("\n");
    }
}

static void say_what_is_missing(void)
{
#ifndef BENCH_PICOHTTPPARSER
    printf("Left out: picohttpparser (libh2o-dev was not there when this was built).\n");
#endif
#ifndef BENCH_HTTP_PARSER
    printf("Left out: http_parser (libhttp-parser-dev was not there when this was built).\n");
#endif
}

static void warm_up(void)
{
    double end = seconds() + WARM_UP_SECONDS;
    while (seconds() < end) {
        for (int i = 0; i < PARSERS_N; i++) {
            parsers[i].parse(&bench_heads[0], bench_heads[0].len, 1000);
        }
    }
}

static void table(double duration, bool csv)
{
    if (csv) {
        printf("head,bytes,how,parser,ns,bytes_per_cycle\n");
    }
    for (int i = 0; i < HEADS_N; i++) {
        const struct bench_head *head = &bench_heads[i];
        const struct {
            const char *name;
            size_t step;
        } ways[] = {
            {"whole", head->len},
            {"two pieces", (head->len + 1) / 2},
            {"16 at a time", 16},
            {"1 at a time", 1},
        };
        for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
            struct row rows[PARSERS_N];
            measure(head, ways[way].step, duration, rows);
            print_rows(head, ways[way].name, rows, csv);
            fflush(stdout);
        }
    }
    if (!csv) {
        say_what_is_missing();
    }
}

int main(int argc, char **argv)
{
    bool csv = argc > 1 && strcmp(argv[1], "--csv") == 0;
    bench_heads_init();
    if (argc == 3 && !csv) {
        const struct bench_head *head = bench_heads_find(argv[1]);
        if (head == NULL) {
            fprintf(stderr, "bench-parser: %s is none of tiny, small, browser, hundred\n", argv[1]);
            return 2;
        }
        return bench_parse_ours(head, head->len, strtoul(argv[2], NULL, 10)) ? 0 : 1;
    }
    double duration = argc > 1 + csv ? strtod(argv[1 + csv], NULL) : 0.3;
    if (argc > 2 + csv || !(duration > 0 && duration <= 60)) {
        fprintf(stderr, "usage: %s [--csv] [SECONDS]\n       %s NAME COUNT\n", argv[0], argv[0]);
        return 2;
    }
    warm_up();
    table(duration, csv);
    return 0;
}
