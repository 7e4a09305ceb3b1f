/* The parsers that are compared: ours, and those of others that were there when this was built. */
#ifndef BENCH_PARSER_PARSERS_H
#define BENCH_PARSER_PARSERS_H

#include <stdbool.h>
#include <stddef.h>

#include "heads.h"

/* Parses a head `times` times, each time given `step` bytes more until it is complete; false when
 * it is refused, or is over elsewhere than at its end. The loop is the parser's own, so that none
 * pays for a call through a pointer in each turn. */
typedef bool (*bench_parse_fn)(const struct bench_head *head, size_t step, unsigned long times);

bool bench_parse_ours(const struct bench_head *head, size_t step, unsigned long times);
bool bench_parse_picohttpparser(const struct bench_head *head, size_t step, unsigned long times);
bool bench_parse_picohttpparser_sse42(const struct bench_head *head, size_t step,
                                      unsigned long times);
bool bench_parse_http_parser(const struct bench_head *head, size_t step, unsigned long times);

#endif
