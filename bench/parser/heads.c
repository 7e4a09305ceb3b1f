/* The heads, written out; the last one has its 99 numbered fields made by bench_heads_init. */
#include "heads.h"

#include <stdio.h>
#include <string.h>

struct bench_head bench_heads[HEADS_N] = {
    {.name = "tiny", .text = "GET /ping HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
    {.name = "small",
     .text = "GET /users/1729/orders?page=3 HTTP/1.1\r\n"
             "Host: api.example.com\r\n"
             "User-Agent: loadtool/1.4.2 (x86_64-pc-linux-gnu; 64) libnet/2.0\r\n"
             "Accept: application/json\r\n"
             "Connection: keep-alive\r\n\r\n"},
    {.name = "browser",
     .text =
         "GET /articles/2026/11/the-road-to-the-sea?from=home&lang=en HTTP/1.1\r\n"
         "Host: www.example.com\r\n"
         "Connection: keep-alive\r\n"
         "Cache-Control: max-age=0\r\n"
         "Upgrade-Insecure-Requests: 1\r\n"
         "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0\r\n"
         "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
         "Sec-Fetch-Site: same-origin\r\n"
         "Sec-Fetch-Mode: navigate\r\n"
         "Sec-Fetch-User: ?1\r\n"
         "Sec-Fetch-Dest: document\r\n"
         "Referer: https://www.example.com/\r\n"
         "Accept-Encoding: gzip, deflate, br\r\n"
         "Accept-Language: en-GB,en;q=0.8,de;q=0.5\r\n"
         "If-None-Match: \"5f2c-1a0\"\r\n"
         "Cookie: sid=8c1f03a97b2d5e6470c1b2a39f8e7d6c; theme=dark; seen=1764028800; "
         "zone=Europe%2FBerlin\r\n\r\n"},
    {.name = "hundred", .text = ""},
};

void bench_heads_init(void)
{
    struct bench_head *hundred = &bench_heads[HEADS_N - 1];
    char *at = hundred->text;
    at += sprintf(at, "GET /hundred HTTP/1.1\r\nHost: localhost:8080\r\n");
    for (int i = 1; i < 100; i++) {
        at += sprintf(at, "X-Field-Number-%d: a value of some %d bytes\r\n", i, i * 7919);
    }
    sprintf(at, "\r\n");
    for (int i = 0; i < HEADS_N; i++) {
        bench_heads[i].len = strlen(bench_heads[i].text);
    }
}

const struct bench_head *bench_heads_find(const char *name)
{
    for (int i = 0; i < HEADS_N; i++) {
        if (strcmp(bench_heads[i].name, name) == 0) {
            return &bench_heads[i];
        }
    }
    return NULL;
}
