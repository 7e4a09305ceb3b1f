/* The list of all deals of a run. */
#include "sim/deal.h"

#include <string.h>

enum { DEALS_MAX = 1 << 16 };

static struct deal *deals[DEALS_MAX];
static unsigned deals_n;

void deal_fill(unsigned id, size_t at, char *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = deal_byte(id, at + i);
    }
}

struct deal *deal_create(void)
{
    struct deal *d = sim_alloc(sizeof *d);
    SIM_CHECK(deals_n < DEALS_MAX, "too many deals in one run");
    d->id = deals_n;
    deals[deals_n++] = d;
    return d;
}

struct deal *deal_find(unsigned id)
{
    return id < deals_n ? deals[id] : NULL;
}

unsigned deal_count(void)
{
    return deals_n;
}

void deal_check_end(const struct deal *d)
{
    unsigned id = d->id;
    SIM_CHECK(d->calls == 0, "deal %u: a callback never returned", id);
    SIM_CHECK(!d->held && !d->stream_open, "deal %u: still held", id);
    SIM_CHECK(!d->asked || d->over || d->answered, "deal %u: the end of its body was never told",
              id);
    SIM_CHECK(!d->source_open, "deal %u: its source was never closed", id);
    SIM_CHECK(d->frees == 0, "deal %u: its memory was never given back", id);
    SIM_CHECK(d->posts == 0 && d->threads == 0, "deal %u: a post never ran", id);
    SIM_CHECK(!d->watches || d->ended, "deal %u: its outcome was never told", id);
    SIM_CHECK(!sim_plan_is_pure(&sim.plan) || d->served || d->hub || d->hostile || d->source_fails,
              "deal %u: nothing was wrong, and it was not served", id);
}
