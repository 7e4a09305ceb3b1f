/* The banner goes to stderr in one write for each line: stdout belongs to the access log. */
#include "program/banner.h"

#include <stdio.h>

static void print_urls(const struct addresses *addresses, const char *scheme, unsigned port,
                       bool color)
{
    for (size_t i = 0; i < addresses->host_count; i++) {
        char url[128];
        for (size_t j = 0; ports_next_url(&addresses->hosts[i], j, scheme, port, url, sizeof url);
             j++) {
            fprintf(stderr, "%s%s%s\n", color ? "\033[1;36m" : "", url, color ? "\033[0m" : "");
        }
    }
}

void banner_print(const struct banner *banner, const struct addresses *addresses)
{
    struct rh_memory memory;
    rh_config_memory(banner->config, &memory);
    uint64_t most = memory.connection_max;
    uint64_t all = memory.ceiling; /* with TLS on each connection */
    if (banner->https_port != 0)
        most += memory.connection_tls;
    else
        all -= memory.connection_tls * banner->config->connections_max;

    for (size_t i = 0; i < banner->listeners; i++) {
        fprintf(stderr, "%s%s%s\n", banner->color ? "\033[1;36m" : "",
                rh_runner_url(banner->runner, i), banner->color ? "\033[0m" : "");
    }
    if (banner->http_port != 0)
        print_urls(addresses, "http", banner->http_port, banner->color);
    if (banner->https_port != 0)
        print_urls(addresses, "https", banner->https_port, banner->color);
    fprintf(stderr,
            "rawhttp-uv %s, %s%s, %u loop%s, at most %llu KiB of memory per connection, "
            "%llu MiB in all\n",
            rh_version(), banner->folder != NULL ? "files from " : "no pages found",
            banner->folder != NULL ? banner->folder : "", banner->loops,
            banner->loops == 1 ? "" : "s", (unsigned long long)((most + 1023) / 1024),
            (unsigned long long)((all * banner->loops + (1 << 20) - 1) >> 20));
    if (banner->explains) {
        fprintf(
            stderr,
            "Ctrl-C stops it. A connection needs that much while it is busy, and %llu bytes while "
            "it is idle without TLS.\n",
            (unsigned long long)memory.connection_idle);
    }
}
