#include "template/source.h"

#include <stdarg.h>
#include <stdio.h>

bool rh_source_holds(const struct rh_source *source, const char *at)
{
    return at >= source->text.base && at <= source->text.base + source->text.len;
}

void rh_source_complain(struct rh_source *source, struct rh_pool *pool, const char *at,
                        const char *format, ...)
{
    char reason[256];
    size_t line = 1;
    size_t column = 1;
    if (source->error != NULL) {
        return;
    }
    for (const char *c = source->text.base; c < at; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    const char *text = rh_pool_format(pool, "%.*s:%zu:%zu: %s", (int)source->file.len,
                                      source->file.base, line, column, reason);
    source->error = text != NULL ? text : "out of memory";
}
