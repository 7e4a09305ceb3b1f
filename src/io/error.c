/* Codes as text: ours from the list in the header, libuv's from libuv. */
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
    default:
        return code == 0 ? "success" : uv_strerror(code);
    }
}
