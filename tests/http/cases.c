/* Runs the protocol cases of tests/http/cases: text files with an input and what must come of it.
 *
 *   == name of the case            begins a case
 *   kind head                      head (the default), chunked or path
 *   limit target 20                limits: head, target, fields, overhead, trailer, trailers
 *   > GET / HTTP/1.1\r\n           input; \r \n \t \0 \\ \xHH; a space at the end is written \x20
 *   >*100 aaaa                     the same, so many times
 *   | more input                   input behind the byte that must decide already
 *   = reject cl-overflow           expected events, all of them in order
 *
 * Each case is run whole, at every split point and byte by byte, and each time the input ends at an
 * unreadable page and lies elsewhere than the time before. Long ones are split at fewer points. At
 * the end every rule of http/rule.h must have been the reason of a refusal. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "guard.h"
#include "http/h1/chunked.h"
#include "http/h1/parser.h"
#include "http/path.h"
#include "util/ascii.h"

enum { BYTES_MAX = 200000, FIELDS_MAX = 128 };

enum kind { KIND_HEAD, KIND_CHUNKED, KIND_PATH };

struct text {
    char bytes[BYTES_MAX];
    size_t len;
};

struct test_case {
    char name[200];
    const char *file;
    int line;
    enum kind kind;
    struct rh_head_limits head;
    struct rh_chunk_limits chunk;
    size_t decides; /* bytes of the input after which the answer must be there; 0: not said */
    struct text input;
    struct text expected;
};

static struct guard guard;
static bool rules_seen[RH_RULE_COUNT];
static unsigned cases_n;
static unsigned cases_failed;
static bool show;

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text->bytes + text->len, BYTES_MAX - text->len, format, list);
    va_end(list);
    text->len += n > 0 ? (size_t)n : 0;
    if (text->len >= BYTES_MAX) {
        fprintf(stderr, "cases: an event is too long\n");
        exit(2);
    }
}

/* The bytes as a case file spells them; of very many only the first. */
static void put_bytes(struct text *text, const char *bytes, size_t len)
{
    if (len > 300) {
        put_bytes(text, bytes, 30);
        put(text, "... (%zu bytes)", len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '\r') {
            put(text, "\\r");
        } else if (c == '\n') {
            put(text, "\\n");
        } else if (c == '\t') {
            put(text, "\\t");
        } else if (c == '\0') {
            put(text, "\\0");
        } else if (c == '\\') {
            put(text, "\\\\");
        } else if (c < 0x20 || c >= 0x7f) {
            put(text, "\\x%02x", c);
        } else {
            put(text, "%c", c);
        }
    }
}

static void put_named(struct text *text, const char *name, const char *bytes, size_t len)
{
    put(text, "%s ", name);
    put_bytes(text, bytes, len);
    put(text, "%s\n", len > 0 ? "" : "(empty)");
}

static void put_reject(struct text *events, enum rh_rule rule)
{
    rules_seen[rule] = true;
    put(events, "reject %s\n", rh_rule_info(rule)->id);
}

static void put_fields(struct text *events, const char *what, const char *base,
                       const struct rh_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put(events, "%s ", what);
        put_bytes(events, base + fields[i].name_at, fields[i].name_len);
        put(events, ": ");
        put_bytes(events, base + fields[i].value_at, fields[i].value_len);
        put(events, "%s%s\n", fields[i].value_len == 0 ? "(empty)" : "",
            fields[i].id == RH_FIELD_OTHER ? " (other)" : "");
    }
}

