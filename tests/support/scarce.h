/* Memory that runs out at the n-th allocation. It stands between the test program's own objects,
 * the library among them, and the allocator: the linker puts it there (scarce_link_args in
 * tests/run/meson.build), so that it costs a release nothing and works under sanitizers too. What
 * libuv and OpenSSL allocate for themselves is theirs and never fails. */
#ifndef TESTS_SUPPORT_SCARCE_H
#define TESTS_SUPPORT_SCARCE_H

#include <stdbool.h>

/* From the `nth` allocation on (1: the next one), `count` of them fail. */
void scarce_begin(unsigned long nth, unsigned long count);
/* There is enough again. How many failed since scarce_begin, also when it has ended before. */
unsigned long scarce_end(void);
/* Between the two nothing fails or counts: for what a test does itself inside an attempt. */
void scarce_pause(void);
void scarce_resume(void);
/* Allocations and mappings that were made and not given back, since the program began. */
long scarce_live(void);

/* Calls `attempt` with the first allocation failing, then the second, and so on until there is none
 * left to fail, and all that again with every allocation behind it failing too. Each time nothing
 * may stay behind. With enough memory it must return 0; where an allocation failed it must return
 * an error, unless it may do without (`is_vital` false). */
void scarce_at_each(int (*attempt)(void), bool is_vital);

#endif
