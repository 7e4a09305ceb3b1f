/* What an answer says about a file, and how its bytes go: conditions and ranges first, then from
 * memory by copy or by loan, or from the open file by a reader. */
#include <string.h>

#include "http/condition.h"
#include "app/files/files.h"
#include "http/date.h"
#include "http/field.h"
#include "rawhttp/method.h"
#include "server/door.h"
#include "util/ascii.h"

/* Bodies up to this are copied, so that answers of one burst share a write; larger ones are lent.
 */
enum { COPY_BYTES_MAX = 2048 };

static inline void set_field(struct rh_exchange *x, const char *name, const char *value)
{
    RH_IGNORE(rh_response_set_own(x, rh_slice_from(name), rh_slice_from(value)));
}

/* When the file was changed, in seconds since 1970, but never later than the answer's Date: clients
 * would take that for an error (RFC 9110 §8.8.2.1). */
static int64_t modified_s(const struct rh_exchange *x, const struct rh_file_info *info)
{
    int64_t now = rh_exchange_wall_s(x);
    int64_t seconds = info->id.modified_ns / 1000000000;
    seconds -= info->id.modified_ns < 0 && info->id.modified_ns % 1000000000 != 0;
    return seconds < now ? seconds : now;
}

static void set_modified(struct rh_exchange *x, const struct rh_file_info *info)
{
    int64_t now = rh_exchange_wall_s(x);
    if (info->id.modified_ns / 1000000000 < now) {
        set_field(x, "Last-Modified", info->modified);
    } else {
        char text[RH_DATE_BYTES + 1] = "";
        rh_date_format(text, now);
        set_field(x, "Last-Modified", text);
    }
}

/* Most requests have no condition and no range. */
static bool has_conditions(const struct rh_exchange *x)
{
    return rh_request_has_any(
        x, UINT64_C(1) << RH_FIELD_IF_MATCH | UINT64_C(1) << RH_FIELD_IF_NONE_MATCH |
               UINT64_C(1) << RH_FIELD_IF_MODIFIED_SINCE |
               UINT64_C(1) << RH_FIELD_IF_UNMODIFIED_SINCE | UINT64_C(1) << RH_FIELD_RANGE);
}

static struct rh_verdict judge(struct rh_exchange *x, const struct rh_file_info *info)
{
    struct rh_conditions conditions = {
        .if_match = rh_request_list(x, "if-match"),
        .if_none_match = rh_request_list(x, "if-none-match"),
        .if_modified_since = rh_request_field(x, "if-modified-since"),
        .if_unmodified_since = rh_request_field(x, "if-unmodified-since"),
        .if_range = rh_request_field(x, "if-range"),
        .range = rh_request_field(x, "range"),
    };
    struct rh_validators validators = {rh_slice_from(info->etag), modified_s(x, info), info->len};
    return rh_condition_check(&conditions, &validators, rh_request_method(x) == RH_GET);
}

static void entry_done(void *data)
{
    rh_entry_unref(data);
}

/* RFC 9110 §14.4: says how long it is. */
static void respond_unsatisfiable(struct rh_exchange *x, uint64_t len)
{
    char *range = rh_exchange_format(x, "bytes */%llu", (unsigned long long)len);
    set_field(x, "Content-Range", range != NULL ? range : "bytes */*");
    rh_respond_error(x, 416, NULL);
}

static bool set_content_range(struct rh_exchange *x, const struct rh_verdict *verdict, uint64_t len)
{
    char *range = rh_exchange_format(x, "bytes %llu-%llu/%llu", (unsigned long long)verdict->first,
                                     (unsigned long long)(verdict->first + verdict->len - 1),
                                     (unsigned long long)len);
    if (range != NULL) {
        set_field(x, "Content-Range", range);
    }
    return range != NULL;
}

static void respond_bytes(struct rh_exchange *x, const struct rh_verdict *verdict,
                          struct rh_entry *entry)
{
    const char *type = entry->info.type;
    if (entry->fd >= 0) {
        rh_reader_respond(x, rh_files_home(x), verdict->status, entry, verdict->first,
                          verdict->len);
    } else if (verdict->len <= COPY_BYTES_MAX) {
        rh_respond(x, verdict->status, type, entry->content + verdict->first, verdict->len);
    } else {
        entry->references++;
        rh_respond_owned(x, verdict->status, type, entry->content + verdict->first, verdict->len,
                         entry_done, entry);
    }
}

void rh_file_respond(struct rh_exchange *x, unsigned status, struct rh_entry *entry)
{
    const struct rh_file_info *info = &entry->info;
    struct rh_verdict verdict = {.status = status, .len = info->len};
    rh_exchange_send_as_is(x);
    if (status == 200 && has_conditions(x)) {
        verdict = judge(x, info);
    }
    if (status == 200) {
        set_field(x, "ETag", info->etag);
        set_modified(x, info);
        set_field(x, "Accept-Ranges", "bytes");
    }
    if (info->varies) {
        RH_IGNORE(rh_response_add(x, "Vary", "Accept-Encoding"));
    }
    if (verdict.status == 304) {
        rh_respond_empty(x, 304);
    } else if (verdict.status == 416) {
        respond_unsatisfiable(x, info->len);
    } else if (verdict.status == 412) {
        rh_respond_error(x, 412, NULL);
    } else {
        if (info->coding != NULL) {
            set_field(x, "Content-Encoding", info->coding);
        }
        if (verdict.parts_n > 0) {
            rh_parts_respond(x, rh_files_home(x), entry, verdict.parts, verdict.parts_n);
        } else if (verdict.status == 206 && !set_content_range(x, &verdict, info->len)) {
            rh_respond_error(x, 503, NULL); /* without it a part would be taken for the whole */
        } else {
            respond_bytes(x, &verdict, entry);
        }
    }
}

static const char path_marks[] = "/-._~!$'()*+,;=:@"; /* besides letters and digits */

static size_t encoded_bytes(struct rh_slice path)
{
    size_t bytes = 0;
    for (size_t i = 0; i < path.len; i++) {
        bytes += rh_ascii_is_alnum_or(path.base[i], path_marks) ? 1 : 3;
    }
    return bytes;
}

/* Where a folder was asked for without its slash: the same path with it, as a path only. A Location
 * that began with two slashes would name another host (RFC 3986 §4.2); such a path does not get
 * here, and would not leave here. */
void rh_files_redirect_to_folder(struct rh_exchange *x)
{
    struct rh_slice path = rh_request_path(x);
    struct rh_slice query = rh_request_query(x);
    char *location = rh_exchange_alloc(x, encoded_bytes(path) + query.len + 3);
    if (location == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    size_t at = rh_ascii_percent_encode(location, path, path_marks);
    location[at++] = '/';
    if (query.base != NULL) {
        location[at++] = '?';
        memcpy(location + at, query.base, query.len);
        at += query.len;
    }
    location[at] = '\0';
    if (location[0] != '/' || location[1] == '/') {
        rh_respond_error(x, 404, NULL);
        return;
    }
    rh_respond_redirect(x, 301, location);
}
