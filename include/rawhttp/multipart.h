/* multipart/form-data (RFC 7578, RFC 2046 §5.1) as it arrives: a machine that is fed pieces of a
 * body, cut anywhere, and answers with events. It keeps a part's fields and nothing of its
 * content, so its memory is its own size however large a file is.
 *
 *     struct rh_multipart form;
 *     int err = rh_multipart_init(&form, content_type, NULL);
 *     ...
 *     while ((event = rh_multipart_next(&form, &piece)) != RH_MULTIPART_MORE) {
 *         switch (event) {
 *         case RH_MULTIPART_PART:     form.name, form.filename, form.content_type
 *         case RH_MULTIPART_DATA:     form.data
 *         case RH_MULTIPART_PART_END:
 *         case RH_MULTIPART_ERROR:    answer form.status, because of form.rule
 *         }
 *     }
 *
 * At the end of the body rh_multipart_end tells whether the form was complete. One thread at a
 * time; no allocation; nothing to release. */
#ifndef RAWHTTP_MULTIPART_H
#define RAWHTTP_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawhttp/error.h>
#include <rawhttp/export.h>
#include <rawhttp/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RH_MULTIPART_HEAD_BYTES_MAX = 2048, /* all fields of one part */
    RH_MULTIPART_BOUNDARY_MAX = 70,     /* RFC 2046 §5.1.1 */
};

/* Bounds; what breaks one is answered with 413. */
struct rh_multipart_limits {
    uint32_t parts_max;        /* how many parts, files and others */
    uint64_t field_bytes_max;  /* the content of a part that is no file */
    uint64_t file_bytes_max;   /* the content of a part that is one */
    uint64_t total_bytes_max;  /* the whole body, with all that stands between the parts */
};

enum rh_multipart_event {
    RH_MULTIPART_MORE,     /* the piece is used up: feed the next, or call end */
    RH_MULTIPART_PART,     /* a part begins: its fields are set */
    RH_MULTIPART_DATA,     /* some of its content, in `data`: never empty */
    RH_MULTIPART_PART_END, /* its content is complete */
    RH_MULTIPART_ERROR,    /* broken, for good: `status` and `rule` say why */
};

struct rh_multipart {
    /* Of the part at hand, valid until the next part begins; absent where it has none. */
    struct rh_slice name;         /* the field's name */
    struct rh_slice filename;     /* as the peer wrote it: see rh_multipart_filename; empty: a file input of a page
                                   * in which no file was chosen */
    struct rh_slice content_type; /* absent means text/plain (RFC 7578 §4.4) */
    struct rh_slice data;         /* of RH_MULTIPART_DATA; valid until the next call */
    /* Of an error: 400 for what is malformed, 413 for what is too much. */
    int status;
    const char *rule;
    uint64_t part_bytes;          /* content of the part at hand so far */
    uint32_t parts;               /* parts begun */

    /* The machine's own. */
    struct rh_multipart_limits limits;
    uint64_t total_bytes;
    uint8_t state;
    uint8_t delimiter_len;
    uint8_t matched;              /* bytes of the delimiter that were seen and held back */
    uint8_t padding;              /* white space after a delimiter */
    uint16_t head_len;
    char delimiter[RH_MULTIPART_BOUNDARY_MAX + 4]; /* CR LF - - boundary */
    char head[RH_MULTIPART_HEAD_BYTES_MAX];
};

/* The defaults: 1,000 parts, 256 KiB for a field, 1 GiB for a file and for all. */
RH_API void rh_multipart_limits_init(struct rh_multipart_limits *limits);

/* Begins, from the value of the request's Content-Type; `limits` may be NULL. 0; RH_ETYPE: it is
 * not multipart/form-data; RH_EFORM: its boundary is missing or malformed. */
RH_API int rh_multipart_init(struct rh_multipart *form, struct rh_slice content_type,
                             const struct rh_multipart_limits *limits);

/* Takes from the front of *piece up to the next event. Call it until it says RH_MULTIPART_MORE. */
RH_API enum rh_multipart_event rh_multipart_next(struct rh_multipart *form,
                                                 struct rh_slice *piece);

/* The body has ended: 0, or RH_EFORM (status and rule are set) when the form was cut short or had
 * been broken before. */
RH_API int rh_multipart_end(struct rh_multipart *form);

/* A file name that is safe to create in a folder of yours, from the one that a peer sent: the last
 * part of a path, UTF-8 without control bytes, no leading dot, no `:`, at most 200 bytes; "file"
 * where nothing is left. Needs `out` of RH_MULTIPART_FILENAME_BYTES; writes a NUL, returns the
 * length. Two peers may send the same name: whether it may overwrite is yours to decide. */
enum { RH_MULTIPART_FILENAME_BYTES = 201 };
RH_API size_t rh_multipart_filename(struct rh_slice filename, char *out);

#ifdef __cplusplus
}
#endif
#endif
