/* The machine. States and what ends them:
 *
 *     PREAMBLE --delimiter--> AFTER --CRLF--> HEAD --blank line--> DATA --delimiter--> AFTER
 *                               |
 *                               +--"--"--> EPILOGUE, which is ignored (RFC 2046 §5.1.1)
 *
 * A delimiter is CR LF - - boundary; the first one may stand at the very beginning, as if a line
 * had just ended. CR stands in it only once, so a delimiter that breaks off can begin anew only at
 * the byte that broke it: what was held back is then data, and its bytes are those of the
 * delimiter itself. That is all the look-ahead there is.
 *
 * What two readers could understand differently is refused, as in the HTTP parser: bare CR or LF
 * between the fields of a part, folded lines, fields or parameters given twice. */
#include "rawhttp/multipart.h"

#include "util/utf8.h"
#include "http/chars.h"
#include "http/media.h"
#include "util/ascii.h"
#include "util/assert.h"

enum state {
    PREAMBLE, /* before the first delimiter: ignored */
    AFTER,    /* behind a delimiter: white space, CR LF or the second dash of two */
    AFTER_DASH,
    AFTER_CR,
    HEAD,     /* the fields of a part */
    DATA,     /* its content */
    PART_END, /* a delimiter ended the content: say so */
    EPILOGUE,
    BROKEN,
};

enum {
    PREAMBLE_BYTES_MAX = 1024,
    PADDING_BYTES_MAX = 64,
};

void rh_multipart_limits_init(struct rh_multipart_limits *limits)
{
    limits->parts_max = 1000;
    limits->field_bytes_max = (uint64_t)256 << 10;
    limits->file_bytes_max = (uint64_t)1 << 30;
    limits->total_bytes_max = (uint64_t)1 << 30;
}

/* bchars, RFC 2046 §5.1.1: a space may not be the last. */
static bool is_boundary(struct rh_slice boundary)
{
    return boundary.len > 0 && boundary.base[boundary.len - 1] != ' ' &&
           rh_ascii_all_alnum_or(boundary, "'()+_,-./:=? ");
}

int rh_multipart_init(struct rh_multipart *form, struct rh_slice content_type,
                      const struct rh_multipart_limits *limits)
{
    struct rh_media media;
    memset(form, 0, offsetof(struct rh_multipart, head));
    if (!rh_media_parse(content_type, &media) || !rh_media_is(&media, "multipart/form-data")) {
        return RH_ETYPE;
    }
    ptrdiff_t len =
        rh_media_parameter(&media, "boundary", form->delimiter + 4, RH_MULTIPART_BOUNDARY_MAX);
    if (len < 0 || !is_boundary((struct rh_slice){form->delimiter + 4, (size_t)len})) {
        return RH_EFORM;
    }
    memcpy(form->delimiter, "\r\n--", 4);
    form->delimiter_len = (uint8_t)(len + 4);
    form->matched = 2;
    if (limits != NULL) {
        form->limits = *limits;
    } else {
        rh_multipart_limits_init(&form->limits);
    }
    return 0;
}

static enum rh_multipart_event fail(struct rh_multipart *form, int status, const char *rule)
{
    form->state = BROKEN;
    form->status = status;
    form->rule = rule;
    return RH_MULTIPART_ERROR;
}

static enum rh_multipart_event malformed(struct rh_multipart *form, const char *rule)
{
    return fail(form, 400, rule);
}

/* --- the fields of a part --- */

/* Takes the next `; name=value` off *rest; in a quoted value `\"` is a quote and every other
 * backslash is itself, because browsers escape quotes as %22 and old ones send paths of Windows.
 * The value is unescaped where it stands. False where there is no well-formed one. */
