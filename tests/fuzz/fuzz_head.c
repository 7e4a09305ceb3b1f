/* A request head, whole and in pieces: however the bytes are cut, the answer is the same, at the
 * same byte; and what is done holds together. */
#include "fuzz/fuzz.h"
#include "http/h1/parser.h"
#include "http/path.h"

enum { FIELDS_MAX = 20 };

static const struct rh_head_limits limits = {600, 200, FIELDS_MAX};

struct result {
    enum rh_parse answer;
    enum rh_rule rule;
    struct rh_head head;
    struct rh_field fields[FIELDS_MAX];
};

/* Feeds `first` bytes, then `step` at a time, each time from memory of its own. */
static void parse(struct result *result, const uint8_t *data, size_t len, size_t first, size_t step)
{
    struct rh_parser parser;
    memset(result, 0, sizeof *result);
    rh_parser_init(&parser, result->fields, &limits);
    for (size_t n = first;; n = len - n > step ? n + step : len) {
        char *bytes = fuzz_copy(data, n);
        result->answer = rh_parser_feed(&parser, bytes, n);
        free(bytes);
        if (result->answer != RH_PARSE_MORE || n == len) {
            break;
        }
    }
    result->rule = parser.rule;
    result->head = parser.head;
    FUZZ_CHECK((result->answer == RH_PARSE_REJECT) == (result->rule != RH_RULE_NONE));
}

static void check_same(const struct result *a, const struct result *b)
{
    FUZZ_CHECK(a->answer == b->answer);
    FUZZ_CHECK(a->rule == b->rule);
    if (a->answer == RH_PARSE_DONE) {
        FUZZ_CHECK(memcmp(&a->head, &b->head, sizeof a->head) == 0);
        for (size_t i = 0; i < a->head.fields_n; i++) {
            const struct rh_field *x = &a->fields[i];
            const struct rh_field *y = &b->fields[i];
            FUZZ_CHECK(x->name_at == y->name_at && x->name_len == y->name_len &&
                       x->value_at == y->value_at && x->value_len == y->value_len &&
                       x->id == y->id);
        }
    }
}

static struct rh_slice part(const char *base, unsigned at, unsigned len)
{
    return (struct rh_slice){base + at, len};
}

/* What every complete head must be, said in another way than the parser does. */
static void check_head(const struct result *result, const char *base, size_t len)
{
    const struct rh_head *head = &result->head;
    size_t hosts = 0;
    bool has_length = false;
    bool has_coding = false;
    FUZZ_CHECK(head->bytes <= len && head->bytes <= limits.head_bytes_max);
    FUZZ_CHECK(memcmp(base + head->bytes - 4, "\r\n\r\n", 4) == 0);
    FUZZ_CHECK(head->target_len <= limits.target_bytes_max && head->target_len > 0);
    FUZZ_CHECK(base[head->target_at - 1] == ' ' && base[head->target_at + head->target_len] == ' ');
    FUZZ_CHECK(memchr(base + head->target_at, ' ', head->target_len) == NULL);
    FUZZ_CHECK(head->path_at >= head->target_at || head->path_len == 0);
    FUZZ_CHECK(head->path_at + head->path_len <= head->target_at + head->target_len);
    for (size_t i = 0; i < head->bytes; i++) {
        FUZZ_CHECK(base[i] != '\0');
        FUZZ_CHECK(base[i] != '\n' || (i > 0 && base[i - 1] == '\r'));
        FUZZ_CHECK(base[i] != '\r' || base[i + 1] == '\n');
    }
    for (size_t i = 0; i < head->fields_n; i++) {
        const struct rh_field *field = &result->fields[i];
        struct rh_slice name = part(base, field->name_at, field->name_len);
        struct rh_slice value = part(base, field->value_at, field->value_len);
        FUZZ_CHECK(rh_field_name_is_valid(name) && rh_field_value_is_valid(value));
        FUZZ_CHECK(name.base[name.len] == ':' && name.base[-1] == '\n');
        FUZZ_CHECK(rh_field_classify(name) == (enum rh_field_id)field->id);
        hosts += field->id == RH_FIELD_HOST;
        has_length |= field->id == RH_FIELD_CONTENT_LENGTH;
        has_coding |= field->id == RH_FIELD_TRANSFER_ENCODING;
    }
    FUZZ_CHECK(hosts <= 1 && (hosts == 1 || head->version_minor == 0));
    FUZZ_CHECK(!(has_length && has_coding));
    FUZZ_CHECK((head->body_kind == RH_BODY_CHUNKED) == has_coding);
    FUZZ_CHECK(head->body_kind != RH_BODY_LENGTH || (has_length && head->content_length > 0));
    FUZZ_CHECK(!head->expect_continue || head->body_kind != RH_BODY_NONE);
    if (head->path_len > 0) {
        char canonical[256];
        size_t canonical_len = 0;
        struct rh_slice path = part(base, head->path_at, head->path_len);
        enum rh_rule rule = rh_path_canonical(path, canonical, &canonical_len);
        FUZZ_CHECK(rule != RH_RULE_PATH_PERCENT); /* the parser has refused it */
        bool same = rule == RH_RULE_NONE &&
                    rh_slice_equal(path, (struct rh_slice){canonical, canonical_len});
        FUZZ_CHECK(!head->path_is_plain || same);
        FUZZ_CHECK(head->path_is_plain || !same); /* it would have been plain */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct result whole;
    static struct result pieces;
    if (len > 2000) {
        return 0;
    }
    parse(&whole, data, len, len, 1);
    if (whole.answer == RH_PARSE_DONE) {
        char *bytes = fuzz_copy(data, len);
        check_head(&whole, bytes, len);
        free(bytes);
    }
    parse(&pieces, data, len, 0, 1);
    check_same(&whole, &pieces);
    parse(&pieces, data, len, len > 0 ? data[len - 1] % len : 0, 17);
    check_same(&whole, &pieces);
    parse(&pieces, data, len, len / 2, len);
    check_same(&whole, &pieces);
    return 0;
}