/* The head in words; what is the usual thing is left out. */
static void put_head(struct text *events, const struct rh_parser *parser, const char *base,
                     size_t len)
{
    static const char *const forms[] = {"origin", "absolute", "authority", "asterisk"};
    const struct rh_head *head = &parser->head;
    put(events, "done ");
    if (head->method == RH_METHOD_OTHER) {
        put_bytes(events, base + head->method_at, head->method_len);
    } else {
        put(events, "%s", rh_method_name((enum rh_method)head->method));
    }
    put(events, " ");
    put_bytes(events, base + head->target_at, head->target_len);
    put(events, " 1.%d\n", head->version_minor);
    if (head->form != RH_ORIGIN_FORM) {
        put(events, "form %s\n", forms[head->form]);
    }
    if (head->path_at != head->target_at || head->path_len != head->target_len) {
        put_named(events, "path", base + head->path_at, head->path_len);
    }
    if (head->has_query) {
        put_named(events, "query", base + head->query_at, head->query_len);
    }
    if (!head->path_is_plain) {
        put(events, "not plain\n");
    }
    put_named(events, "host", base + head->host_at, head->host_len);
    if (head->body_kind == RH_BODY_LENGTH) {
        put(events, "body %llu\n", (unsigned long long)head->content_length);
    } else if (head->body_kind == RH_BODY_CHUNKED) {
        put(events, "body chunked\n");
    }
    put(events, "%s%s%s", head->keep_alive == (head->version_minor > 0) ? "" : "connection ",
        head->keep_alive == (head->version_minor > 0) ? ""
        : head->keep_alive                            ? "kept"
                                                      : "closed",
        head->keep_alive == (head->version_minor > 0) ? "" : "\n");
    put(events, "%s%s", head->expect_continue ? "expect\n" : "", head->upgrade ? "upgrade\n" : "");
    put_fields(events, "field", base, parser->fields, head->fields_n);
    enum rh_rule refusal = rh_head_refusal(head, false);
    if (refusal != RH_RULE_NONE) {
        rules_seen[refusal] = true;
        put(events, "refuse %s\n", rh_rule_info(refusal)->id);
    }
    if (head->bytes != len) {
        put_named(events, "left", base + head->bytes, len - head->bytes);
    }
}

/* Feeds the prefixes that end at `cut`, at each further `step` bytes, and at the end. */
static void run_head(const struct test_case *test, size_t cut, size_t step, struct text *events,
                     size_t *ret_decided)
{
    struct rh_field fields[FIELDS_MAX];
    struct rh_parser parser;
    const char *bytes = test->input.bytes;
    size_t len = test->input.len;
    rh_parser_init(&parser, fields, &test->head);
    for (size_t n = cut;; n = len - n > step ? n + step : len) {
        char *at = guard_put(&guard, bytes, n);
        enum rh_parse answer = rh_parser_feed(&parser, at, n);
        *ret_decided = n;
        if (answer == RH_PARSE_DONE) {
            put_head(events, &parser, at, n);
            if (n < len) {
                /* What was not fed is left as well. */
                events->len = 0;
                put_head(events, &parser, bytes, len);
            }
            return;
        }
        if (answer == RH_PARSE_REJECT) {
            put_reject(events, parser.rule);
            return;
        }
        if (n == len) {
            put(events, rh_parser_has_begun(&parser) ? "more\n" : "nothing\n");
            return;
        }
    }
}

static void run_chunked(const struct test_case *test, size_t cut, size_t step, struct text *events,
                        size_t *ret_decided)
{
    static struct text content;
    struct rh_field trailers[FIELDS_MAX];
    struct rh_chunked chunked;
    const char *bytes = test->input.bytes;
    size_t len = test->input.len;
    size_t used = 0;
    size_t n = cut;
    content.len = 0;
    rh_chunked_init(&chunked, trailers, &test->chunk);
    for (;;) {
        size_t step_used = 0;
        size_t trailers_at = 0;
        struct rh_slice data = {NULL, 0};
        char *at = guard_put(&guard, bytes + used, n - used);
        enum rh_chunk answer =
            rh_chunked_feed(&chunked, at, n - used, &step_used, &data, &trailers_at);
        *ret_decided = n;
        used += step_used;
        if (answer == RH_CHUNK_DATA) {
            memcpy(content.bytes + content.len, data.base, data.len);
            content.len += data.len;
        } else if (answer != RH_CHUNK_MORE || n == len) {
            put_named(events, "data", content.bytes, content.len);
            if (answer == RH_CHUNK_REJECT) {
                put_reject(events, chunked.rule);
            } else if (answer == RH_CHUNK_MORE) {
                put(events, "more\n");
            } else {
                put(events, "done\n");
                put_fields(events, "trailer", at + trailers_at, trailers, chunked.trailers_n);
                if (used < len) {
                    put_named(events, "left", bytes + used, len - used);
                }
            }
            return;
        } else {
            n = len - n > step ? n + step : len;
        }
    }
}

