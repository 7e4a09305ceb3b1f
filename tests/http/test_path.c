#include <criterion/criterion.h>

#include "guard.h"
#include "http/path.h"

/* What comes out is in the text cases; here: what it may touch. */
Test(path, stays_within_its_room)
{
    static const char *const paths[] = {"", "a", "/", "//", "a/b", "/a/..", "/%41", "/a/./", "x/.."};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct guard guard;
        size_t len = 0;
        size_t raw = strlen(paths[i]);
        guard_init(&guard, raw + 1);
        char *out = guard.base + guard.bytes - raw - 1;
        cr_expect_eq(rh_path_canonical(rh_slice_from(paths[i]), out, &len), RH_RULE_NONE);
        cr_expect_leq(len, raw + 1);
        cr_expect_eq(out[0], '/');
        guard_fini(&guard);
    }
}

Test(path, canonical_form_is_its_own)
{
    static const char *const paths[] = {"/", "/a", "/a/", "//a//", "/a.b/..c/...", "/~x;y=z"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char out[32];
        size_t len = 0;
        cr_assert_eq(rh_path_canonical(rh_slice_from(paths[i]), out, &len), RH_RULE_NONE);
        cr_expect(rh_slice_is((struct rh_slice){out, len}, paths[i]), "%s", paths[i]);
    }
}

Test(path, leaves_its_output_alone_on_failure)
{
    char out[32];
    size_t len = 77;
    cr_expect_eq(rh_path_canonical(rh_slice_from("/a/../.."), out, &len), RH_RULE_PATH_ABOVE_ROOT);
    cr_expect_eq(rh_path_canonical(rh_slice_from("/%0"), out, &len), RH_RULE_PATH_PERCENT);
    cr_expect_eq(rh_path_canonical(rh_slice_from("/%00"), out, &len), RH_RULE_PATH_NUL);
    cr_expect_eq(len, 77);
}
