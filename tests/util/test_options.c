/* Options whose struct grew: an old caller and a new one, against an old library and a new one. */
#include "util/options.h"

#include <criterion/criterion.h>

struct old {
    size_t size;
    int first;
};

struct grown {
    size_t size;
    int first;
    int second;
    int third;
};

static const struct old old_defaults = {sizeof(struct old), 1};
static const struct grown grown_defaults = {sizeof(struct grown), 1, 2, 3};

Test(options, are_filled_no_further_than_the_caller_knows)
{
    struct {
        struct old options;
        int behind;
    } caller = {.behind = 77};
    rh_options_fill(&caller.options, sizeof caller.options, &grown_defaults, sizeof grown_defaults);
    cr_expect_eq(caller.options.size, sizeof(struct old));
    cr_expect_eq(caller.options.first, 1);
    cr_expect_eq(caller.behind, 77);
}

Test(options, are_zero_where_only_the_caller_knows_them)
{
    struct grown caller;
    memset(&caller, 0xa5, sizeof caller);
    rh_options_fill(&caller, sizeof caller, &old_defaults, sizeof old_defaults);
    cr_expect_eq(caller.size, sizeof(struct grown));
    cr_expect_eq(caller.first, 1);
    cr_expect_eq(caller.third, 0);
}

Test(options, of_an_old_caller_leave_the_defaults_of_what_it_does_not_know)
{
    struct grown known = grown_defaults;
    struct old caller = {sizeof caller, 10};
    rh_options_take(&known, sizeof known, &caller);
    cr_expect_eq(known.first, 10);
    cr_expect_eq(known.third, 3);
    cr_expect_eq(known.size, sizeof known, "it is as long as it is, whoever it came from");
}

Test(options, of_a_new_caller_are_taken_no_further_than_is_known)
{
    struct {
        struct old options;
        int behind;
    } library = {old_defaults, 77};
    struct grown caller = {sizeof caller, 10, 20, 30};
    rh_options_take(&library.options, sizeof library.options, &caller);
    cr_expect_eq(library.options.first, 10);
    cr_expect_eq(library.options.size, sizeof(struct old));
    cr_expect_eq(library.behind, 77);
}

Test(options, that_are_not_given_are_the_defaults)
{
    struct grown known = grown_defaults;
    rh_options_take(&known, sizeof known, NULL);
    cr_expect_eq(known.size, sizeof known);
    cr_expect_eq(known.first, 1);
    cr_expect_eq(known.third, 3);
}

Test(options, that_were_never_filled_are_the_defaults)
{
    struct grown known = grown_defaults;
    struct grown caller = {0};
    rh_options_take(&known, sizeof known, &caller);
    cr_expect_eq(known.first, 1);
    cr_expect_eq(known.third, 3);
}
