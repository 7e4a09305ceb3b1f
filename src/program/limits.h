/* Descriptors: raises the soft limit to the hard one and says how many connections fit. */
#ifndef RH_PROGRAM_LIMITS_H
#define RH_PROGRAM_LIMITS_H

#include <stdint.h>

/* Returns how many connections each of `loops` loops may have, at most `wanted`, with descriptors
 * for the files that they send. 0: there are too few to serve anyone. */
uint32_t limits_fit_connections(unsigned loops, uint32_t wanted);

/* The limit of open files, for a message. */
uint64_t limits_open_files(void);

#endif
