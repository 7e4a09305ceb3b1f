/* Text that is put together in a bounded buffer: what does not fit is left out, never written
 * beside it. */
#ifndef RH_PROGRAM_KIT_TEXT_H
#define RH_PROGRAM_KIT_TEXT_H

#include <stddef.h>

#include <rawhttp.h>

struct text {
    char *base;
    size_t used;
    size_t size;
};

void text_add(struct text *text, const char *bytes, size_t length);
void text_puts(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds at most `bytes_max` bytes of the peer's, fit for a terminal and for a line of a log:
 * everything but printable ASCII becomes \xHH, and so do '"' and '\'. An absent slice becomes "-".
 */
void text_add_escaped(struct text *text, struct rh_slice slice, size_t bytes_max);

/* Adds the inside of a JSON string (RFC 8259 §7); bytes that are not UTF-8 become U+FFFD. */
void text_add_json(struct text *text, struct rh_slice slice);

#endif
