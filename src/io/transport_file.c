/* A file to a plain connection, through sendfile. First the head, marked as having more behind it so that both share
 * packets; then what the socket takes of the range. A full socket is waited for with what libuv has for that, a write
 * that it completes once there is room (a uv_poll_t on a stream's descriptor is EEXIST): the next few KiB of the range
 * are read into `spare` and written by it, so bytes stay in order, and its completion goes on with the rest. So a peer
 * that reads slowly holds up nobody and costs no memory of its own.
 *
 * What may block is the disk, since sendfile waits for pages that are not in memory: who calls has looked that they are
 * (app/files/reader.c), because only there is somebody who can have them fetched off the loop.
 *
 * Ways to fail: the write fails; the file is shorter than the range (UV_EOF); the connection closes, and then the
 * write in flight ends with UV_ECANCELED and the file is not touched again. */
#include <errno.h>
#include <sys/socket.h>

#include "io/sent.h"
#include "io/transport.h"

static int send_range(struct rh_transport *t, struct rh_transport_write *write);

static void on_part_written(uv_write_t *req, int status)
{
    struct rh_transport *t = req->data;
    struct rh_transport_write *write = RH_CONTAINER_OF(req, struct rh_transport_write, req);
    int state = status < 0 ? status : t->closing ? UV_ECANCELED : 0;
    rh_transport_dequeued(t);
    if (state == 0) {
        state = send_range(t, write);
    }
    if (state == 1) {
        return;
    }
    if (state == 0) {
        RH_IGNORE(rh_transport_finish_shutdown(t));
    }
    rh_transport_wire(t)->callbacks->written(t, state);
}

/* Lets libuv write these bytes, and go on when it has. 1, or a negative code. */
static int write_part(struct rh_transport *t, struct rh_transport_write *write, struct rh_slice part)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)part.base, (unsigned)part.len);
    write->req.data = t;
    int err = rh_transport_queue(t, &write->req, &buf, 1, on_part_written);
    return err < 0 ? err : 1;
}

/* Sends what the socket takes. 0: all of it; 1: in flight; negative. */
static int send_range(struct rh_transport *t, struct rh_transport_write *write)
{
    struct rh_file_range *range = &write->left.file.range;
    uv_os_fd_t fd;
    if (range->len == 0) {
        return 0;
    }
    int err = uv_fileno((uv_handle_t *)&t->tcp, &fd);
    if (err < 0) {
        return err;
    }
    struct rh_turn_block block = rh_turn_block(rh_transport_wire(t)->turn); /* sendfile has no MSG_NOSIGNAL */
    ptrdiff_t sent = rh_file_send(fd, range);
    rh_turn_unblock(block);
    if (sent > 0) {
        rh_counter_add(&rh_transport_wire(t)->bytes_out, (uint64_t)sent);
    } else if (sent != -EAGAIN) {
        return sent == 0 ? UV_EOF : (int)sent;
    }
    if (range->len == 0) {
        return 0;
    }
    /* It took less than all: it is full, or the file has ended, and either shows by reading on. */
    char *spare = write->left.file.spare;
    size_t room = range->len < RH_TRANSPORT_SPARE_BYTES ? (size_t)range->len : RH_TRANSPORT_SPARE_BYTES;
    ptrdiff_t n = rh_file_read(range->fd, spare, room, range->at);
    if (n <= 0) {
        return n == 0 ? UV_EOF : (int)n;
    }
    range->at += (uint64_t)n;
    range->len -= (uint64_t)n;
    rh_counter_add(&rh_transport_wire(t)->bytes_out, (uint64_t)n);
    return write_part(t, write, (struct rh_slice){spare, (size_t)n});
}

/* MSG_MORE: without it the head would be a packet of its own, and the range's first another. */
static ptrdiff_t send_head(int fd, struct rh_slice head)
{
    ssize_t sent;
    do {
        sent = send(fd, head.base, head.len, MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return rh_sent(sent);
}

int rh_transport_write_file(struct rh_transport *t, struct rh_transport_write *write, struct rh_slice head,
                            struct rh_file_range range, char *spare)
{
    RH_ASSERT(t->tls == NULL);
    RH_ASSERT(t->writes_open == 0); /* else the file would overtake what libuv still holds */
    write->left.file.range = range;
    write->left.file.spare = spare;
    if (head.len > 0) {
        uv_os_fd_t fd;
        int err = uv_fileno((uv_handle_t *)&t->tcp, &fd);
        if (err < 0) {
            return err;
        }
        ptrdiff_t sent = send_head(fd, head);
        if (sent < 0 && sent != -EAGAIN) {
            return (int)sent;
        }
        size_t taken = sent > 0 ? (size_t)sent : 0;
        rh_counter_add(&rh_transport_wire(t)->bytes_out, head.len);
        if (taken < head.len) {
            return write_part(t, write, (struct rh_slice){head.base + taken, head.len - taken});
        }
    }
    return send_range(t, write);
}
