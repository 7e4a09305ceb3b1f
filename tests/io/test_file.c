/* Reading what the page cache holds, on systems that cannot tell: the system's word for that is played here. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/file.h"

static int refusal; /* errno of preadv2 */

ssize_t preadv2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
    (void)flags;
    if (refusal != 0) {
        errno = refusal;
        return -1;
    }
    return preadv(fd, pieces, count, offset);
}

Test(file, sends_to_the_pool_what_cannot_be_told)
{
    static const int words[] = {EOPNOTSUPP, ENOSYS, EINVAL, EAGAIN};
    char path[] = "/tmp/rh-file-XXXXXX";
    char out[8];
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(write(fd, "abc", 3), 3);
    cr_assert_eq(rh_file_read_cached(fd, out, sizeof out, 0), 3);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        refusal = words[i];
        cr_assert_eq(rh_file_read_cached(fd, out, sizeof out, 0), -EAGAIN, "errno %d", words[i]);
        cr_assert_eq(rh_file_is_cached(fd, 0), 0);
    }
    refusal = EIO;
    cr_assert_eq(rh_file_read_cached(fd, out, sizeof out, 0), -EIO);
    close(fd);
}
