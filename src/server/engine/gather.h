/* Memory for what must lie in one piece: whole request bodies, and copies of answers that fit no
 * arena. It grows with the bytes that are there, page by page and in place, out of one budget: a
 * length that was announced costs nothing.
 *
 * Each user has a place, address space for the largest piece that may come. Pages of it are counted
 * when they are first needed; those of a place that was given back stay, to be used again without a
 * system call, until somebody else needs their room. So what is resident is never above the budget.
 *
 * Two rules keep strangers from taking it all. The last part of the budget, as much as one piece
 * may need, is for the oldest piece alone, so that there is always one that can be completed. And
 * when more than half is in use, the pieces of one address hold no more than a share of it, but for
 * the oldest of them. A peer on this machine (loopback, a unix socket) has no share: it may be a
 * proxy. */
#ifndef RH_SERVER_ENGINE_GATHER_H
#define RH_SERVER_ENGINE_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rh-build.h"
#include "util/assert.h"
#include "util/counter.h"

enum { RH_GATHER_PAGE = 4096, RH_GATHER_SLOT_BYTES = 32 /* of book-keeping for each place */ };

/* Who a piece is gathered for: an IPv4 address, the first 64 bits of an IPv6 address, or 0 for
 * nobody who has a share. */
typedef uint64_t rh_owner;

/* A user's part: zero at first, and after rh_gather_give_back. */
struct rh_place {
    char *bytes;   /* the piece; NULL: none was taken */
    size_t cap;    /* how much of it may be written */
    uint32_t slot; /* with `bytes` */
};

/* `slot` of a place whose memory is somebody else's: it is never given back here. */
#define RH_GATHER_NO_SLOT UINT32_MAX

struct rh_gather_slot;

struct rh_gather {
    const char *name; /* for metrics: a literal */
    char *base;       /* address space of all places; NULL where each is a malloc */
    struct rh_gather_slot *slots;
    size_t place_bytes; /* of one place, in whole pages */
    uint32_t slots_max;
    uint32_t fresh;     /* slots from here on were never used */
    uint32_t free_slot; /* the first of the free list, last in first out; slots_max: none */
    uint32_t pages_max; /* the budget */
    uint32_t share;     /* pages of one owner under pressure */
    uint32_t needed;    /* pages that hold bytes of a user */
    uint32_t touched;   /* pages that are resident: these, and what is kept to be used again */
    uint64_t order;     /* counts the pieces that were begun */
    rh_counter
        in_use; /* bytes that hold bytes of a user, and the most that ever did: for metrics */
    rh_counter in_use_peak;
    rh_counter refused; /* how often there was no room */
};

enum rh_gather_result {
    RH_GATHER_TAKEN,
    RH_GATHER_WAIT, /* not now: when somebody gives back */
    RH_GATHER_NEVER, /* it is more than one place holds */
    RH_GATHER_FAILED /* the system has no memory, and nobody's giving back would tell when it has */
};

/* Reserves address space for `places` pieces of up to `piece_bytes` each, which use `budget_bytes`
 * together. 0 or -1. */
int RH_MUST_CHECK rh_gather_init(struct rh_gather *gather, const char *name, size_t piece_bytes,
                                 size_t places, uint64_t budget_bytes);
/* Returns the address space; asserts that every place was given back. */
void rh_gather_fini(struct rh_gather *gather);

/* Makes room for a piece of `len` bytes, of which those that are there stay. The piece may move. */
enum rh_gather_result rh_gather_take(struct rh_gather *gather, struct rh_place *place,
                                     rh_owner owner, size_t len);
/* Returns the place, if it has one. */
void rh_gather_give_back(struct rh_gather *gather, struct rh_place *place);

/* When the piece was begun, counted; UINT64_MAX if there is none. */
uint64_t rh_gather_order(const struct rh_gather *gather, const struct rh_place *place);

/* Returns the pages that nobody needs to the system; how many bytes. */
uint64_t rh_gather_trim(struct rh_gather *gather);

#endif
