/* The value of --listen, taken apart. */
#ifndef RH_PROGRAM_OPTIONS_LISTEN_H
#define RH_PROGRAM_OPTIONS_LISTEN_H

#include <stdbool.h>

enum { LISTEN_ADDRESS_MAX = 256 };

struct listen_value {
    char address[LISTEN_ADDRESS_MAX]; /* as the library takes it */
    long mode;                        /* of a unix socket; -1: not given */
    bool is_tls;
};

/* Takes a value apart. Returns false if it does not have the form of one. */
bool listen_value_read(const char *text, struct listen_value *ret_value);

#endif
