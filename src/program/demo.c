/* The rows of the demo application, in the order of its table. */
#include "program/demo.h"

void demo_init(struct demo *demo, struct rh_app *app, const struct rh_files_options *options)
{
    *demo = (struct demo){.folder = ""};
    demo_text_add(app);
    demo_echo_add(app);
    demo_stream_add(app);
    demo_slow_add(app);
    demo_health_add(app);
    demo_pages_add(app, demo, options);
}

unsigned demo_body_status(int error)
{
    switch (error) {
    case RH_EBODY_TOO_LARGE:
        return 413;
    case RH_EBODY_TIMEOUT:
        return 408;
    case RH_ENOROOM:
        return 503;
    default:
        return 400;
    }
}

int64_t demo_query_number(struct rh_exchange *x, const char *name, int64_t standard, int64_t maximum)
{
    struct rh_slice text = rh_request_query_value(x, name);
    if (text.base == NULL)
        return standard;
    int64_t value = 0;
    bool valid = text.len > 0 && text.len <= 12;
    for (size_t i = 0; valid && i < text.len; i++) {
        valid = text.base[i] >= '0' && text.base[i] <= '9';
        value = value * 10 + (text.base[i] - '0');
    }
    if (valid && value <= maximum)
        return value;
    const char *detail = rh_exchange_format(x, "'%s' must be a number from 0 to %lld", name,
                                            (long long)maximum);
    rh_respond_text(x, 400, detail != NULL ? detail : "not a number");
    return -1;
}
