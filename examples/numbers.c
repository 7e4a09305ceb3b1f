/* An answer that is pulled from a source: a million numbers, never more than one buffer of them in
 * memory, as fast as the client reads. Try: curl -s localhost:8080/numbers | tail -1 */
#include <stdio.h>
#include <stdlib.h>

#include <rawhttp.h>

struct numbers {
    unsigned next, last;
};

/* Writes as many whole lines as there is room for; 0 is the end. */
static ptrdiff_t pull(void *data, char *out, size_t room)
{
    struct numbers *numbers = data;
    size_t used = 0;
    while (numbers->next <= numbers->last && room - used > 16)
        used += (size_t)snprintf(out + used, room - used, "%u\n", numbers->next++);
    return (ptrdiff_t)used;
}

static void list(struct rh_exchange *x, void *data)
{
    (void)data;
    struct numbers *numbers = malloc(sizeof *numbers);
    if (numbers == NULL) {
        rh_respond_error(x, 503, NULL);
        return;
    }
    *numbers = (struct numbers){1, 1000000};
    /* `close` is called exactly once, also when the client leaves or only asked for the head. */
    struct rh_source source = {
        .pull = pull, .close = free, .data = numbers, .length = RH_LENGTH_UNKNOWN};
    rh_respond_source(x, 200, "text/plain", &source);
}

int main(int argc, char **argv)
{
    struct rh_app *app = rh_app_create();
    rh_app_get(app, "/numbers", list, NULL);
    return rh_run(app, argc > 1 ? argv[1] : "localhost:8080", NULL);
}
