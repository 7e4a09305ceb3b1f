/* Scripts that run on our libuv and on the real one: each prints what is called and in which order,
 * and a test compares the two. So the simulation stands on rules that were tried, not on what
 * somebody remembers of libuv. */
#include "sim/script.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static uv_loop_t loop;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static void begin(const char *name)
{
    say("--- %s", name);
    say("init %d", uv_loop_init(&loop));
}

static const char *name_of(const void *handle)
{
    return ((const uv_handle_t *)handle)->data;
}

static void *called(const char *name)
{
    return (void *)(uintptr_t)name;
}

static void on_close(uv_handle_t *handle)
{
    say("closed %s", name_of(handle));
}

static void turns(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        say("turn %d", uv_run(&loop, UV_RUN_NOWAIT));
    }
}

static void end(void)
{
    while (uv_run(&loop, UV_RUN_NOWAIT) != 0) {
    }
    say("loop closes %d", uv_loop_close(&loop));
}

/* --- Phases ----------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    say("timer %s", name_of(timer));
}

static void on_idle(uv_idle_t *idle)
{
    say("idle %s", name_of(idle));
}

static void on_prepare(uv_prepare_t *prepare)
{
    say("prepare %s", name_of(prepare));
}

static void on_check(uv_check_t *check)
{
    say("check %s", name_of(check));
}

static void on_async(uv_async_t *async)
{
    say("async %s", name_of(async));
}

static void phases(void)
{
    uv_timer_t timer;
    uv_idle_t idle;
    uv_prepare_t prepare[2];
    uv_check_t check[2];
    uv_async_t async;
    begin("phases");
    uv_timer_init(&loop, &timer);
    uv_idle_init(&loop, &idle);
    uv_async_init(&loop, &async, on_async);
    timer.data = idle.data = async.data = called("a");
    for (unsigned i = 0; i < 2; i++) {
        uv_prepare_init(&loop, &prepare[i]);
        uv_check_init(&loop, &check[i]);
        prepare[i].data = check[i].data = called(i == 0 ? "a" : "b");
        uv_prepare_start(&prepare[i], on_prepare);
        uv_check_start(&check[i], on_check);
    }
    uv_timer_start(&timer, on_timer, 0, 0);
    uv_idle_start(&idle, on_idle);
    uv_async_send(&async);
    uv_async_send(&async);
    turns(2);
    say("active %d %d", uv_is_active((uv_handle_t *)&timer), uv_is_active((uv_handle_t *)&idle));
    uv_idle_stop(&idle);
    uv_check_stop(&check[1]);
    turns(1);
    uv_close((uv_handle_t *)&timer, on_close);
    uv_close((uv_handle_t *)&idle, on_close);
    uv_close((uv_handle_t *)&async, on_close);
    for (unsigned i = 0; i < 2; i++) {
        uv_close((uv_handle_t *)&prepare[i], on_close);
        uv_close((uv_handle_t *)&check[i], on_close);
    }
    say("closing %d", uv_is_closing((uv_handle_t *)&timer));
    say("start a closing timer %d", uv_timer_start(&timer, on_timer, 0, 0));
    turns(1);
    end();
}

/* --- Timers ----------------------------------------------------------------------------------- */

static void on_timer_again(uv_timer_t *timer)
{
    say("timer %s", name_of(timer));
    uv_timer_start(timer, on_timer, 0, 0); /* not in this phase: later ones are due first */
    uv_stop(&loop);
}

static void timers(void)
{
    uv_timer_t timer[3];
    static const char *const names[] = {"a", "b", "c"};
    begin("timers");
    for (unsigned i = 0; i < 3; i++) {
        uv_timer_init(&loop, &timer[i]);
        timer[i].data = called(names[i]);
    }
    uv_timer_start(&timer[2], on_timer, 3, 0);
    uv_timer_start(&timer[0], on_timer, 3, 0);
    uv_timer_start(&timer[1], on_timer, 1, 0);
    say("run %d", uv_run(&loop, UV_RUN_DEFAULT));
    uv_timer_start(&timer[0], on_timer, 1000, 0);
    uv_timer_start(&timer[0], on_timer_again, 1, 0); /* started anew, not twice */
    say("run %d", uv_run(&loop, UV_RUN_DEFAULT));
    say("run %d", uv_run(&loop, UV_RUN_DEFAULT));
    uv_timer_start(&timer[1], on_timer, 1, 0);
    uv_unref((uv_handle_t *)&timer[1]);
    say("nothing keeps it alive %d %d", uv_loop_alive(&loop), uv_run(&loop, UV_RUN_DEFAULT));
    uv_ref((uv_handle_t *)&timer[1]);
    say("alive %d", uv_loop_alive(&loop));
    uv_timer_stop(&timer[1]);
    say("alive %d", uv_loop_alive(&loop));
    for (unsigned i = 0; i < 3; i++) {
        uv_close((uv_handle_t *)&timer[i], on_close);
    }
    end();
}

