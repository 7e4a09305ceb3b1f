#include <criterion/criterion.h>
#include <errno.h>
#include <uv.h>

#include "rawhttp/error.h"

Test(error, has_a_text_for_every_code)
{
    cr_expect_str_eq(rh_strerror(0), "success");
    cr_expect_str_eq(rh_strerror(UV_EADDRINUSE), "address already in use");
    cr_expect_str_eq(rh_strerror(UV_EOF), "end of file");
    cr_expect_str_neq(rh_strerror(RH_EAGAIN), rh_strerror(UV_EAGAIN), "ours is not libuv's");
}

/* File systems have codes that libuv does not know. */
Test(error, allocates_nothing_for_a_code_that_nobody_knows)
{
    cr_expect_eq(rh_strerror(-ESTALE), rh_strerror(-ESTALE), "static storage");
    cr_expect_neq(rh_strerror(-ESTALE)[0], 0);
}
