/* Options: what the command line and the environment decide, and what they refuse. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "program/options/options.h"
#include "program/options/table.h"

static struct options options;
static char error[512];

static int read_line(const char *const *arguments)
{
    static char *argv[16];
    int argc = 0;
    argv[argc++] = (char[]){"rawhttp-uv"};
    for (; *arguments != NULL; arguments++)
        argv[argc++] = strdup(*arguments);
    options_init(&options);
    return options_read(&options, argc, argv, error, sizeof error);
}

#define READ(...) read_line((const char *const[]){__VA_ARGS__, NULL})

static int read_nothing(void)
{
    const char *const none[] = {NULL};
    return read_line(none);
}

Test(options, defaults_are_those_of_the_help)
{
    cr_assert_eq(read_nothing(), 0);
    cr_assert_eq(options.port, -1);
    cr_assert_eq(options.head_ms, 10000);
    cr_assert_eq(options.idle_ms, 120000);
    cr_assert_eq(options.head_bytes_max, 16384);
    cr_assert_eq(options.body_bytes_max, 10485760);
    cr_assert_eq(options.connections_max, 10000);
    cr_assert_eq(options.keep_alive, 1);
    cr_assert_eq(options.access_log, -1);
    cr_assert_eq(options.loops, 1);
    cr_assert_null(options.folder);
}

Test(options, every_default_reads_back_as_its_own_value)
{
    options_init(&options);
    for (size_t i = 0; i < option_table_length; i++) {
        const struct option_row *row = &option_table[i];
        int64_t value;
        char reason[128];
        if (row->standard == NULL || row->kind == OPTION_LIST || row->kind == OPTION_TEXT ||
            strchr(row->standard, ' ') != NULL)
            continue;
        cr_assert_eq(option_value_read(row, row->standard, &value, reason, sizeof reason), 0, "%s",
                     row->name);
        cr_assert_eq(value, *(int64_t *)(void *)((char *)&options + row->offset), "--%s",
                     row->name);
    }
}

Test(options, takes_all_four_spellings_of_a_value)
{
    cr_assert_eq(READ("--port", "81"), 0);
    cr_assert_eq(options.port, 81);
    cr_assert_eq(READ("--port=82"), 0);
    cr_assert_eq(options.port, 82);
    cr_assert_eq(READ("-p", "83"), 0);
    cr_assert_eq(options.port, 83);
    cr_assert_eq(READ("-p84"), 0);
    cr_assert_eq(options.port, 84);
}

Test(options, sizes_take_suffixes_up_to_their_limits)
{
    cr_assert_eq(READ("--max-body", "2G"), 0);
    cr_assert_eq(options.body_bytes_max, INT64_C(2) << 30);
    cr_assert_eq(READ("--max-head=4k"), 0);
    cr_assert_eq(options.head_bytes_max, 4096);
    cr_assert_eq(READ("--max-head=64K"), 0);
    cr_assert_neq(READ("--max-head=65K"), 0);
    cr_assert_neq(READ("--max-body=9223372036854775807G"), 0);
    cr_assert_neq(READ("--max-body=99999999999999999999"), 0);
    cr_assert_neq(READ("--max-body=1KB"), 0);
    cr_assert_neq(READ("--max-body=K"), 0);
    cr_assert_neq(READ("--max-body=-1"), 0);
}

Test(options, durations_need_a_unit_but_for_zero)
{
    cr_assert_eq(READ("--grace", "500ms"), 0);
    cr_assert_eq(options.grace_ms, 500);
    cr_assert_eq(READ("--grace", "2m"), 0);
    cr_assert_eq(options.grace_ms, 120000);
    cr_assert_eq(READ("--grace", "0"), 0);
    cr_assert_eq(options.grace_ms, 0);
    cr_assert_neq(READ("--grace", "10"), 0);
    cr_assert_eq(strcmp(error, "--grace: '10' is not a duration: use 500ms, 10s or 2m"), 0, "%s",
                 error);
    cr_assert_neq(READ("--grace", "1d"), 0);
    cr_assert_neq(READ("--grace", "9999999h"), 0);
}

Test(options, choices_are_named_in_the_refusal)
{
    cr_assert_eq(READ("--access-log", "json"), 0);
    cr_assert_eq(options.access_log, ACCESS_JSON);
    cr_assert_neq(READ("--access-log", "xml"), 0);
    cr_assert_not_null(strstr(error, "off/dev/common/combined/json"), "%s", error);
}

Test(options, keep_alive_is_on_or_off)
{
    cr_assert_eq(READ("--keep-alive", "off"), 0);
    cr_assert_eq(options.keep_alive, 0);
    cr_assert_neq(READ("--keep-alive", "maybe"), 0);
    cr_assert_neq(READ("--keep-alive"), 0);
    setenv("RAWHTTP_KEEP_ALIVE", "0", 1);
    cr_assert_eq(read_nothing(), 0);
    cr_assert_eq(options.keep_alive, 0);
    setenv("RAWHTTP_KEEP_ALIVE", "", 1);
    cr_assert_eq(read_nothing(), 0);
    cr_assert_eq(options.keep_alive, 1, "an empty value is none");
}

Test(options, an_unknown_option_is_guessed)
{
    cr_assert_neq(READ("--max-bdy", "1"), 0);
    cr_assert_not_null(strstr(error, "--max-body"), "%s", error);
    cr_assert_neq(READ("-x"), 0);
    cr_assert_neq(READ("--port"), 0);
    cr_assert_neq(READ("--listing=1"), 0);
}

Test(options, one_folder_and_no_more)
{
    cr_assert_eq(READ("site"), 0);
    cr_assert_str_eq(options.folder, "site");
    cr_assert_eq(READ("--", "-p"), 0);
    cr_assert_str_eq(options.folder, "-p");
    cr_assert_neq(READ("a", "b"), 0);
}

Test(options, repeatable_ones_collect_and_the_line_replaces_the_environment)
{
    setenv("RAWHTTP_HOST", "10.0.0.1,::1", 1);
    cr_assert_eq(read_nothing(), 0);
    cr_assert_eq(options.hosts.count, 2);
    cr_assert_str_eq(options.hosts.items[1], "::1");
    options_fini(&options);
    cr_assert_eq(READ("--host", "127.0.0.1", "--host", "127.0.0.2"), 0);
    cr_assert_eq(options.hosts.count, 2);
    cr_assert_str_eq(options.hosts.items[0], "127.0.0.1");
}

Test(options, the_environment_is_read_and_the_line_wins)
{
    setenv("PORT", "7000", 1);
    setenv("HOST", "shell.example", 1);
    setenv("RAWHTTP_MAX_BODY", "1M", 1);
    setenv("RAWHTTP_SPA", "1", 1);
    setenv("RAWHTTP_GRACE", "", 1);
    cr_assert_eq(READ("--max-body", "2M"), 0);
    cr_assert_eq(options.port, 7000);
    cr_assert_eq(options.hosts.count, 0);
    cr_assert_eq(options.body_bytes_max, 2 << 20);
    cr_assert_eq(options.spa, 1);
    cr_assert_eq(options.grace_ms, 2000);
    setenv("RAWHTTP_PORT", "7001", 1);
    setenv("RAWHTTP_SPA", "0", 1);
    cr_assert_eq(read_nothing(), 0);
    cr_assert_eq(options.port, 7001);
    cr_assert_eq(options.spa, 0);
    setenv("RAWHTTP_SPA", "maybe", 1);
    cr_assert_neq(read_nothing(), 0);
    cr_assert_not_null(strstr(error, "RAWHTTP_SPA"), "%s", error);
    cr_assert_eq(READ("--help"), 0, "help comes even where the environment is wrong");
}

Test(options, what_the_line_gives_is_not_looked_for_in_the_environment)
{
    setenv("RAWHTTP_GRACE", "nonsense", 1);
    setenv("RAWHTTP_CERT", "a.crt,b.crt", 1);
    setenv("RAWHTTP_TLS_PORT", "nonsense", 1);
    cr_assert_eq(READ("--grace", "1s", "--no-tls"), 0, "%s", error);
    cr_assert_eq(options.grace_ms, 1000);
    cr_assert_eq(options.certs.count, 0);
    cr_assert_neq(READ("--no-tls"), 0);
    cr_assert_not_null(strstr(error, "RAWHTTP_GRACE"), "%s", error);
}

Test(options, the_port_of_a_service_is_ignored_with_a_note)
{
    setenv("RAWHTTP_PORT", "tcp://10.0.0.1:80", 1);
    setenv("RAWHTTP_PORT_80_TCP_ADDR", "10.0.0.1", 1);
    setenv("RAWHTTP_SERVICE_HOST", "10.0.0.1", 1);
    cr_assert_eq(read_nothing(), 0, "%s", error);
    cr_assert_eq(options.port, -1);
    cr_assert_str_eq(options.notes,
                     "RAWHTTP_PORT is ignored: it is the address of a service, not a port\n");
    setenv("PORT", "7000", 1);
    cr_assert_eq(read_nothing(), 0, "%s", error);
    cr_assert_eq(options.port, 7000);
}

Test(options, an_unknown_variable_gets_a_note)
{
    setenv("RAWHTTP_MAX_BODDY", "1", 1);
    cr_assert_eq(read_nothing(), 0);
    cr_assert_not_null(strstr(options.notes, "RAWHTTP_MAX_BODDY is ignored"), "%s", options.notes);
}

Test(options, flags_can_be_turned_off)
{
    static const char *const lines[] = {"--no-listing", "--listing=off", "--listing=no"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_assert_eq(READ("--listing", lines[i]), 0, "%s", error);
        cr_assert_eq(options.listing, 0, "%s", lines[i]);
    }
    cr_assert_eq(READ("--listing=on"), 0);
    cr_assert_eq(options.listing, 1);
    cr_assert_eq(READ("--compression=off"), 0);
    cr_assert_eq(options.no_compression, 1);
    cr_assert_eq(READ("--no-compression", "--compression"), 0);
    cr_assert_eq(options.no_compression, 0);
    cr_assert_eq(READ("--no-keep-alive"), 0);
    cr_assert_eq(options.keep_alive, 0);
    cr_assert_neq(READ("--no-port"), 0);
    cr_assert_neq(READ("--listing="), 0);
    cr_assert_neq(READ("--no-help"), 0);
    cr_assert_neq(READ("--help=on"), 0);
}

Test(options, short_ones_share_an_argument)
{
    cr_assert_eq(READ("-vp", "8080"), 0, "%s", error);
    cr_assert(options.verbose && options.port == 8080);
    cr_assert_eq(READ("-vp8081"), 0);
    cr_assert_eq(options.port, 8081);
    cr_assert_neq(READ("-vx"), 0);
    cr_assert_neq(READ("-vp"), 0);
    cr_assert_eq(READ("-vh"), 0);
    cr_assert(options.help);
}

Test(options, contradictions_are_refused_by_name)
{
    cr_assert_neq(READ("--no-tls", "--tls-port", "1"), 0);
    cr_assert_str_eq(error, "--tls-port: it contradicts --no-tls: give one of the two");
    cr_assert_neq(READ("--no-tls", "--cert", "a", "--key", "b"), 0);
    cr_assert_neq(READ("--no-tls", "--dev-cert"), 0);
    cr_assert_neq(READ("--no-tls", "--redirect-https"), 0);
    cr_assert_neq(READ("--no-tls", "--client-ca", "a"), 0);
    cr_assert_neq(READ("--client-auth", "required"), 0);
    cr_assert_neq(READ("--client-auth", "off", "--client-ca", "a"), 0);
    cr_assert_neq(READ("--port", "80", "--tls-port", "80"), 0);
    cr_assert_eq(READ("--port", "0", "--tls-port", "0"), 0, "%s", error);
    setenv("RAWHTTP_REDIRECT_HTTPS", "1", 1);
    cr_assert_neq(READ("--no-tls"), 0, "a protection is not dropped in silence");
    cr_assert_not_null(strstr(error, "RAWHTTP_REDIRECT_HTTPS"), "%s", error);
    setenv("RAWHTTP_REDIRECT_HTTPS", "0", 1);
    cr_assert_eq(READ("--no-tls"), 0, "%s", error);
}
