/* One run: what follows from one seed. */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "sim/sim.h"

/* The plan that a seed stands for. */
struct sim_plan run_plan(uint64_t seed);
/* Does not return where something that was promised is not so. */
void run_one(uint64_t seed, const struct sim_plan *plan);

#endif
