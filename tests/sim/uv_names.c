/* Names of errors, as the scripts print them. */
#include <uv.h>

const char *uv_err_name(int code)
{
    switch (code) {
#define NAME(name, text) \
    case UV_##name:      \
        return #name;
        UV_ERRNO_MAP(NAME)
#undef NAME
    default:
        return "no error";
    }
}
