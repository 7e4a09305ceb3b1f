/* LeakSanitizer reports at the end of a Criterion test do not fail it: this does. Nothing where there is none. */
#ifndef TESTS_APP_LEAKS_H
#define TESTS_APP_LEAKS_H

#include <criterion/criterion.h>
#include <stddef.h>

__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

static inline void assert_no_leaks(void)
{
    if (__lsan_do_recoverable_leak_check != NULL) {
        cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "memory was lost");
    }
}

#endif
