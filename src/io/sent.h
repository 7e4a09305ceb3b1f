/* What a call that sends on a socket gave: bytes, or a negative errno. When the system has no buffers left (ENOBUFS) it is
 * as with a full socket: there is room later. libuv reads it the same way. */
#ifndef RH_IO_SENT_H
#define RH_IO_SENT_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

static inline ptrdiff_t rh_sent(ssize_t n)
{
    return n >= 0 ? n : errno == ENOBUFS ? -EAGAIN : -errno;
}

#endif
