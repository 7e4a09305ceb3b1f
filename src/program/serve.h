/* The program after its options were read: from the app to the end of the run. */
#ifndef RH_PROGRAM_SERVE_H
#define RH_PROGRAM_SERVE_H

#include "program/options/options.h"

/* Serves until a signal ends it. Returns the program's exit code. */
int serve(const struct options *options);

#endif
