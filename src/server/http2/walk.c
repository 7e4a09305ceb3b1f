#include "server/http2/walk.h"

size_t rh_walk_next(struct rh_walk *w, const uint8_t *bytes, size_t len)
{
    size_t used = w->left < len ? w->left : len;
    if (w->have == RH_WALK_HEAD) {
        w->have = 0;
    }
    w->left -= (uint32_t)used;
    while (used < len && w->have < RH_WALK_HEAD) {
        w->head[w->have++] = bytes[used++];
    }
    if (w->have == RH_WALK_HEAD) {
        w->left = rh_walk_length(w);
    }
    return used;
}
