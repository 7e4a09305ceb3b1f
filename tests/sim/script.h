/* The socket pair of a script: one end is the loop's, the other the script's own. */
#ifndef TESTS_SIM_SCRIPT_H
#define TESTS_SIM_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct pair {
    int fd;     /* the loop's end */
    void *peer; /* the script's */
};

void pair_open(struct pair *pair);
void pair_send(struct pair *pair, const char *bytes, size_t len);
/* How many bytes came, 0 at the end, -1: none now, or a reset. */
int pair_receive(struct pair *pair, char *out, size_t room);
void pair_finish(struct pair *pair);
void pair_reset(struct pair *pair);
void pair_close(struct pair *pair);
/* Ends the loop's side of the connection, as the library does. */
void pair_shut_own(int fd);

#endif