static void run_path(const struct test_case *test, struct text *events)
{
    char out[4096];
    size_t len = 0;
    struct rh_slice raw = {guard_put(&guard, test->input.bytes, test->input.len), test->input.len};
    enum rh_rule rule = rh_path_canonical(raw, out, &len);
    if (rule != RH_RULE_NONE) {
        put_reject(events, rule);
    } else {
        put_named(events, "path", out, len);
    }
}

static bool run_once(const struct test_case *test, size_t cut, size_t step, bool early)
{
    static struct text events;
    size_t decided = 0;
    events.len = 0;
    events.bytes[0] = '\0';
    if (test->kind == KIND_HEAD) {
        run_head(test, cut, step, &events, &decided);
    } else if (test->kind == KIND_CHUNKED) {
        run_chunked(test, cut, step, &events, &decided);
    } else {
        run_path(test, &events);
    }
    bool good = strcmp(events.bytes, test->expected.bytes) == 0;
    bool in_time = !early || test->decides == 0 || test->decides == decided;
    if (good && in_time) {
        return true;
    }
    fprintf(stderr, "%s:%d: %s: fed %zu bytes, then %zu at a time\n", test->file, test->line,
            test->name, cut, step);
    if (!in_time) {
        fprintf(stderr, "  decided after %zu bytes instead of %zu\n", decided, test->decides);
    }
    fprintf(stderr, "-- expected\n%s-- got\n%s--\n", test->expected.bytes, events.bytes);
    return false;
}

static void run_case(const struct test_case *test)
{
    size_t len = test->input.len;
    size_t stride = len < 3000 ? 1 : len / 300;
    bool good = run_once(test, len, 1, false);
    if (good && test->kind != KIND_PATH) {
        good = run_once(test, 0, 1, len < 3000) && run_once(test, 0, stride, stride == 1) &&
               run_once(test, 0, 7, false);
        for (size_t cut = 0; good && cut < len; cut += stride) {
            good = run_once(test, cut, len, false);
        }
    }
    cases_n++;
    cases_failed += good ? 0 : 1;
    if (show) {
        fprintf(stderr, "%s %s\n", good ? "ok  " : "FAIL", test->name);
    }
}

/* Appends the bytes that an input line spells. */
static void add_input(struct test_case *test, const char *at, const char *where)
{
    static struct text piece;
    piece.len = 0;
    long times = 1;
    if (*at == '*') {
        char *end;
        times = strtol(at + 1, &end, 10);
        at = end;
    }
    at += *at == ' ';
    while (*at != '\0') {
        char c = *at++;
        if (c == '\\') {
            char escape = *at++;
            switch (escape) {
            case 'r':
                c = '\r';
                break;
            case 'n':
                c = '\n';
                break;
            case 't':
                c = '\t';
                break;
            case '0':
                c = '\0';
                break;
            case '\\':
                break;
            case 'x':
                c = (char)(rh_ascii_hex(at[0]) << 4 | rh_ascii_hex(at[1]));
                at += 2;
                break;
            default:
                fprintf(stderr, "%s: unknown escape \\%c\n", where, escape);
                exit(2);
            }
        }
        piece.bytes[piece.len++] = c;
    }
    while (times-- > 0) {
        if (piece.len > BYTES_MAX - test->input.len) {
            fprintf(stderr, "%s: input is too long\n", where);
            exit(2);
        }
        memcpy(test->input.bytes + test->input.len, piece.bytes, piece.len);
        test->input.len += piece.len;
    }
}

