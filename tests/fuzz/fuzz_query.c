/* Forms, media types, dates: the small readers of what a peer sends. */
#include "fuzz/fuzz.h"
#include "http/date.h"
#include "http/form.h"
#include "http/media.h"

static void check_form(struct rh_slice text)
{
    struct rh_slice rest = text;
    struct rh_slice name;
    struct rh_slice value;
    size_t seen = 0;
    while (rh_form_next(&rest, &name, &value)) {
        FUZZ_CHECK(name.len + value.len > 0 || value.base == name.base + 1);
        FUZZ_CHECK(memchr(name.base, '=', name.len) == NULL || name.len == 0);
        FUZZ_CHECK(memchr(value.base, '&', value.len) == NULL || value.len == 0);
        seen += name.len + value.len;
        char *out = fuzz_copy(name.base, name.len);
        ptrdiff_t n = rh_form_decode((struct rh_slice){out, name.len}, out);
        FUZZ_CHECK(n <= (ptrdiff_t)name.len);
        free(out);
        out = malloc(value.len > 0 ? value.len : 1);
        FUZZ_CHECK(out != NULL);
        n = rh_form_decode(value, out);
        FUZZ_CHECK(n <= (ptrdiff_t)value.len);
        free(out);
    }
    FUZZ_CHECK(seen <= text.len);
}

static void check_media(struct rh_slice text)
{
    static const char *const offers[] = {"text/html", "application/json"};
    struct rh_media media;
    char out[16];
    if (rh_media_parse(text, &media)) {
        FUZZ_CHECK(media.type.len > 0 && media.subtype.len > 0);
        FUZZ_CHECK(rh_media_parameter(&media, "charset", out, sizeof out) <= 16);
        FUZZ_CHECK(rh_media_parameter(&media, "boundary", out, sizeof out) <= 16);
    }
    FUZZ_CHECK(rh_media_choose(text, offers, 2) < 2);
    FUZZ_CHECK(rh_accept_quality(text, "gzip", 1000) <= 1000);
}

/* A date that can be read can be written, and reads the same again. */
static void check_date(struct rh_slice text)
{
    int64_t seconds = 0;
    int64_t again = 0;
    char out[29];
    if (rh_date_parse(text, &seconds)) {
        rh_date_format(out, seconds);
        FUZZ_CHECK(rh_date_parse((struct rh_slice){out, 29}, &again) && again == seconds);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *bytes = fuzz_copy(data, len);
    struct rh_slice text = {bytes, len};
    check_form(text);
    check_media(text);
    check_date(text);
    free(bytes);
    return 0;
}
