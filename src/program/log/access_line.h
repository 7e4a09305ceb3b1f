/* One finished exchange as one line of an access log. */
#ifndef RH_PROGRAM_LOG_ACCESS_LINE_H
#define RH_PROGRAM_LOG_ACCESS_LINE_H

#include <stdbool.h>

#include <rawhttp.h>

#include "program/options/options.h"
#include "program/kit/text.h"

/* The longest line; what is longer is cut before its line break. */
enum { ACCESS_LINE_MAX = 20480 };

/* Adds the line with its line break. `color` counts for ACCESS_DEV only. */
void access_line_add(struct text *text, enum access_format format, bool color,
                     const struct rh_access *access);

#endif
