/* Bounded text and its two ways to escape what a peer sent. */
#include "program/kit/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_add(struct text *text, const char *bytes, size_t length)
{
    size_t room = text->size - text->used;
    if (length > room)
        length = room;
    memcpy(text->base + text->used, bytes, length);
    text->used += length;
}

void text_puts(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
    char piece[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    if (length > 0)
        text_add(text, piece, (size_t)length < sizeof piece ? (size_t)length : sizeof piece - 1);
}

void text_add_escaped(struct text *text, struct rh_slice slice, size_t bytes_max)
{
    if (slice.base == NULL) {
        text_puts(text, "-");
        return;
    }
    size_t length = slice.len < bytes_max ? slice.len : bytes_max;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)slice.base[i];
        if (byte < 0x20 || byte > 0x7e || byte == '"' || byte == '\\')
            text_printf(text, "\\x%02X", byte);
        else
            text_add(text, slice.base + i, 1);
    }
    if (length < slice.len)
        text_puts(text, "...");
}

/* Length of the UTF-8 sequence at the start of `bytes` (RFC 3629 §4), or 0 where there is none. */
static size_t utf8_length(const unsigned char *bytes, size_t left)
{
    unsigned char first = bytes[0];
    unsigned char low = 0x80, high = 0xbf;
    size_t length;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        length = 2;
    else if (first >= 0xe0 && first <= 0xef)
        length = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        length = 4;
    else
        return 0;
    /* Overlong forms, surrogates and what lies past U+10FFFF are told by the second byte. */
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (left < length || bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (bytes[i] < 0x80 || bytes[i] > 0xbf)
            return 0;
    return length;
}

void text_add_json(struct text *text, struct rh_slice slice)
{
    const unsigned char *bytes = (const unsigned char *)slice.base;
    for (size_t i = 0; i < slice.len;) {
        size_t length = utf8_length(bytes + i, slice.len - i);
        if (length == 0) {
            text_puts(text, "\\ufffd");
            i++;
            continue;
        }
        if (bytes[i] == '"' || bytes[i] == '\\')
            text_printf(text, "\\%c", bytes[i]);
        else if (bytes[i] < 0x20 || bytes[i] == 0x7f)
            text_printf(text, "\\u%04x", bytes[i]);
        else
            text_add(text, slice.base + i, length);
        i += length;
    }
}
