/* Sixteen pairs, six places of a default pair and a few files more are fewer than
 * RH_FILES_HIDDEN_MAX; whoever adds a repeatable option counts again. */
#include "program/kit/hidden.h"

#include <assert.h>

enum { OTHER_FILES = 8 };
_Static_assert(2 * TEXT_LIST_MAX + DEFAULT_PAIR_FILES + OTHER_FILES <= RH_FILES_HIDDEN_MAX,
               "all that the options name can be hidden");

void hidden_add(struct hidden *hidden, const char *path)
{
    if (path != NULL) {
        assert(hidden->count < RH_FILES_HIDDEN_MAX);
        hidden->paths[hidden->count++] = path;
        hidden->paths[hidden->count] = NULL;
    }
}

void hidden_init(struct hidden *hidden, const struct options *options)
{
    hidden->count = 0;
    hidden->paths[0] = NULL;
    for (size_t i = 0; i < options->certs.count; i++) {
        hidden_add(hidden, options->certs.items[i]);
    }
    for (size_t i = 0; i < options->keys.count; i++) {
        hidden_add(hidden, options->keys.items[i]);
    }
    for (int place = 0; place < LOCATE_PAIR_PLACES; place++) {
        char *cert = hidden->defaults[2 * place];
        char *key = hidden->defaults[2 * place + 1];
        if (locate_name("server.crt", place, cert) == 0 &&
            locate_name("server.key", place, key) == 0) {
            hidden_add(hidden, cert);
            hidden_add(hidden, key);
        }
    }
    hidden_add(hidden, options->client_ca);
    hidden_add(hidden, options->log_file);
}
