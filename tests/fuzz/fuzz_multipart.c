/* A form, whole and in pieces: the same parts, the same content, the same end. The first byte is
 * the size of the pieces. */
#include "fuzz/fuzz.h"
#include "rawhttp/multipart.h"

enum { BYTES_MAX = 16000 };

static const struct rh_multipart_limits limits = {8, 200, 400, BYTES_MAX};

struct result {
    int end;
    int status;
    const char *rule;
    unsigned parts;
    unsigned ends;
    size_t len;
    char text[3 * BYTES_MAX]; /* names, file names, content */
};

static void add(struct result *result, struct rh_slice bytes)
{
    FUZZ_CHECK(result->len + bytes.len <= sizeof(result->text));
    if (bytes.len > 0) {
        memcpy(result->text + result->len, bytes.base, bytes.len);
        result->len += bytes.len;
    }
}

static void take(struct result *result, const struct rh_multipart *form,
                 enum rh_multipart_event event)
{
    switch (event) {
    case RH_MULTIPART_PART: {
        char name[RH_MULTIPART_FILENAME_BYTES];
        size_t len = rh_multipart_filename(form->filename, name);
        FUZZ_CHECK(len > 0 && len < sizeof(name) && name[len] == '\0' && name[0] != '.');
        FUZZ_CHECK(strlen(name) == len && strpbrk(name, "/\\:\r\n") == NULL);
        FUZZ_CHECK(form->name.base != NULL && result->parts == result->ends);
        result->parts++;
        add(result, form->name);
        add(result, form->filename);
        add(result, form->content_type);
        break;
    }
    case RH_MULTIPART_DATA:
        FUZZ_CHECK(form->data.len > 0 && result->parts == result->ends + 1);
        add(result, form->data);
        break;
    case RH_MULTIPART_PART_END:
        result->ends++;
        break;
    default:
        break;
    }
}

static void read_form(struct result *result, const uint8_t *data, size_t len, size_t step)
{
    struct rh_multipart form;
    enum rh_multipart_event event = RH_MULTIPART_MORE;
    memset(result, 0, sizeof(*result));
    FUZZ_CHECK(rh_multipart_init(&form, rh_slice_from("multipart/form-data; boundary=X"),
                                 &limits) == 0);
    for (size_t at = 0; at < len && event != RH_MULTIPART_ERROR; at += step) {
        size_t given = len - at < step ? len - at : step;
        char *bytes = fuzz_copy(data + at, given);
        struct rh_slice piece = {bytes, given};
        do {
            event = rh_multipart_next(&form, &piece);
            take(result, &form, event);
        } while (event != RH_MULTIPART_MORE && event != RH_MULTIPART_ERROR);
        free(bytes);
    }
    result->end = rh_multipart_end(&form);
    result->status = form.status;
    result->rule = form.rule;
    FUZZ_CHECK(result->end == 0 ? result->parts == result->ends : form.status != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct result whole;
    static struct result pieces;
    if (len < 1 || len > BYTES_MAX) {
        return 0;
    }
    read_form(&whole, data + 1, len - 1, len);
    read_form(&pieces, data + 1, len - 1, data[0] % 16 + 1);
    FUZZ_CHECK(whole.end == pieces.end && whole.parts == pieces.parts);
    FUZZ_CHECK(whole.status == 413 || pieces.status == 413 ||
               (whole.rule == pieces.rule && whole.len == pieces.len &&
                memcmp(whole.text, pieces.text, whole.len) == 0));
    return 0;
}