/* --- Streams ---------------------------------------------------------------------------------- */

static struct {
    char bytes[64];
    size_t room;       /* that alloc names */
    bool stops_at_end; /* read_stop at anything but bytes */
    bool closes;
    bool is_closed; /* uv_close was called */
} reader;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    say("alloc %s, %s", name_of(handle), suggested == 65536 ? "64 KiB" : "other");
    *buf = uv_buf_init(reader.room > 0 ? reader.bytes : NULL, (unsigned)reader.room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    say("read %s: %s%d, %s", name_of(stream), n < 0 ? uv_err_name((int)n) : "", n < 0 ? 0 : (int)n,
        buf->base == NULL ? "no memory" : "memory");
    if (n < 0 && reader.stops_at_end) {
        uv_read_stop(stream);
    }
    if (n < 0 && reader.closes) {
        reader.is_closed = true;
        uv_close((uv_handle_t *)stream, on_close);
    }
}

static void open_stream(uv_tcp_t *tcp, struct pair *pair, size_t room)
{
    memset(&reader, 0, sizeof reader);
    reader.room = room;
    pair_open(pair);
    say("tcp %d", uv_tcp_init(&loop, tcp));
    tcp->data = called("s");
    say("open %d", uv_tcp_open(tcp, pair->fd));
}

static void close_stream(uv_tcp_t *tcp, struct pair *pair)
{
    if (!reader.is_closed) {
        uv_close((uv_handle_t *)tcp, on_close);
    }
    end();
    pair_close(pair);
}

static void reading(void)
{
    struct pair pair;
    uv_tcp_t tcp;
    begin("reading");
    open_stream(&tcp, &pair, 4);
    uv_stream_t *stream = (uv_stream_t *)&tcp;
    say("start %d", uv_read_start(stream, on_alloc, on_read));
    say("start again %d", uv_read_start(stream, on_alloc, on_read) == UV_EALREADY);
    turns(1);
    pair_send(&pair, "abc", 3);
    turns(1);
    pair_send(&pair, "abcd", 4); /* fills what alloc names: it looks for more */
    turns(1);
    pair_send(&pair, "abcdefghij", 10);
    uv_read_stop(stream);
    turns(1);
    uv_read_start(stream, on_alloc, on_read);
    turns(1);
    pair_send(&pair, "xy", 2);
    pair_finish(&pair);
    turns(3);
    say("active %d", uv_is_active((uv_handle_t *)&tcp));
    close_stream(&tcp, &pair);
}

static void no_memory(void)
{
    struct pair pair;
    uv_tcp_t tcp;
    begin("alloc without memory");
    open_stream(&tcp, &pair, 0);
    uv_read_start((uv_stream_t *)&tcp, on_alloc, on_read);
    pair_send(&pair, "abc", 3);
    turns(2);
    reader.stops_at_end = true;
    turns(2);
    reader.room = 8;
    uv_read_start((uv_stream_t *)&tcp, on_alloc, on_read);
    turns(1);
    close_stream(&tcp, &pair);
}

static void hang_up(void)
{
    struct pair pair;
    uv_tcp_t tcp;
    begin("an end without alloc");
    open_stream(&tcp, &pair, 8);
    uv_read_start((uv_stream_t *)&tcp, on_alloc, on_read);
    pair_shut_own(pair.fd);
    pair_send(&pair, "abc", 3);
    pair_finish(&pair);
    turns(2);
    close_stream(&tcp, &pair);
}

static void reset(void)
{
    struct pair pair;
    uv_tcp_t tcp;
    uv_buf_t buf = uv_buf_init(reader.bytes, 3);
    begin("a reset");
    open_stream(&tcp, &pair, 8);
    uv_read_start((uv_stream_t *)&tcp, on_alloc, on_read);
    pair_reset(&pair);
    turns(2);
    say("try %s", uv_err_name(uv_try_write((uv_stream_t *)&tcp, &buf, 1)));
    say("start %s", uv_err_name(uv_read_start((uv_stream_t *)&tcp, on_alloc, on_read)));
    close_stream(&tcp, &pair);

    begin("a reset that nobody reads");
    open_stream(&tcp, &pair, 8);
    pair_reset(&pair);
    turns(2);
    int first = uv_try_write((uv_stream_t *)&tcp, &buf, 1);
    int second = uv_try_write((uv_stream_t *)&tcp, &buf, 1);
    say("try %s, %s", uv_err_name(first), uv_err_name(second));
    close_stream(&tcp, &pair);

    begin("a reset, closed inside of its callback");
    open_stream(&tcp, &pair, 8);
    reader.closes = true;
    uv_read_start((uv_stream_t *)&tcp, on_alloc, on_read);
    pair_reset(&pair);
    turns(2);
    close_stream(&tcp, &pair);
}

