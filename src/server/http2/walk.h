/* Walks over frames without looking into them: where each head is, however the bytes are cut. */
#ifndef RH_SERVER_HTTP2_WALK_H
#define RH_SERVER_HTTP2_WALK_H

#include <stddef.h>
#include <stdint.h>

enum { RH_WALK_HEAD = 9 };

struct rh_walk {
    uint32_t left; /* bytes to the next head */
    uint8_t have;  /* bytes of the head that is arriving */
    uint8_t head[RH_WALK_HEAD];
};

static inline uint32_t rh_walk_length(const struct rh_walk *w)
{
    return (uint32_t)w->head[0] << 16 | (uint32_t)w->head[1] << 8 | w->head[2];
}

static inline unsigned rh_walk_type(const struct rh_walk *w)
{
    return w->head[3];
}

static inline unsigned rh_walk_flags(const struct rh_walk *w)
{
    return w->head[4];
}

static inline int32_t rh_walk_stream(const struct rh_walk *w)
{
    return (int32_t)(((uint32_t)w->head[5] & 0x7f) << 24 | (uint32_t)w->head[6] << 16 |
                     (uint32_t)w->head[7] << 8 | w->head[8]);
}

/* Goes on to the end of the next head. Returns how many bytes that took; `have` is RH_WALK_HEAD if
 * the head is complete. */
size_t rh_walk_next(struct rh_walk *w, const uint8_t *bytes, size_t len);

#endif
