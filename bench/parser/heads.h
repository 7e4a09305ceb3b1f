/* The request heads that are parsed: a load tool's, an API client's, a browser's, one of 100
 * fields. */
#ifndef BENCH_PARSER_HEADS_H
#define BENCH_PARSER_HEADS_H

#include <stddef.h>

enum { HEAD_BYTES_MAX = 16384, FIELDS_MAX = 128, HEADS_N = 4 };

struct bench_head {
    const char *name;
    char text[HEAD_BYTES_MAX];
    size_t len;
};

extern struct bench_head bench_heads[HEADS_N];

/* Fills in what is made at run time: call it before anything else. */
void bench_heads_init(void);

/* The head of that name, or NULL. */
const struct bench_head *bench_heads_find(const char *name);

#endif
