/* A value is "host:port", "unix:PATH", "unix:@name" or "fd:N", with "tls:" before it for HTTPS and,
 * for a path, ",mode=0660" after it. */
#include "program/options/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char tls_prefix[] = "tls:";
static const char mode_suffix[] = ",mode=";

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* A number of at most `maximum`, and nothing after it; -1: it is none. */
static long number(const char *text, int base, long maximum)
{
    char *end;
    long value = strtol(text, &end, base);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && value <= maximum ? value : -1;
}

/* Cuts ",mode=0660" off a path. Returns false if what follows is no mode. */
static bool take_mode(struct listen_value *value)
{
    char *suffix = strstr(value->address, mode_suffix);
    if (suffix == NULL) {
        return true;
    }
    value->mode = number(suffix + sizeof mode_suffix - 1, 8, 0777);
    *suffix = '\0';
    return value->mode >= 0;
}

bool listen_value_read(const char *text, struct listen_value *ret_value)
{
    ret_value->mode = -1;
    ret_value->is_tls = starts_with(text, tls_prefix);
    text += ret_value->is_tls ? sizeof tls_prefix - 1 : 0;
    int length = snprintf(ret_value->address, sizeof ret_value->address, "%s", text);
    if (length < 0 || length >= LISTEN_ADDRESS_MAX) {
        return false;
    }
    if (starts_with(text, "fd:")) {
        return number(text + 3, 10, 1 << 20) >= 0;
    }
    if (starts_with(text, "unix:")) {
        return take_mode(ret_value) && ret_value->address[5] != '\0';
    }
    const char *colon = strrchr(text, ':');
    return colon != NULL && colon != text && number(colon + 1, 10, 65535) >= 0;
}
