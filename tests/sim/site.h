/* The site that the peers visit: an app whose handlers do what the seed says, and the server that
 * carries it. */
#ifndef TESTS_SIM_SITE_H
#define TESTS_SIM_SITE_H

#include <rawhttp.h>

/* Before any run: certificate and files, in `folder`. */
void site_prepare(const char *folder);
const char *site_certificate(void);

/* A server on the loop, listening. */
void site_open(uv_loop_t *loop);
/* Does what is due now; false: the server has closed and is gone. */
bool site_turn(void);
bool site_listens(void);
/* Ends it; site_turn goes on until it is gone. */
void site_close(void);
/* What must hold between two turns of the loop. */
void site_check(void);
/* Traces what is still in use, for a failure's report. */
void site_tell(void);
/* What belongs to the site and not to one server of it. */
void site_end(void);

#endif
