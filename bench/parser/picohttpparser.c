/* picohttpparser, which h2o is built on. Debian's libh2o exports it and installs no header for it:
 * what stands here is its interface as its README documents it. It finds the parts of a head and
 * judges no field: no body length, no Host, no Connection. It keeps no state; of a head in pieces
 * it looks for the end in what is new, and parses from the beginning when it is there. */
#include "parsers.h"

#include <sys/types.h>

struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

#ifdef BENCH_PHR_SSE42 /* the same source, compiled by us: see bench/meson.build */
#define bench_parse_picohttpparser bench_parse_picohttpparser_sse42
#define phr_parse_request phr_sse42_parse_request
#endif

int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version,
                      struct phr_header *headers, size_t *num_headers, size_t last_len);

static struct phr_header fields[FIELDS_MAX];

bool bench_parse_picohttpparser(const struct bench_head *head, size_t step, unsigned long times)
{
    for (; times > 0; times--) {
        const char *method, *path;
        size_t method_len, path_len, fields_n, last = 0;
        int minor;
        int answer = -2; /* not complete */
        for (size_t n = step; answer == -2; n += step) {
            size_t len = n < head->len ? n : head->len;
            fields_n = FIELDS_MAX;
            answer = phr_parse_request(head->text, len, &method, &method_len, &path, &path_len,
                                       &minor, fields, &fields_n, last);
            last = len;
        }
        if (answer != (int)head->len) {
            return false;
        }
    }
    return true;
}
