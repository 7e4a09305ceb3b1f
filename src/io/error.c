/* Codes as text: ours from the list in the header, libuv's from its own. Not by uv_strerror, which allocates a text that
 * nobody frees for each code that it does not know, and file systems have such (ESTALE, ENODATA). */
#include "rawhttp/error.h"

#include <uv.h>

const char *rh_strerror(int code)
{
    switch (code) {
#define XX(name, number, text)                                                                     \
    case number:                                                                                   \
        return text;
        RH_ERROR_MAP(XX)
#undef XX
#define XX(name, text)                                                                             \
    case UV_##name:                                                                                \
        return text;
        UV_ERRNO_MAP(XX)
#undef XX
    default:
        return code == 0 ? "success" : "unknown system error";
    }
}