static void on_written(uv_write_t *request, int status)
{
    say("written %s: %s", (const char *)request->data, status == 0 ? "0" : uv_err_name(status));
}

static void writing(void)
{
    static char large[8 << 20];
    struct pair pair;
    uv_tcp_t tcp;
    uv_write_t requests[3];
    uv_check_t check;
    char got[16];
    begin("writing");
    open_stream(&tcp, &pair, 8);
    uv_stream_t *stream = (uv_stream_t *)&tcp;
    uv_buf_t small = uv_buf_init(large, 5), much = uv_buf_init(large, sizeof large);
    uv_check_init(&loop, &check);
    check.data = called("a");
    uv_check_start(&check, on_check);
    for (unsigned i = 0; i < 3; i++) {
        requests[i].data = called(i == 0 ? "first" : i == 1 ? "second" : "third");
    }
    say("try %d", uv_try_write(stream, &small, 1));
    say("write %d, queued %zu", uv_write(&requests[0], stream, &small, 1, on_written),
        uv_stream_get_write_queue_size(stream));
    turns(1);
    say("received %d", pair_receive(&pair, got, sizeof got));
    say("write %d", uv_write(&requests[1], stream, &much, 1, on_written));
    say("some is queued %d", uv_stream_get_write_queue_size(stream) > 0);
    say("try %s", uv_err_name(uv_try_write(stream, &small, 1)));
    say("write %d", uv_write(&requests[2], stream, &small, 1, on_written));
    turns(2);
    uv_close((uv_handle_t *)&check, on_close);
    uv_close((uv_handle_t *)&tcp, on_close);
    reader.is_closed = true;
    uv_os_fd_t fd;
    say("closing: write %s, try %s, fileno %s, start %s",
        uv_err_name(uv_write(&requests[0], stream, &small, 1, on_written)),
        uv_err_name(uv_try_write(stream, &small, 1)),
        uv_err_name(uv_fileno((uv_handle_t *)&tcp, &fd)),
        uv_err_name(uv_read_start(stream, on_alloc, on_read)));
    turns(1);
    close_stream(&tcp, &pair);
}

static void draining(void)
{
    static char large[8 << 20];
    static char sink[1 << 16];
    struct pair pair;
    uv_tcp_t tcp;
    uv_write_t request = {.data = called("large")};
    uv_buf_t much = uv_buf_init(large, sizeof large);
    begin("a write that waits for its peer");
    open_stream(&tcp, &pair, 8);
    say("write %d", uv_write(&request, (uv_stream_t *)&tcp, &much, 1, on_written));
    for (size_t got = 0; got < sizeof large;) {
        int n = pair_receive(&pair, sink, sizeof sink);
        got += n > 0 ? (size_t)n : 0;
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    say("queued %zu", uv_stream_get_write_queue_size((uv_stream_t *)&tcp));
    close_stream(&tcp, &pair);

    begin("a write that fails");
    open_stream(&tcp, &pair, 8);
    say("write %d", uv_write(&request, (uv_stream_t *)&tcp, &much, 1, on_written));
    pair_reset(&pair);
    turns(3);
    close_stream(&tcp, &pair);
}

/* --- Poll, work ------------------------------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    say("poll %s: %d, %d", name_of(poll), status, events);
}

static void polling(void)
{
    struct pair pair;
    uv_poll_t poll;
    begin("polling");
    pair_open(&pair);
    uv_poll_init(&loop, &poll, pair.fd);
    poll.data = called("p");
    uv_poll_start(&poll, UV_READABLE, on_poll);
    turns(1);
    pair_send(&pair, "a", 1);
    turns(2); /* until it is read */
    uv_poll_stop(&poll);
    turns(1);
    uv_poll_start(&poll, UV_READABLE | UV_WRITABLE, on_poll);
    turns(1);
    uv_close((uv_handle_t *)&poll, on_close);
    end();
    pair_shut_own(pair.fd);
    pair_close(&pair);
}

static unsigned worked;

static void on_work(uv_work_t *request)
{
    (void)request;
    worked++;
}

static void on_work_done(uv_work_t *request, int status)
{
    say("work done: %d, %u, %s", status, worked, (const char *)request->data);
}

static void working(void)
{
    uv_work_t work = {.data = called("w")};
    begin("work");
    say("queue %d", uv_queue_work(&loop, &work, on_work, on_work_done));
    say("alive %d", uv_loop_alive(&loop));
    say("run %d", uv_run(&loop, UV_RUN_DEFAULT));
    say("cancel %s", uv_err_name(uv_cancel((uv_req_t *)&work)));
    end();
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    phases();
    timers();
    reading();
    no_memory();
    hang_up();
    reset();
    writing();
    draining();
    polling();
    working();
    return 0;
}
