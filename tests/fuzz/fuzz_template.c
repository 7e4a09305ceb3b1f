/* A template of any bytes, filled with hostile data: compiles or tells why, renders or ends at a
 * bound, and what was compiled as HTML never writes the value's own tag. */
#include "fuzz/fuzz.h"
#include "rawhttp/template.h"

/* No escape may let its tag through, wherever the value stood. The templates themselves hold no Q,
 * so none of them can spell it. */
static const char hostile[] = "<x9Q>\"'`";

/* True when nothing is raw: after {{ and white space comes none of { & =. */
static int is_escaped(const uint8_t *data, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        size_t at = i + 1;
        if (data[i - 1] != '{' || data[i] != '{') {
            continue;
        }
        while (at < len && strchr(" \t\r\n", data[at]) != NULL) {
            at++;
        }
        if (at < len && strchr("{&=", data[at]) != NULL) {
            return 0;
        }
    }
    return memchr(data, 'Q', len) == NULL;
}

static int collect(void *data, const char *bytes, size_t len)
{
    static char tail[4096];
    size_t *used = data;
    size_t room = sizeof(tail) - *used;
    memcpy(tail + *used, bytes, len < room ? len : room);
    *used += len < room ? len : room;
    FUZZ_CHECK(memmem(tail, *used, "<x9Q>", 5) == NULL);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > 2000 || !is_escaped(data, len)) {
        return 0;
    }
    size_t half = len / 2;
    struct rh_templates *set = rh_templates_create(NULL, 0);
    struct rh_value *value = rh_value_create();
    FUZZ_CHECK(set != NULL && value != NULL);
    rh_value_set_text(value, "a", hostile);
    rh_value_add_text(rh_value_set_list(value, "b"), hostile);
    rh_templates_limit(set, 4096, 16, 10000);
    char *text = fuzz_copy(data, len);
    rh_templates_add(set, "a", (struct rh_slice){text, half});
    rh_templates_add(set, "b", (struct rh_slice){text + half, len - half});
    free(text);
    int compiled = rh_templates_compile(set);
    FUZZ_CHECK((compiled == 0) == (rh_templates_error(set) == NULL));
    size_t used = 0;
    rh_templates_render(set, "a", value, collect, &used);
    used = 0;
    rh_templates_render(set, "b", value, collect, &used);
    rh_value_destroy(value);
    rh_templates_destroy(set);
    return 0;
}
