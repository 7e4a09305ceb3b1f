/* Password files: who passes, what is refused, what a change does, and a line of many who want in.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "live.h"
#include "rawhttp/auth.h"
#include "rawhttp/middleware.h"

#define ADA "ada:$2y$04$m.l32k1j7a12CkhOu2G03.yCNUQ6C04oTwLe1Nz2XLZ.4//MzCNb6\n" /* lovelace */
#define GRACE                                                       \
    "grace:$6$rounds=1000$saltsalt$lAThc48nQdOTibgMOmcVwgROTx1XLv/" \
    "QtLqZIW1b3nsiQk08w.MUHVQeTL1pjuu1/NRQj0870LpufHwlQS/ZY/\n"
#define ALAN \
    "alan:$5$rounds=1000$saltsalt$rO.rOU0EOWZ65JUeyGGNUp2TVUsBk/wE7Gt4CP5t2tA:Alan M. Turing\r\n" /* tur:ing */
#define SLOW "slow:$2y$10$QMK/okcblCVCSGa3urU9iOubSHTGGKAT/RLFXSqA8HxCYic3kciSm\n" /* secret */

static const char ada[] = "Authorization: Basic YWRhOmxvdmVsYWNl\r\n";
static const char grace[] = "Authorization: Basic Z3JhY2U6Z3JhY2UgaG9wcGVy\r\n";
static const char alan[] = "Authorization: Basic YWxhbjp0dXI6aW5n\r\n";
static const char slow[] = "Authorization: Basic c2xvdzpzZWNyZXQ=\r\n";
static const char slow_wrong[] = "Authorization: Basic c2xvdzp3cm9uZw==\r\n";
static const char nobody[] = "Authorization: Basic bm9ib2R5OnNlY3JldA==\r\n";

static char folder[] = "/tmp/test-htpasswd-XXXXXX";
static char path[64];

static void setup(void)
{
    ask_setup();
    ask_hear_log(config.log_level);
    ask_hear_access();
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/users", folder);
}

static void teardown(void)
{
    unlink(path);
    rmdir(folder);
    ask_teardown();
}

TestSuite(middleware_htpasswd, .init = setup, .fini = teardown);

