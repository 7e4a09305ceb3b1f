/* How much a folder may hold that the program fills for others. */
#ifndef RH_PROGRAM_QUOTA_H
#define RH_PROGRAM_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

/* The folder and all below it: bytes of files, and for each file and folder a piece more, so that
 * empty ones do not come without end. What is there already counts. One folder for each process;
 * any thread. */
enum { QUOTA_ENTRY_BYTES = 4096 };

/* Counts `bytes` more, before they are written; false where the folder would then hold more than
 * `bytes_max`. */
bool quota_take(const char *folder, uint64_t bytes, uint64_t bytes_max);

/* Whether so much would fit now; counts nothing. It may look at the whole folder, as quota_take. */
bool quota_fits(const char *folder, uint64_t bytes, uint64_t bytes_max);

/* They are gone again. */
void quota_give(uint64_t bytes);

#endif
