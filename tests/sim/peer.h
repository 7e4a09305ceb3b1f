/* A peer: one connection, its requests, and how it misbehaves. */
#ifndef TESTS_SIM_PEER_H
#define TESTS_SIM_PEER_H

#include <stdbool.h>
#include <stdint.h>

enum { PEER_PORT_PLAIN = 80, PEER_PORT_TLS = 443 };

struct peer;

/* Before the first peer: what TLS clients share. */
void peers_open(const char *ca_file);
/* Connects another one, if the plan has more and somebody listens. */
bool peers_add(void);
unsigned peers_left(void); /* that are still to be made */
unsigned peers_open_now(void);
/* One of them does something; false: all wait. */
bool peers_act(void);
/* Whether one could do something now. */
bool peers_can_act(void);
/* When the first that waits goes on by itself; UINT64_MAX: none does. */
uint64_t peers_next_us(void);
/* Answers that were read to their end, of all peers. */
uint64_t peers_answers(void);

#endif