/* As editors do it: a new file in the place of the old one. */
static void write_file(const char *text)
{
    char other[80];
    snprintf(other, sizeof other, "%s.new", path);
    FILE *file = fopen(other, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    cr_assert_eq(rename(other, path), 0);
}

static struct rh_htpasswd options;

static void use(const char *text)
{
    if (text != NULL) {
        write_file(text);
    }
    rh_htpasswd_init(&options);
    options.file = path;
    options.realm = "the site";
}

static void add(void)
{
    rh_use_htpasswd(app, NULL, &options);
    rh_app_get(app, "/ping", pong, NULL);
    cr_assert_eq(rh_app_status(app), 0, "%s", rh_app_error(app));
}

Test(middleware_htpasswd, lets_users_in_by_each_kind_of_hash)
{
    use("# who may\n\n" ADA GRACE ALAN);
    add();
    ask("GET /ping", ada);
    cr_assert_eq(status, 200);
    cr_assert_str_eq(logged_user, "ada");
    ask("GET /ping", grace);
    cr_assert_eq(status, 200);
    ask("GET /ping", alan);
    cr_assert_eq(status, 200,
                 "a password may have colons, a line more fields, and a carriage return");
    cr_assert_str_eq(logged_user, "alan");
    static const char *const wrong[] = {
        "",
        "Authorization: Basic YWRhOkxvdmVsYWNl\r\n",     /* ada:Lovelace */
        "Authorization: Basic YWRhOg==\r\n",             /* ada: */
        "Authorization: Basic OmxvdmVsYWNl\r\n",         /* :lovelace */
        "Authorization: Basic QWRhOmxvdmVsYWNl\r\n",     /* Ada:lovelace */
        "Authorization: Basic YWQ6bG92ZWxhY2U=\r\n",     /* ad:lovelace */
        "Authorization: Basic YWRhOmxvdmVsYWNlAA==\r\n", /* a NUL */
        "Authorization: Basic IyB3aG8gbWF5Og==\r\n",     /* "# who may:" */
        "Authorization: Bearer YWRhOmxvdmVsYWNl\r\n",
        nobody,
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ask("GET /ping", wrong[i]);
        cr_assert_eq(status, 401, "%s", wrong[i]);
        cr_assert(has("WWW-Authenticate: Basic realm=\"the site\", charset=\"UTF-8\""));
        cr_assert_str_eq(logged_user, "");
    }
}

Test(middleware_htpasswd, lets_nobody_in_by_an_empty_file)
{
    use("");
    add();
    ask("GET /ping", ada);
    cr_assert_eq(status, 401);
}

Test(middleware_htpasswd, takes_the_first_of_two_lines)
{
    use("ada:$5$rounds=1000$saltsalt$rO.rOU0EOWZ65JUeyGGNUp2TVUsBk/wE7Gt4CP5t2tA\n" ADA);
    add();
    ask("GET /ping", ada);
    cr_assert_eq(status, 401);
    ask("GET /ping", "Authorization: Basic YWRhOnR1cjppbmc=\r\n");
    cr_assert_eq(status, 200);
}

Test(middleware_htpasswd, refuses_files_that_protect_nobody)
{
    static const char *const bad[] = {
        ADA "apr:$apr1$vzEqEnuz$mc0WiOLePlBXbar1XkJl4/\n",
        "sha:{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI=\n",
        "des:rl.3StKT.4T8M\n",
        "plain:secret\n",
        "md5:$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/\n",
        "empty:\n",
        "nocolon\n",
        ":$6$rounds=1000$saltsalt$lAThc48nQdOTibgMOmcVwgROTx1XLv/QtLqZIW1b3nsiQk08w\n",
        "ada:$2y$04$\n",
        "x:$2x$04$m.l32k1j7a12CkhOu2G03.yCNUQ6C04oTwLe1Nz2XLZ.4//MzCNb6\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rh_app *other = rh_app_create();
        use(bad[i]);
        rh_use_htpasswd(other, NULL, &options);
        cr_expect_eq(rh_app_status(other), RH_ECONFIG, "%s", bad[i]);
        cr_expect_not_null(
            strstr(rh_app_error(other),
                   i == 0 ? "line 2: Apache's MD5 ($apr1$) protects nobody" : "line 1: "),
            "%s", rh_app_error(other));
        rh_app_unref(other);
    }
}

Test(middleware_htpasswd, says_what_is_missing)
{
    use(NULL);
    rh_use_htpasswd(app, NULL, &options);
    cr_assert_eq(rh_app_status(app), -ENOENT);
    cr_assert_not_null(strstr(rh_app_error(app), "users: No such file"), "%s", rh_app_error(app));
    for (int i = 0; i < 4; i++) {
        struct rh_app *other = rh_app_create();
        use(ADA);
        options.realm = i == 0 ? "a\"b" : options.realm;
        options.checks_max = i == 1 ? 0 : options.checks_max;
        options.file = i == 2 ? NULL : i == 3 ? folder : options.file;
        rh_use_htpasswd(other, NULL, &options);
        cr_expect_lt(rh_app_status(other), 0, "%d", i);
        rh_app_unref(other);
    }
    rh_use_htpasswd(NULL, NULL, &options);
}

Test(middleware_htpasswd, follows_a_file_that_changes)
{
    use(ADA);
    add();
    ask("GET /ping", ada);
    cr_assert_eq(status, 200);
    write_file(GRACE);
    ask("GET /ping", ada);
    cr_assert_eq(status, 200, "remembered for a second");
    rh_driver_advance(driver, 1000);
    ask("GET /ping", ada);
    cr_assert_eq(status, 401, "and no longer");
    ask("GET /ping", grace);
    cr_assert_eq(status, 200);
    cr_assert_str_eq(log_text, "");
    write_file(ADA "oops\n");
    ask("GET /ping", nobody);
    cr_assert_not_null(
        strstr(log_text, "line 2: not 'user:hash'; the passwords that were read before stay"), "%s",
        log_text);
    log_text[0] = '\0';
    rh_driver_advance(driver, 1000);
    ask("GET /ping", grace);
    cr_assert_eq(status, 200);
    cr_assert_str_eq(log_text, "", "said once");
    unlink(path);
    ask("GET /ping", nobody);
    cr_assert_not_null(strstr(log_text, "No such file"), "%s", log_text);
    ask("GET /ping", grace);
    cr_assert_eq(status, 200);
    write_file(ADA);
    ask("GET /ping", ada);
    cr_assert_eq(status, 200);
}

/* Milliseconds of CPU that a question costs. */
static double cost(const char *fields, unsigned expected)
{
    clock_t before = clock();
    ask("GET /ping", fields);
    cr_assert_eq(status, expected, "%s", fields);
    return (double)(clock() - before) * 1000 / CLOCKS_PER_SEC;
}

Test(middleware_htpasswd, takes_as_long_for_a_user_that_is_not_there)
{
    use(SLOW);
    add();
    cost(slow_wrong, 401);
    double wrong = cost(slow_wrong, 401);
    double unknown = cost(nobody, 401);
    cr_assert_gt(wrong, 10);
    cr_assert(unknown > wrong / 2 && unknown < wrong * 2, "%g against %g ms", unknown, wrong);
}

Test(middleware_htpasswd, remembers_who_was_let_in_for_a_while)
{
    use(SLOW);
    options.remember_s = 5;
    add();
    double hashed = cost(slow, 200);
    double remembered = cost(slow, 200);
    cr_assert_lt(remembered, hashed / 4, "%g against %g ms", remembered, hashed);
    cr_assert_gt(cost(slow_wrong, 401), hashed / 4, "who was not is not");
    rh_driver_advance(driver, 4999);
    cr_assert_lt(cost(slow, 200), hashed / 4);
    rh_driver_advance(driver, 1);
    cr_assert_gt(cost(slow, 200), hashed / 4);
    cr_assert_str_eq(logged_user, "slow");
}

Test(middleware_htpasswd, remembers_nobody_where_it_shall_not)
{
    use(SLOW);
    options.remember_s = 0;
    add();
    double hashed = cost(slow, 200);
    cr_assert_gt(cost(slow, 200), hashed / 4);
}

/* --- On a loop --- */

static int clients[16];

static void client_open(const struct live *live, int i, const char *fields)
{
    char request[256];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)rh_server_port(live->server, 0)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    clients[i] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(clients[i], (struct sockaddr *)&to, sizeof to), 0);
    int len = snprintf(request, sizeof request, "GET /ping HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);
    cr_assert_eq(send(clients[i], request, (size_t)len, MSG_NOSIGNAL), len);
}

