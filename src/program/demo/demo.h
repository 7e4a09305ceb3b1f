/* The demo application: what `rawhttp-uv` serves without a folder. Each demo_*.c is one idea of the
 * library in use, to be read as an example; this header lists what they register. */
#ifndef RH_PROGRAM_DEMO_DEMO_H
#define RH_PROGRAM_DEMO_DEMO_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include <rawhttp.h>

#include "program/log/notes.h"

#define DEMO_UPLOADS_FOLDER \
    "uploads" /* what visitors sent, below the current folder; never served */

struct demo {
    const struct notes *notes;      /* of the program */
    struct rh_runner *runner;       /* for /metrics; set before the runner runs */
    struct rh_files *pages;         /* the app's; NULL where no pages were found */
    struct rh_templates *templates; /* the app's; NULL where none were found */
    struct demo_watch {
        uv_timer_t timer;
        uv_work_t work;
        int outcome; /* the work's */
        bool open;
        bool working; /* the pool has it */
    } watch;
    char folder[PATH_MAX]; /* of the pages, "" where none were found */
};

/* Adds all rows to the app; `options` are those of the pages. */
void demo_init(struct demo *demo, struct rh_app *app, const struct rh_files_options *options,
               const struct notes *notes);

/* Looks for changed templates now and then, off the loop, and takes them. */
void demo_watch_open(struct demo *demo, uv_loop_t *loop);
/* Waits for a look that is under way; the loop must be run once more before it is closed. */
void demo_watch_close(struct demo *demo);

/* The routes that know who is logged in; prefix "". */
struct rh_group *demo_login_group(struct rh_app *app);

/* One for each file. */
void demo_pages_add(struct rh_app *app, struct demo *demo, const struct rh_files_options *options);
void demo_welcome_add(struct rh_group *group, struct demo *demo);
void demo_login_add(struct rh_app *app, struct rh_group *group, struct demo *demo);
void demo_text_add(struct rh_app *app, struct demo *demo);
void demo_create_add(struct rh_app *app, struct demo *demo);
void demo_echo_add(struct rh_app *app);
void demo_upload_add(struct rh_app *app, struct demo *demo);
void demo_stream_add(struct rh_app *app);
void demo_events_add(struct rh_app *app);
void demo_chat_add(struct rh_app *app);
void demo_slow_add(struct rh_app *app);
void demo_compute_add(struct rh_app *app);
void demo_health_add(struct rh_app *app);
void demo_metrics_add(struct rh_app *app, struct demo *demo);

/* Answers with a template filled from `data`, which it destroys; with the text `without` where
 * there are no templates. */
void demo_respond_template(struct rh_exchange *x, const struct demo *demo, unsigned status,
                           const char *name, struct rh_value *data, const char *without);

/* True if a person with a browser asked: what programs get as JSON or text then comes as a page
 * with a way back. Answers get `Vary: Accept`. */
bool demo_is_visitor(struct rh_exchange *x);
/* Answers a visitor with a page that shows `shown`. */
void demo_respond_page(struct rh_exchange *x, const struct demo *demo, unsigned status,
                       struct rh_slice shown);
/* Answers with a value, which it destroys: JSON, or a page for a visitor. */
void demo_respond_value(struct rh_exchange *x, const struct demo *demo, unsigned status,
                        struct rh_value *value);

/* A whole number from 0 to `maximum` in the query; `standard` where the name is missing. Answers
 * 400 and returns -1 where it is something else. */
int64_t demo_query_number(struct rh_exchange *x, const char *name, int64_t standard,
                          int64_t maximum);

/* The status that fits an error of a request body (RFC 9110 §15.5). */
unsigned demo_body_status(int error);

#endif
