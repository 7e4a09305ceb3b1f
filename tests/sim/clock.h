/* The clock and the random numbers that OpenSSL gets. */
#ifndef TESTS_SIM_CLOCK_H
#define TESTS_SIM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Before anything else of OpenSSL is used. */
bool sim_clock_take_over(void);
void sim_clock_seed(uint64_t seed);

#endif