static bool next_parameter(struct rh_slice *rest, struct rh_slice *ret_name,
                           struct rh_slice *ret_value, char *writable)
{
    const char *at = rest->base;
    const char *end = at + rest->len;
    while (at < end && (*at == ' ' || *at == '\t' || *at == ';')) {
        at++;
    }
    const char *name = at;
    while (at < end && rh_char_is(*at, RH_CHAR_TOKEN)) {
        at++;
    }
    *ret_name = (struct rh_slice){name, (size_t)(at - name)};
    if (at == name || at == end || *at != '=') {
        return false;
    }
    at++;
    char *out = writable + (at - rest->base);
    *ret_value = (struct rh_slice){out, 0};
    if (at < end && *at == '"') {
        for (at++; at < end && *at != '"'; at++) {
            if (*at == '\\' && at + 1 < end && at[1] == '"') {
                at++;
            }
            *out++ = *at;
        }
        if (at == end) {
            return false;
        }
        at++;
    } else {
        while (at < end && rh_char_is(*at, RH_CHAR_TOKEN)) {
            *out++ = *at++;
        }
        if (out == ret_value->base) {
            return false;
        }
    }
    ret_value->len = (size_t)(out - ret_value->base);
    *rest = (struct rh_slice){at, (size_t)(end - at)};
    *rest = rh_ascii_trim(*rest);
    return rest->len == 0 || rest->base[0] == ';';
}

/* RFC 7578 §4.2: form-data, a name, perhaps a file name. `filename*` must not be used there (ibid.):
 * beside a file name it says nothing here, and alone it is an error, since the file would be taken
 * for a field of text. */
static const char *take_disposition(struct rh_multipart *form, struct rh_slice value)
{
    struct rh_slice rest = value;
    struct rh_slice type = value;
    const char *semicolon = memchr(value.base, ';', value.len);
    if (semicolon != NULL) {
        type.len = (size_t)(semicolon - value.base);
        rest = (struct rh_slice){semicolon, value.len - type.len};
    } else {
        rest.len = 0;
    }
    if (!rh_ascii_is(rh_ascii_trim(type), "form-data")) {
        return "RFC 7578 4.2: the disposition of a part is form-data";
    }
    bool has_extended_name = false;
    while (rest.len > 0) {
        struct rh_slice name;
        struct rh_slice parameter;
        char *writable = form->head + (rest.base - form->head);
        if (!next_parameter(&rest, &name, &parameter, writable)) {
            return "RFC 2183 2: malformed parameter of Content-Disposition";
        }
        struct rh_slice *target = rh_ascii_is(name, "name")       ? &form->name
                                  : rh_ascii_is(name, "filename") ? &form->filename
                                                                  : NULL;
        if (target != NULL && target->base != NULL) {
            return "RFC 2183 2: a parameter of Content-Disposition given twice";
        }
        if (target != NULL) {
            *target = parameter;
        }
        has_extended_name = has_extended_name || rh_ascii_is(name, "filename*");
    }
    if (has_extended_name && form->filename.base == NULL) {
        return "RFC 7578 4.2: filename* is not for forms: send filename";
    }
    return form->name.base != NULL ? NULL : "RFC 7578 4.2: a part needs a name";
}

static const char *take_field(struct rh_multipart *form, struct rh_slice name,
                              struct rh_slice value)
{
    if (rh_ascii_is(name, "content-disposition")) {
        return form->name.base == NULL ? take_disposition(form, value)
                                       : "RFC 7578 4.2: Content-Disposition given twice";
    }
    if (rh_ascii_is(name, "content-type")) {
        struct rh_media media;
        if (form->content_type.base != NULL) {
            return "RFC 7578 4.4: Content-Type given twice";
        }
        form->content_type = value;
        return rh_media_parse(value, &media) ? NULL : "RFC 7578 4.4: malformed Content-Type";
    }
    if (rh_ascii_is(name, "content-transfer-encoding") && !rh_ascii_is(value, "7bit") &&
        !rh_ascii_is(value, "8bit") && !rh_ascii_is(value, "binary")) {
        return "RFC 7578 4.7: content that is transfer-encoded";
    }
    return NULL; /* other fields say nothing to us: RFC 7578 §4.8 */
}

/* One line without its end. */
static const char *take_line(struct rh_multipart *form, struct rh_slice line)
{
    size_t name_len = 0;
    while (name_len < line.len && rh_char_is(line.base[name_len], RH_CHAR_TOKEN)) {
        name_len++;
    }
    if (name_len == 0 || name_len == line.len || line.base[name_len] != ':') {
        return "RFC 7578 4.8: malformed field of a part";
    }
    struct rh_slice value = {line.base + name_len + 1, line.len - name_len - 1};
    for (size_t i = 0; i < value.len; i++) {
        if (!rh_char_is(value.base[i], RH_CHAR_VALUE)) {
            return "RFC 7578 4.8: a control byte in a field of a part";
        }
    }
    return take_field(form, (struct rh_slice){line.base, name_len}, rh_ascii_trim(value));
}

