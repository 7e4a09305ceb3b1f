/* A chunked body, whole and in pieces: the same content, the same end, the same refusal. */
#include "fuzz/fuzz.h"
#include "http/h1/chunked.h"

enum { BYTES_MAX = 4000, TRAILERS_MAX = 4 };

static const struct rh_chunk_limits limits = {64, 100, TRAILERS_MAX};

struct result {
    enum rh_chunk answer;
    enum rh_rule rule;
    size_t used;
    size_t content_len;
    uint16_t trailers_n;
    char content[BYTES_MAX];
    char trailers[BYTES_MAX]; /* as "name=value;" */
};

static void note_trailers(struct result *result, const struct rh_chunked *chunked, const char *base)
{
    size_t n = 0;
    for (size_t i = 0; i < chunked->trailers_n; i++) {
        const struct rh_field *field = &chunked->section.fields[i];
        memcpy(result->trailers + n, base + field->name_at, field->name_len);
        n += field->name_len;
        result->trailers[n++] = '=';
        memcpy(result->trailers + n, base + field->value_at, field->value_len);
        n += field->value_len;
        result->trailers[n++] = ';';
    }
    result->trailers_n = chunked->trailers_n;
}

static void decode(struct result *result, const uint8_t *data, size_t len, size_t step)
{
    struct rh_field trailers[TRAILERS_MAX];
    struct rh_chunked chunked;
    size_t n = step < len ? step : len;
    memset(result, 0, sizeof *result);
    rh_chunked_init(&chunked, trailers, &limits);
    for (;;) {
        size_t used = 0;
        size_t trailers_at = 0;
        struct rh_slice content = {NULL, 0};
        size_t given = n - result->used;
        char *bytes = fuzz_copy(data + result->used, given);
        result->answer =
            rh_chunked_feed(&chunked, bytes, given, &used, &content, &trailers_at);
        FUZZ_CHECK(used <= given);
        result->used += used;
        if (result->answer == RH_CHUNK_DATA) {
            FUZZ_CHECK(content.len > 0 && content.base >= bytes &&
                       content.base + content.len <= bytes + used);
            memcpy(result->content + result->content_len, content.base, content.len);
            result->content_len += content.len;
        } else if (result->answer == RH_CHUNK_DONE) {
            note_trailers(result, &chunked, bytes + trailers_at);
        }
        free(bytes);
        if (result->answer == RH_CHUNK_DONE || result->answer == RH_CHUNK_REJECT ||
            (result->answer == RH_CHUNK_MORE && n == len)) {
            break;
        }
        if (result->answer == RH_CHUNK_MORE) {
            n = len - n > step ? n + step : len;
        }
    }
    result->rule = chunked.rule;
    FUZZ_CHECK((result->answer == RH_CHUNK_REJECT) == (result->rule != RH_RULE_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct result whole;
    static struct result pieces;
    if (len > 1500) {
        return 0;
    }
    decode(&whole, data, len, len > 0 ? len : 1);
    const size_t steps[] = {1, 2, 7};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        decode(&pieces, data, len, steps[i]);
        FUZZ_CHECK(pieces.answer == whole.answer && pieces.rule == whole.rule);
        FUZZ_CHECK(pieces.content_len == whole.content_len);
        FUZZ_CHECK(memcmp(pieces.content, whole.content, whole.content_len) == 0);
        FUZZ_CHECK(pieces.trailers_n == whole.trailers_n);
        FUZZ_CHECK(strcmp(pieces.trailers, whole.trailers) == 0);
        FUZZ_CHECK(whole.answer == RH_CHUNK_REJECT || pieces.used == whole.used);
    }
    return 0;
}
