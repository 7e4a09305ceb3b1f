/* An app behind the driver in memory, asked one request at a time. Criterion runs each test in a
 * process of its own, so one of everything is enough. */
#ifndef TESTS_APP_ASK_H
#define TESTS_APP_ASK_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>

#include "rawhttp/driver.h"

extern struct rh_app *app;
extern struct rh_driver *driver; /* made by the first question, with `config` */
extern struct rh_config config;
extern char answer[16384]; /* the last one, head and body */
extern unsigned status;

/* For TestSuite's init and fini; the latter finds lost memory. */
void ask_setup(void);
void ask_teardown(void);
/* "GET /ping" with these further field lines, each with its line end. */
void ask(const char *line, const char *fields);
/* As that, of an answer that has come otherwise. */
void ask_take(struct rh_slice bytes);
/* True where the answer has this field line. */
bool has(const char *line);
/* The value of a field of the answer, "" without it; until the next call. */
const char *value_of(const char *name);
/* The answer's body. */
const char *body_of_answer(void);

/* What the log and the access log said last, where these are called before the first question. */
extern char log_text[512];
extern char logged_user[64];
void ask_hear_log(enum rh_log_level level);
void ask_hear_access(void);

/* Answers "pong". */
void pong(struct rh_exchange *x, void *data);

#endif
