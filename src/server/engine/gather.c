/* A slot is the book-keeping of one place. `touched` of it are resident, `needed` of these hold
 * bytes; the sums over all slots are kept, so that pressure is known without a walk. A walk happens
 * only when there is something to be found: pages to free, or the sum of one owner. */
#include "server/engine/gather.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct rh_gather_slot {
    rh_owner owner;
    uint64_t order;   /* when its piece was begun; 0: free */
    uint32_t touched; /* pages that are resident */
    uint32_t needed;  /* pages that hold bytes */
    uint32_t next;    /* in the free list */
};

_Static_assert(sizeof(struct rh_gather_slot) == RH_GATHER_SLOT_BYTES, "counted in the ceiling");

enum { SHARES = 8 };

static uint32_t pages_of(uint64_t bytes)
{
    return (uint32_t)((bytes + RH_GATHER_PAGE - 1) / RH_GATHER_PAGE);
}

static uint32_t place_pages(const struct rh_gather *g)
{
    return (uint32_t)(g->place_bytes / RH_GATHER_PAGE);
}

int rh_gather_init(struct rh_gather *g, const char *name, size_t piece_bytes, size_t places,
                   uint64_t budget_bytes)
{
    memset(g, 0, sizeof *g);
    g->name = name;
    g->pages_max =
        (uint32_t)(budget_bytes / RH_GATHER_PAGE < UINT32_MAX ? budget_bytes / RH_GATHER_PAGE
                                                              : UINT32_MAX);
    g->share = g->pages_max / SHARES;
    g->place_bytes = (size_t)pages_of(piece_bytes) * RH_GATHER_PAGE;
    /* A place without a page is of no use. */
    g->slots_max = (uint32_t)(places < g->pages_max ? places : g->pages_max);
    g->slots_max = piece_bytes > 0 ? g->slots_max : 0;
    g->free_slot = g->slots_max;
    if (g->slots_max == 0) {
        return 0;
    }
    g->slots = calloc(g->slots_max, sizeof *g->slots);
#if !RH_SLAB_MALLOC
    size_t bytes;
    void *base = MAP_FAILED;
    if (!__builtin_mul_overflow(g->place_bytes, (size_t)g->slots_max, &bytes)) {
        base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    if (g->slots == NULL || base == MAP_FAILED) {
        if (base != MAP_FAILED) {
            munmap(base, bytes);
        }
        free(g->slots);
        g->slots = NULL;
        g->slots_max = 0;
        return -1;
    }
    g->base = base;
#endif
    return g->slots != NULL ? 0 : -1;
}

void rh_gather_fini(struct rh_gather *g)
{
    RH_ASSERT(g->needed == 0);
    if (g->base != NULL) {
        munmap(g->base, g->place_bytes * g->slots_max);
    }
    free(g->slots);
    memset(g, 0, sizeof *g);
}

static void note_need(struct rh_gather *g, struct rh_gather_slot *slot, uint32_t needed)
{
    g->needed = g->needed - slot->needed + needed;
    slot->needed = needed;
    rh_counter_set(&g->in_use, (uint64_t)g->needed * RH_GATHER_PAGE);
    if (rh_counter_get(&g->in_use) > rh_counter_get(&g->in_use_peak)) {
        rh_counter_set(&g->in_use_peak, rh_counter_get(&g->in_use));
    }
}

/* Makes pages beyond those that hold bytes not resident any more, at least `wanted` if there are so
 * many, in all slots but `own`. Free places give all of theirs. */
static uint32_t free_pages(struct rh_gather *g, uint32_t wanted, uint32_t own)
{
    uint32_t freed = 0;
    for (uint32_t i = 0; i < g->fresh && freed < wanted; i++) {
        struct rh_gather_slot *slot = &g->slots[i];
        uint32_t extra = slot->touched - slot->needed;
        if (extra == 0 || i == own) {
            continue;
        }
        if (g->base != NULL) {
            char *at = g->base + (size_t)i * g->place_bytes + (size_t)slot->needed * RH_GATHER_PAGE;
            if (madvise(at, (size_t)extra * RH_GATHER_PAGE, MADV_DONTNEED) != 0) {
                continue; /* locked memory: it stays, and counts */
            }
        }
        slot->touched = slot->needed;
        g->touched -= extra;
        freed += extra;
    }
    return freed;
}

/* Pages of this owner, and whether the piece that began at `order` is its oldest. */
static uint32_t owned(const struct rh_gather *g, rh_owner owner, uint64_t order,
                      bool *ret_is_oldest)
{
    uint32_t pages = 0;
    *ret_is_oldest = true;
    for (uint32_t i = 0; i < g->fresh; i++) {
        const struct rh_gather_slot *slot = &g->slots[i];
        if (slot->order != 0 && slot->owner == owner) {
            pages += slot->needed;
            *ret_is_oldest &= slot->order >= order;
        }
    }
    return pages;
}

static bool is_oldest_of_all(const struct rh_gather *g, uint64_t order)
{
    for (uint32_t i = 0; i < g->fresh; i++) {
        if (g->slots[i].order != 0 && g->slots[i].order < order) {
            return false;
        }
    }
    return true;
}

/* May the piece that began at `order` have `more` pages? */
static bool is_allowed(const struct rh_gather *g, rh_owner owner, uint64_t order, uint32_t more)
{
    uint64_t then = (uint64_t)g->needed + more;
    bool is_oldest;
    if (then > g->pages_max) {
        return false;
    }
    if (owner != 0 && then > g->pages_max / 2 &&
        owned(g, owner, order, &is_oldest) + (uint64_t)more > g->share && !is_oldest) {
        return false;
    }
    return then + place_pages(g) <= g->pages_max || is_oldest_of_all(g, order);
}

/* The next free slot, the warmest first; slots_max if there is none. */
static uint32_t next_slot(const struct rh_gather *g)
{
    return g->free_slot != g->slots_max ? g->free_slot : g->fresh;
}

static void begin_piece(struct rh_gather *g, uint32_t index, rh_owner owner)
{
    struct rh_gather_slot *slot = &g->slots[index];
    if (index == g->free_slot) {
        g->free_slot = slot->next;
    } else {
        g->fresh++;
    }
    slot->owner = owner;
    slot->order = ++g->order;
}

static bool set_room(struct rh_gather *g, struct rh_place *place, uint32_t index, uint32_t pages)
{
#if RH_SLAB_MALLOC
    (void)index;
    char *bytes = realloc(place->bytes, (size_t)pages * RH_GATHER_PAGE);
    if (bytes == NULL) {
        return false;
    }
    place->bytes = bytes;
#else
    place->bytes = g->base + (size_t)index * g->place_bytes;
#endif
    (void)g;
    place->slot = index;
    place->cap = (size_t)pages * RH_GATHER_PAGE;
    return true;
}

enum rh_gather_result rh_gather_take(struct rh_gather *g, struct rh_place *place, rh_owner owner,
                                     size_t len)
{
    if (len > g->place_bytes || g->slots_max == 0) {
        return RH_GATHER_NEVER;
    }
    if (place->bytes != NULL && len <= place->cap) {
        return RH_GATHER_TAKEN;
    }
    bool is_new = place->bytes == NULL;
    uint32_t index = is_new ? next_slot(g) : place->slot;
    uint32_t pages = len > 0 ? pages_of(len) : 1;
    struct rh_gather_slot *slot = index < g->slots_max ? &g->slots[index] : NULL;
    uint64_t order = is_new || slot == NULL ? g->order + 1 : slot->order;
    if (slot == NULL || !is_allowed(g, owner, order, pages - slot->needed)) {
        rh_counter_add(&g->refused, 1);
        return RH_GATHER_WAIT;
    }
    uint32_t more = pages > slot->touched ? pages - slot->touched : 0;
    uint32_t over = g->touched + more > g->pages_max ? g->touched + more - g->pages_max : 0;
    if (over > 0 && free_pages(g, over, index) < over) {
        rh_counter_add(&g->refused, 1);
        return RH_GATHER_WAIT;
    }
    if (!set_room(g, place, index, pages)) {
        rh_counter_add(&g->refused, 1);
        return RH_GATHER_FAILED;
    }
    slot->touched += more;
    g->touched += more;
    if (is_new) {
        begin_piece(g, index, owner);
    }
    note_need(g, slot, pages);
    return RH_GATHER_TAKEN;
}

uint64_t rh_gather_order(const struct rh_gather *g, const struct rh_place *place)
{
    bool has_slot = place->bytes != NULL && place->slot != RH_GATHER_NO_SLOT;
    return has_slot ? g->slots[place->slot].order : UINT64_MAX;
}

void rh_gather_give_back(struct rh_gather *g, struct rh_place *place)
{
    if (place->bytes == NULL || place->slot == RH_GATHER_NO_SLOT) {
        return;
    }
    struct rh_gather_slot *slot = &g->slots[place->slot];
    RH_ASSERT(slot->order != 0);
#if RH_SLAB_MALLOC
    free(place->bytes);
    g->touched -= slot->touched;
    slot->touched = 0;
#endif
    note_need(g, slot, 0);
    slot->order = 0;
    slot->next = g->free_slot;
    g->free_slot = place->slot;
    memset(place, 0, sizeof *place);
}

uint64_t rh_gather_trim(struct rh_gather *g)
{
    return (uint64_t)free_pages(g, UINT32_MAX, UINT32_MAX) * RH_GATHER_PAGE;
}
