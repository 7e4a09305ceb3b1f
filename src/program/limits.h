/* Descriptors: raises the soft limit to the hard one and says how many connections fit. */
#ifndef RH_PROGRAM_LIMITS_H
#define RH_PROGRAM_LIMITS_H

#include <stdint.h>

/* Returns how many connections each of `loops` loops may have, at most `wanted`. */
uint32_t limits_fit_connections(unsigned loops, uint32_t wanted);

#endif
