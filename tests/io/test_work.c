/* The pool's threads: made once at the start, or an error that says so. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/work.h"

/* Address space in use, in bytes. */
static rlim_t space_in_use(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

Test(work, threads_are_made_before_they_are_needed)
{
    cr_assert_eq(setenv("UV_THREADPOOL_SIZE", "3", 1), 0);
    cr_assert_eq(rh_work_prepare(), 0);
    cr_assert_eq(rh_work_prepare(), 0, "a second time");
}

Test(work, threads_that_the_system_does_not_give_are_an_error)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    cr_skip_test("a sanitizer needs its address space");
#endif
    cr_assert_eq(setenv("UV_THREADPOOL_SIZE", "64", 1), 0);
    rlim_t bytes = space_in_use() + ((rlim_t)32 << 20);
    struct rlimit limit = {bytes, bytes};
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    int err = rh_work_prepare();
    cr_assert(err == -EAGAIN || err == -ENOMEM, "%d", err);
}
