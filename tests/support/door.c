#include "support/door.h"

#include <string.h>

static struct test_door *of(struct rh_door *door)
{
    return (struct test_door *)(void *)door;
}

static void handle(struct rh_exchange *x, struct rh_door *door)
{
    of(door)->handled++;
    of(door)->handler(x, of(door)->data);
}

static void fail(struct rh_exchange *x, unsigned status, const char *detail, struct rh_door *door)
{
    (void)door;
    rh_respond_text(x, status, detail != NULL ? detail : "failed");
}

static int freeze(struct rh_door *door)
{
    (void)door;
    return 0;
}

static const char *error(const struct rh_door *door)
{
    (void)door;
    return "";
}

static void ref(struct rh_door *door)
{
    of(door)->references++;
}

static void unref(struct rh_door *door)
{
    of(door)->references--;
}

void test_door_init(struct test_door *door, rh_handler_fn handler, void *data)
{
    memset(door, 0, sizeof *door);
    door->door = (struct rh_door){handle, fail, freeze, error, ref, unref, NULL, 0};
    door->handler = handler;
    door->data = data;
}
