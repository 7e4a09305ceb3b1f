/* Compressed answers (gzip, RFC 1952) for peers that take them. */
#ifndef RAWHTTP_COMPRESS_H
#define RAWHTTP_COMPRESS_H

#include <rawhttp/app.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rh_compression {
    size_t size;
    int level;        /* zlib's, 1 (fast) to 9 (small): 4, which takes about 20 us for each KiB */
    size_t bytes_min; /* shorter answers go out as they are, a packet is a packet: 1,024 */
    size_t bytes_max; /* longer ones too, for the loop waits meanwhile: 131,072 (about 3 ms) */
};
RH_API void rh_compression_init_sized(struct rh_compression *compression, size_t size);
#define rh_compression_init(compression) \
    rh_compression_init_sized((compression), sizeof *(compression))

/* Switches it on for all answers of the app that are given in one piece (rh_respond and its kin,
 * error pages included) and whose type is text, JSON, XML, SVG, JavaScript or WebAssembly; NULL:
 * the defaults. An answer is compressed where Accept-Encoding gives gzip a quality above 0 and no
 * less than identity (RFC 9110 §12.5.3). It then says Content-Encoding, and a strong ETag that it
 * had becomes a weak one (§8.8.1); what could have been compressed says Vary: Accept-Encoding in
 * either case. The head of an answer to HEAD is the one that GET would get.
 *
 * Left alone: answers with a Content-Encoding, a Content-Range or status 206 (a range is one of the
 * bytes that the handler knows); with Cache-Control: no-transform (RFC 9111 §5.2.2.6), which is how
 * a handler says no; what does not become shorter; and streams (stream.h, sse.h), whose bytes are
 * to leave when they are made. Folders compress their files themselves, off the loop, and keep the
 * result: files.h.
 *
 * A secret and words of the peer's in one compressed answer over TLS can be guessed by their common
 * length (the BREACH attack): such answers say no-transform, or mask the secret anew each time, as
 * CSRF tokens should be.
 *
 * Memory: one compressor of about 270 KiB and a buffer of bytes_max for each server, made at first
 * use. In a library built without zlib nothing is ever compressed. */
RH_API void rh_app_compress(struct rh_app *app, const struct rh_compression *compression);

#ifdef __cplusplus
}
#endif
#endif
