/* The rows of the demo application, in the order of its table. */
#include "program/demo/demo.h"

void demo_init(struct demo *demo, struct rh_app *app, const struct rh_files_options *options,
               const struct notes *notes)
{
    *demo = (struct demo){.notes = notes, .folder = ""};
    demo_pages_add(app, demo, options);
    struct rh_group *known = demo_login_group(app);
    demo_welcome_add(known, demo);
    demo_login_add(app, known, demo);
    demo_text_add(app, demo);
    demo_create_add(app, demo);
    demo_echo_add(app);
    demo_upload_add(app, demo);
    demo_stream_add(app);
    demo_events_add(app);
    demo_chat_add(app);
    demo_slow_add(app);
    demo_compute_add(app);
    demo_health_add(app);
    demo_metrics_add(app, demo);
}