/* The head is complete, with the line end of its last field. */
static enum rh_multipart_event take_head(struct rh_multipart *form)
{
    const char *at = form->head;
    const char *end = at + form->head_len;
    form->name = form->filename = form->content_type = (struct rh_slice){NULL, 0};
    while (at < end) {
        const char *line_end = memchr(at, '\r', (size_t)(end - at));
        RH_ASSERT(line_end != NULL);
        const char *rule = take_line(form, (struct rh_slice){at, (size_t)(line_end - at)});
        if (rule != NULL) {
            return malformed(form, rule);
        }
        at = line_end + 2;
    }
    if (form->name.base == NULL) {
        return malformed(form, "RFC 7578 4.2: a part without Content-Disposition");
    }
    if (form->parts == form->limits.parts_max) {
        return fail(form, 413, "too many parts");
    }
    form->parts++;
    form->part_bytes = 0;
    form->matched = 0;
    form->state = DATA;
    return RH_MULTIPART_PART;
}

/* Collects the head byte by byte: it is short, and each byte is looked at once. */
static enum rh_multipart_event next_in_head(struct rh_multipart *form, struct rh_slice *piece)
{
    while (piece->len > 0) {
        char c = *piece->base;
        char last = form->head_len > 0 ? form->head[form->head_len - 1] : '\n';
        if ((c == '\n') != (last == '\r')) {
            return malformed(form, "RFC 7578 4.8: a bare CR or LF between the fields of a part");
        }
        if (form->head_len == sizeof(form->head)) {
            return fail(form, 413, "the fields of a part are too long");
        }
        piece->base++;
        piece->len--;
        form->head[form->head_len++] = c;
        bool is_blank_line =
            c == '\n' && (form->head_len == 2 || form->head[form->head_len - 3] == '\n');
        if (is_blank_line) {
            form->head_len = (uint16_t)(form->head_len - 2);
            return take_head(form);
        }
    }
    return RH_MULTIPART_MORE;
}

/* --- content --- */

static enum rh_multipart_event give(struct rh_multipart *form, const char *base, size_t len)
{
    bool is_file = form->filename.base != NULL;
    uint64_t max = is_file ? form->limits.file_bytes_max : form->limits.field_bytes_max;
    if (len > max - form->part_bytes) {
        return fail(form, 413, is_file ? "a file is too large" : "a field is too large");
    }
    form->part_bytes += len;
    form->data = (struct rh_slice){base, len};
    return RH_MULTIPART_DATA;
}

/* Follows the delimiter at the front of *piece as far as it goes. True when it is complete. */
static bool match(struct rh_multipart *form, struct rh_slice *piece)
{
    while (piece->len > 0 && form->matched < form->delimiter_len &&
           *piece->base == form->delimiter[form->matched]) {
        form->matched++;
        piece->base++;
        piece->len--;
    }
    return form->matched == form->delimiter_len;
}

static enum rh_multipart_event next_in_data(struct rh_multipart *form, struct rh_slice *piece)
{
    if (match(form, piece)) {
        form->state = PART_END;
        return RH_MULTIPART_MORE;
    }
    if (piece->len == 0) {
        return RH_MULTIPART_MORE;
    }
    if (form->matched > 0) {
        size_t held = form->matched;
        form->matched = 0;
        return give(form, form->delimiter, held);
    }
    const char *cr = memchr(piece->base, '\r', piece->len);
    size_t len = cr != NULL ? (size_t)(cr - piece->base) : piece->len;
    const char *base = piece->base;
    piece->base += len;
    piece->len -= len;
    return give(form, base, len);
}

static enum rh_multipart_event next_in_preamble(struct rh_multipart *form, struct rh_slice *piece)
{
    while (!match(form, piece)) {
        if (piece->len == 0) {
            return RH_MULTIPART_MORE;
        }
        if (form->matched > 0 && *piece->base == '\r') {
            form->matched = 0; /* it may begin a delimiter of its own */
            continue;
        }
        form->matched = 0;
        if (++form->part_bytes > PREAMBLE_BYTES_MAX) {
            return malformed(form, "RFC 2046 5.1.1: no boundary where the form should begin");
        }
        piece->base++;
        piece->len--;
    }
    form->state = AFTER;
    return RH_MULTIPART_MORE;
}

