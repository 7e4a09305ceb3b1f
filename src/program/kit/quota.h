/* How much a folder may hold that the program fills for others. */
#ifndef RH_PROGRAM_KIT_QUOTA_H
#define RH_PROGRAM_KIT_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

/* The folder and all below it: bytes of files, and for each file and folder a piece more, so that
 * empty ones do not come without end. What is there already counts. One folder for each process;
 * any thread. */
enum { QUOTA_ENTRY_BYTES = 4096 };

/* Counts what is there; before any of the others. Walks through the folder. */
void quota_open(const char *folder);

/* Counts `bytes` more, before they are written; false if the folder would then hold more than
 * `bytes_max`. Then it may walk through the folder, as one caller at a time and now and then: for
 * the thread pool. */
bool quota_take(const char *folder, uint64_t bytes, uint64_t bytes_max);

/* Returns true if so much would fit now; counts nothing. As quota_take. */
bool quota_fits(const char *folder, uint64_t bytes, uint64_t bytes_max);

/* They are gone again. */
void quota_give(uint64_t bytes);

#endif
