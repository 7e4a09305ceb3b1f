/* Criterion (2.4.1) lets a test pass whose teardown fails: an assertion there is printed and
 * forgotten, an abort or an exit is a warning. What a teardown finds (a leak, an object that was
 * not given back, a loop that can not be closed) is what many tests are for, so this makes the
 * whole program fail. Linked into every test. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdio.h>
#include <unistd.h>

static size_t failed_asserts;          /* of all tests, wherever they stood */
static size_t failed_asserts_in_tests; /* of those, in the tests themselves */
static size_t teardowns_due;           /* tests that came to their end */
static size_t teardowns_done;          /* teardowns that came to theirs */

ReportHook(ASSERT)(struct criterion_assert_stats *stats)
{
    failed_asserts += !stats->passed;
}

ReportHook(POST_TEST)(struct criterion_test_stats *stats)
{
    failed_asserts_in_tests += (size_t)stats->failed_asserts;
    teardowns_due += !stats->crashed && !stats->timed_out;
}

ReportHook(POST_FINI)(struct criterion_test_stats *stats)
{
    teardowns_done += !stats->crashed && !stats->timed_out;
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    if (stats->tests_failed == 0 &&
        (failed_asserts > failed_asserts_in_tests || teardowns_done < teardowns_due)) {
        fprintf(stderr, "A teardown failed: %zu assertions, %zu that did not come to their end.\n",
                failed_asserts - failed_asserts_in_tests, teardowns_due - teardowns_done);
        _exit(1);
    }
}