/* Behind a delimiter, one byte. */
static enum rh_multipart_event next_after(struct rh_multipart *form, struct rh_slice *piece)
{
    char c = *piece->base++;
    piece->len--;
    if (form->state == AFTER_CR && c == '\n') {
        form->state = HEAD;
        form->head_len = 0;
    } else if (form->state == AFTER_DASH && c == '-') {
        form->state = EPILOGUE;
    } else if (form->state == AFTER && c == '-' && form->padding == 0) {
        form->state = AFTER_DASH;
    } else if (form->state == AFTER && c == '\r') {
        form->state = AFTER_CR;
        form->padding = 0;
    } else if (form->state != AFTER || (c != ' ' && c != '\t') ||
               ++form->padding > PADDING_BYTES_MAX) {
        return malformed(form,
                         "RFC 2046 5.1.1: a boundary is followed by a line end or two dashes");
    }
    return RH_MULTIPART_MORE;
}

static enum rh_multipart_event step(struct rh_multipart *form, struct rh_slice *piece)
{
    switch ((enum state)form->state) {
    case PREAMBLE:
        return next_in_preamble(form, piece);
    case AFTER:
    case AFTER_DASH:
    case AFTER_CR:
        return next_after(form, piece);
    case HEAD:
        return next_in_head(form, piece);
    case DATA:
        return next_in_data(form, piece);
    case EPILOGUE:
        piece->base += piece->len;
        piece->len = 0;
        return RH_MULTIPART_MORE;
    default:
        return RH_MULTIPART_ERROR;
    }
}

enum rh_multipart_event rh_multipart_next(struct rh_multipart *form, struct rh_slice *piece)
{
    enum rh_multipart_event event = RH_MULTIPART_MORE;
    while (event == RH_MULTIPART_MORE && form->state != BROKEN) {
        if (form->state == PART_END) {
            form->state = AFTER;
            form->padding = 0;
            return RH_MULTIPART_PART_END;
        }
        if (piece->len == 0) {
            return RH_MULTIPART_MORE;
        }
        size_t before = piece->len;
        event = step(form, piece);
        form->total_bytes += before - piece->len;
        if (form->total_bytes > form->limits.total_bytes_max) {
            return fail(form, 413, "the form is too large");
        }
    }
    return form->state == BROKEN ? RH_MULTIPART_ERROR : event;
}

int rh_multipart_end(struct rh_multipart *form)
{
    if (form->state == EPILOGUE) {
        return 0;
    }
    if (form->state != BROKEN) {
        RH_IGNORE(malformed(form, "RFC 2046 5.1.1: the form ended before its last boundary"));
    }
    return RH_EFORM;
}

/* --- file names --- */

size_t rh_multipart_filename(struct rh_slice filename, char *out)
{
    const char *at = filename.base != NULL ? filename.base : "";
    const char *end = at + filename.len;
    size_t len = 0;
    for (const char *c = at; c < end; c++) {
        if (*c == '/' || *c == '\\') {
            at = c + 1;
        }
    }
    while (at < end) {
        uint32_t point = 0;
        size_t bytes = rh_utf8_next(at, end, &point);
        bool is_bad = bytes == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0) ||
                      point == ':' || (point >= 0x202a && point <= 0x202e) ||
                      (point >= 0x2066 && point <= 0x2069); /* these turn text around */
        if (len + (is_bad ? 1 : bytes) > RH_MULTIPART_FILENAME_BYTES - 1) {
            break;
        }
        if (is_bad) {
            out[len++] = '_';
        } else if (len > 0 || (point != '.' && point != ' ')) {
            memcpy(out + len, at, bytes);
            len += bytes;
        }
        at += bytes > 0 ? bytes : 1;
    }
    while (len > 0 && (out[len - 1] == '.' || out[len - 1] == ' ')) {
        len--;
    }
    if (len == 0) {
        memcpy(out, "file", 4);
        len = 4;
    }
    out[len] = '\0';
    return len;
}