static void set_limit(struct test_case *test, const char *text, const char *where)
{
    char name[20];
    unsigned value = 0;
    if (sscanf(text, "%19s %u", name, &value) != 2) {
        fprintf(stderr, "%s: a limit is a name and a number\n", where);
        exit(2);
    }
    if (strcmp(name, "head") == 0) {
        test->head.head_bytes_max = value;
    } else if (strcmp(name, "target") == 0) {
        test->head.target_bytes_max = value;
    } else if (strcmp(name, "fields") == 0) {
        test->head.fields_max = (uint16_t)value;
    } else if (strcmp(name, "overhead") == 0) {
        test->chunk.overhead_bytes_max = value;
    } else if (strcmp(name, "trailer") == 0) {
        test->chunk.trailer_bytes_max = value;
    } else if (strcmp(name, "trailers") == 0) {
        test->chunk.trailers_max = (uint16_t)value;
    } else {
        fprintf(stderr, "%s: no limit is called %s\n", where, name);
        exit(2);
    }
}

static void begin_case(struct test_case *test, const char *name, const char *file, int line)
{
    snprintf(test->name, sizeof test->name, "%.*s", (int)sizeof test->name - 1, name);
    test->file = file;
    test->line = line;
    test->kind = KIND_HEAD;
    test->head = (struct rh_head_limits){16384, 8192, 100};
    test->chunk = (struct rh_chunk_limits){4096, 4096, 16};
    test->decides = 0;
    test->input.len = 0;
    test->expected.len = 0;
    test->expected.bytes[0] = '\0';
}

static void read_line(struct test_case *test, const char *text, const char *where)
{
    static const char *const kinds[] = {"kind head", "kind chunked", "kind path"};
    if (*text == '>' || *text == '|') {
        if (*text == '|' && test->decides == 0) {
            test->decides = test->input.len;
        }
        add_input(test, text + 1, where);
    } else if (*text == '=') {
        put(&test->expected, "%s\n", text + 1 + (text[1] == ' '));
    } else if (strncmp(text, "limit ", 6) == 0) {
        set_limit(test, text + 6, where);
    } else if (*text != '#' && *text != '\0') {
        for (int i = 0; i < 3; i++) {
            if (strcmp(text, kinds[i]) == 0) {
                test->kind = (enum kind)i;
                return;
            }
        }
        fprintf(stderr, "%s: not understood: %s\n", where, text);
        exit(2);
    }
}

static void run_file(const char *file)
{
    static struct test_case test;
    static char text[8192];
    char where[300];
    int line = 0;
    bool in_case = false;
    FILE *stream = fopen(file, "r");
    if (stream == NULL) {
        perror(file);
        exit(2);
    }
    while (fgets(text, sizeof text, stream) != NULL) {
        text[strcspn(text, "\n")] = '\0';
        snprintf(where, sizeof where, "%s:%d", file, ++line);
        if (strncmp(text, "== ", 3) == 0) {
            if (in_case) {
                run_case(&test);
            }
            begin_case(&test, text + 3, file, line);
            in_case = true;
        } else if (in_case) {
            read_line(&test, text, where);
        }
    }
    if (in_case) {
        run_case(&test);
    }
    fclose(stream);
}

int main(int argc, char **argv)
{
    int first = 1;
    if (argc > 1 && strcmp(argv[1], "-v") == 0) {
        show = true;
        first++;
    }
    guard_init(&guard, BYTES_MAX);
    for (int i = first; i < argc; i++) {
        run_file(argv[i]);
    }
    unsigned missed = 0;
    for (int i = 1; i < RH_RULE_COUNT && argc - first > 1; i++) {
        if (!rules_seen[i]) {
            fprintf(stderr, "no case is refused for %s\n", rh_rule_info((enum rh_rule)i)->id);
            missed++;
        }
    }
    fprintf(stderr, "Tested: %u | Passing: %u | Failing: %u | Rules without a case: %u\n", cases_n,
            cases_n - cases_failed, cases_failed, missed);
    guard_fini(&guard);
    return cases_n > 0 && cases_failed == 0 && missed == 0 ? 0 : 1;
}