static void client_reset(int i)
{
    struct linger linger = {1, 0};
    setsockopt(clients[i], SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(clients[i]);
    clients[i] = -1;
}

/* Turns the loop until the client has an answer; its status, with the answer in `answer`. */
static unsigned client_status(struct live *live, int i)
{
    char bytes[4096];
    ssize_t n = -1;
    for (int turn = 0; turn < 10000 && n < 0; turn++) {
        uv_run(&live->loop, UV_RUN_NOWAIT);
        n = recv(clients[i], bytes, sizeof bytes, MSG_DONTWAIT);
        if (n < 0) {
            usleep(1000);
        }
    }
    cr_assert_gt(n, 0, "client %d has no answer", i);
    ask_take((struct rh_slice){bytes, (size_t)n});
    close(clients[i]);
    return status;
}

static void turn_loop(struct live *live, int times)
{
    for (int i = 0; i < times; i++) {
        uv_run(&live->loop, UV_RUN_NOWAIT);
        usleep(500);
    }
}

static struct live *open_live(unsigned checks_max, unsigned waiting_max)
{
    use(SLOW ADA);
    options.checks_max = checks_max;
    options.waiting_max = waiting_max;
    add();
    rh_app_ref(app);
    return live_open(app);
}

Test(middleware_htpasswd, has_a_line_of_bounded_length)
{
    struct live *live = open_live(1, 2);
    for (int i = 0; i < 6; i++) {
        client_open(live, i, slow_wrong);
    }
    turn_loop(live, 20);
    unsigned refused = 0;
    unsigned full = 0;
    for (int i = 0; i < 6; i++) {
        unsigned got = client_status(live, i);
        refused += got == 401;
        full += got == 503 && strcmp(value_of("Retry-After"), "1") == 0;
    }
    cr_assert_eq(refused, 3, "one in the pool and two in line: %u", refused);
    cr_assert_eq(full, 3);
    client_open(live, 0, ada);
    cr_assert_eq(client_status(live, 0), 200, "the line is empty again");
    live_close(live);
}

Test(middleware_htpasswd, hashes_once_for_many_of_one_user)
{
    struct live *live = open_live(1, 16);
    clock_t before = clock();
    for (int i = 0; i < 12; i++) {
        client_open(live, i, slow);
    }
    for (int i = 0; i < 12; i++) {
        cr_assert_eq(client_status(live, i), 200);
    }
    double many = (double)(clock() - before);
    before = clock();
    client_open(live, 0, slow_wrong);
    cr_assert_eq(client_status(live, 0), 401);
    double one = (double)(clock() - before);
    cr_assert_lt(many, one * 6, "%g against %g", many, one);
    live_close(live);
}

Test(middleware_htpasswd, gives_the_turn_of_a_peer_that_left_to_the_next)
{
    struct live *live = open_live(1, 16);
    for (int i = 0; i < 8; i++) {
        client_open(live, i, i == 7 ? ada : slow_wrong);
    }
    turn_loop(live, 10);
    for (int i = 0; i < 7; i++) { /* the one in the pool, and those in line before ada */
        client_reset(i);
    }
    cr_assert_eq(client_status(live, 7), 200);
    live_close(live); /* and nothing is held */
}

static unsigned told_before;
static unsigned told_behind;
static unsigned behind;

static void count_abort(struct rh_exchange *x, enum rh_abort reason, void *data)
{
    (void)x;
    ++*(unsigned *)data;
    if (data == &told_behind && reason != RH_PEER_EOF) {
        rh_exchange_release(x);
    }
}

static void listens_before(struct rh_exchange *x, void *data)
{
    (void)data;
    cr_assert_eq(rh_exchange_on_abort(x, count_abort, &told_before), 0);
    rh_next(x);
}

static void listens_behind(struct rh_exchange *x, void *data)
{
    (void)data;
    behind++;
    rh_exchange_hold(x);
    cr_assert_eq(rh_exchange_on_abort(x, count_abort, &told_behind), 0);
}

Test(middleware_htpasswd, leaves_it_to_others_to_hear_of_an_abort)
{
    rh_app_use(app, listens_before, NULL);
    use(SLOW ADA);
    rh_use_htpasswd(app, NULL, &options);
    rh_app_get(app, "/ping", listens_behind, NULL);
    rh_app_ref(app);
    struct live *live = live_open(app);
    client_open(live, 0, slow_wrong); /* leaves while it is checked */
    turn_loop(live, 5);
    client_reset(0);
    for (int turn = 0; turn < 5000 && told_before == 0; turn++) {
        turn_loop(live, 1);
    }
    cr_assert_eq(told_before, 1);
    client_open(live, 1, ada); /* leaves when the handler has it */
    for (int turn = 0; turn < 5000 && behind == 0; turn++) {
        turn_loop(live, 1);
    }
    cr_assert_eq(behind, 1);
    client_reset(1);
    for (int turn = 0; turn < 5000 && told_before == 1; turn++) {
        turn_loop(live, 1);
    }
    cr_assert_eq(told_before, 2);
    cr_assert_eq(told_behind, 1);
    live_close(live);
}

Test(middleware_htpasswd, lets_a_server_close_while_it_checks)
{
    struct live *live = open_live(2, 16);
    for (int i = 0; i < 6; i++) {
        client_open(live, i, slow);
    }
    turn_loop(live, 10);
    live_close(live);
    for (int i = 0; i < 6; i++) {
        close(clients[i]);
    }
}

Test(middleware_htpasswd, knows_whom_it_knows_while_the_line_is_full)
{
    struct live *live = open_live(1, 0);
    client_open(live, 0, ada);
    cr_assert_eq(client_status(live, 0), 200);
    usleep(1100 * 1000); /* the file is to be looked at again */
    client_open(live, 1, slow_wrong);
    turn_loop(live, 10);
    client_open(live, 2, ada);
    cr_assert_eq(client_status(live, 2), 200, "does not wait behind a stranger");
    cr_assert_eq(client_status(live, 1), 401);
    live_close(live);
}

Test(middleware_htpasswd, is_late_without_harm)
{
    use(SLOW);
    rh_use_timeout(app, NULL, 5);
    options.checks_max = 1;
    add();
    rh_app_ref(app);
    struct live *live = live_open(app);
    client_open(live, 0, slow);
    client_open(live, 1, slow_wrong);
    cr_assert_eq(client_status(live, 0), 503);
    cr_assert_eq(client_status(live, 1), 503);
    live_close(live);
}
