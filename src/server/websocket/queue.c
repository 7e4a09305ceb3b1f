/* Frames that fit are copied behind each other into the output, so that a burst of small messages
 * is one write; a large one leaves by reference, uncopied, and is freed when it is written. Ways to
 * fail: the limits, at the creation of a frame; everything after it succeeds. */
#include "server/websocket/queue.h"

#include <stdlib.h>
#include <string.h>

#include "server/session.h"

enum { BY_REFERENCE_MIN = 4096, HEAD_ROOM = 10 };

/* The bookkeeping counts too: a limit on payload alone would let tiny frames take a multiple of it.
 */
size_t rh_ws_entry_cost(size_t frame_len)
{
    return sizeof(struct rh_ws_entry) + 16 + frame_len;
}

static size_t cost_of(const struct rh_ws_entry *entry)
{
    return entry->is_control ? 0 : rh_ws_entry_cost(entry->shared != NULL ? 0 : entry->len);
}

static struct rh_ws_entry *create(struct rh_ws_store *store, size_t own_bytes)
{
    size_t cost = rh_ws_entry_cost(own_bytes);
    if (!rh_ws_store_take(store, cost)) {
        return NULL;
    }
    struct rh_ws_entry *entry = malloc(sizeof *entry + own_bytes);
    if (entry == NULL) {
        rh_ws_store_give(store, cost);
        return NULL;
    }
    entry->shared = NULL;
    entry->is_control = false;
    return entry;
}

struct rh_ws_entry *rh_ws_entry_create(struct rh_ws_store *store, enum rh_ws_opcode opcode,
                                       bool is_final, bool is_compressed, size_t payload_len,
                                       char **ret_payload)
{
    size_t head = rh_ws_head_bytes(payload_len);
    struct rh_ws_entry *entry = create(store, head + payload_len);
    if (entry != NULL) {
        entry->len = (uint32_t)(head + payload_len);
        rh_ws_write_head(entry->bytes, opcode, is_final, is_compressed, payload_len);
        *ret_payload = entry->bytes + head;
    }
    return entry;
}

struct rh_ws_entry *rh_ws_entry_create_room(struct rh_ws_store *store, size_t payload_max,
                                            char **ret_payload)
{
    struct rh_ws_entry *entry = create(store, HEAD_ROOM + payload_max);
    if (entry != NULL) {
        entry->len = (uint32_t)(HEAD_ROOM + payload_max);
        *ret_payload = entry->bytes + HEAD_ROOM;
    }
    return entry;
}

struct rh_ws_entry *rh_ws_entry_finish(struct rh_ws_store *store, struct rh_ws_entry *entry,
                                       enum rh_ws_opcode opcode, bool is_compressed,
                                       size_t payload_len)
{
    size_t head = rh_ws_head_bytes(payload_len);
    size_t had = entry->len;
    memmove(entry->bytes + head, entry->bytes + HEAD_ROOM, payload_len);
    rh_ws_write_head(entry->bytes, opcode, true, is_compressed, payload_len);
    entry->len = (uint32_t)(head + payload_len);
    rh_ws_store_give(store, had - entry->len);
    struct rh_ws_entry *smaller = realloc(entry, sizeof *entry + entry->len);
    return smaller != NULL ? smaller : entry;
}

struct rh_ws_entry *rh_ws_entry_create_control(enum rh_ws_opcode opcode, struct rh_slice payload)
{
    size_t head = rh_ws_head_bytes(payload.len);
    struct rh_ws_entry *entry = malloc(sizeof *entry + head + payload.len);
    RH_ASSERT(payload.len <= RH_WS_CONTROL_BYTES_MAX);
    if (entry != NULL) {
        entry->shared = NULL;
        entry->is_control = true;
        entry->len = (uint32_t)(head + payload.len);
        rh_ws_write_head(entry->bytes, opcode, true, false, payload.len);
        memcpy(entry->bytes + head, payload.base, payload.len);
    }
    return entry;
}

struct rh_ws_entry *rh_ws_entry_create_shared(struct rh_ws_store *store,
                                              struct rh_ws_shared *shared)
{
    struct rh_ws_entry *entry = create(store, 0);
    if (entry != NULL) {
        shared->references++;
        entry->shared = shared;
        entry->len = (uint32_t)shared->len;
    }
    return entry;
}

void rh_ws_shared_unref(struct rh_ws_shared *shared)
{
    if (--shared->references == 0) {
        shared->free_fn(shared);
    }
}

void rh_ws_entry_destroy(struct rh_ws_store *store, struct rh_ws_entry *entry)
{
    rh_ws_store_give(store, cost_of(entry));
    if (entry->shared != NULL) {
        rh_ws_shared_unref(entry->shared);
    }
    free(entry);
}

/* --- Rings --------------------------------------------------------------------------------------
 */

static void ring_push(struct rh_ws_entry **last, struct rh_ws_entry *entry)
{
    if (*last == NULL) {
        entry->next = entry;
    } else {
        entry->next = (*last)->next;
        (*last)->next = entry;
    }
    *last = entry;
}

static struct rh_ws_entry *ring_pop(struct rh_ws_entry **last)
{
    struct rh_ws_entry *first = (*last)->next;
    if (first == *last) {
        *last = NULL;
    } else {
        (*last)->next = first->next;
    }
    return first;
}

/* Moves all of `other` behind `last`. */
static void ring_join(struct rh_ws_entry **last, struct rh_ws_entry **other)
{
    if (*other == NULL) {
        return;
    }
    if (*last != NULL) {
        struct rh_ws_entry *first = (*last)->next;
        (*last)->next = (*other)->next;
        (*other)->next = first;
    }
    *last = *other;
    *other = NULL;
}

static void push(struct rh_ws_queue *queue, struct rh_ws_entry **last, struct rh_ws_entry *entry)
{
    queue->bytes += (uint32_t)cost_of(entry);
    ring_push(last, entry);
}

void rh_ws_queue_push(struct rh_ws_queue *queue, struct rh_ws_entry *entry)
{
    push(queue, queue->is_fragmenting ? &queue->later : &queue->last, entry);
}

void rh_ws_queue_push_fragment(struct rh_ws_queue *queue, struct rh_ws_entry *entry, bool is_last)
{
    push(queue, &queue->last, entry);
    queue->is_fragmenting = !is_last;
    if (is_last) {
        ring_join(&queue->last, &queue->later);
    }
}

static void ring_drop(struct rh_ws_queue *queue, struct rh_ws_store *store,
                      struct rh_ws_entry **last)
{
    while (*last != NULL) {
        struct rh_ws_entry *entry = ring_pop(last);
        queue->bytes -= (uint32_t)cost_of(entry);
        rh_ws_entry_destroy(store, entry);
    }
}

void rh_ws_queue_push_close(struct rh_ws_queue *queue, struct rh_ws_store *store,
                            struct rh_ws_entry *entry)
{
    ring_drop(queue, store, &queue->later);
    queue->is_fragmenting = false;
    push(queue, &queue->last, entry);
}

void rh_ws_queue_push_control(struct rh_ws_queue *queue, struct rh_ws_entry *entry)
{
    RH_ASSERT(entry->is_control && rh_ws_queue_has_control_room(queue));
    ring_push(&queue->control, entry);
    queue->control_n++;
}

/* --- Leaving ------------------------------------------------------------------------------------
 */

static void pop(struct rh_ws_queue *queue, struct rh_ws_store *store)
{
    struct rh_ws_entry *first = ring_pop(&queue->last);
    queue->bytes -= (uint32_t)cost_of(first);
    queue->at = 0;
    rh_ws_entry_destroy(store, first);
}

static const char *frame_of(const struct rh_ws_entry *entry)
{
    return entry->shared != NULL ? entry->shared->frame : entry->bytes;
}

/* False if a control frame must wait for room. */
static bool pull_controls(struct rh_ws_queue *queue, struct rh_ws_store *store,
                          struct rh_output *out, bool *ret_added)
{
    while (queue->control != NULL) {
        struct rh_ws_entry *entry = queue->control->next;
        if (rh_output_room(out) < entry->len) {
            return false;
        }
        memcpy(rh_output_tail(out), entry->bytes, entry->len);
        rh_output_added(out, entry->len);
        rh_ws_entry_destroy(store, ring_pop(&queue->control));
        queue->control_n--;
        *ret_added = true;
    }
    return true;
}

/* The first frame, as far as there is room. RH_PULL_NOTHING: all of it was copied. */
static enum rh_pull pull_first(struct rh_ws_queue *queue, struct rh_output *out)
{
    const struct rh_ws_entry *first = queue->last->next;
    const char *rest = frame_of(first) + queue->at;
    size_t len = first->len - queue->at;
    size_t room = rh_output_room(out);
    if (len > room && len >= BY_REFERENCE_MIN && room > 0) {
        out->ref = (struct rh_slice){rest, len};
        queue->is_referenced = true;
        return RH_PULL_ADDED;
    }
    size_t n = len < room ? len : room;
    memcpy(rh_output_tail(out), rest, n);
    rh_output_added(out, n);
    queue->at += (uint32_t)n;
    return n < len ? RH_PULL_FULL : RH_PULL_NOTHING;
}

enum rh_pull rh_ws_queue_pull(struct rh_ws_queue *queue, struct rh_ws_store *store,
                              struct rh_output *out)
{
    bool added = false;
    if (queue->is_referenced) {
        return RH_PULL_NOTHING;
    }
    for (;;) {
        if (queue->at == 0 && !pull_controls(queue, store, out, &added)) {
            return RH_PULL_FULL;
        }
        if (queue->last == NULL) {
            return added ? RH_PULL_ADDED : RH_PULL_NOTHING;
        }
        enum rh_pull result = pull_first(queue, out);
        if (result != RH_PULL_NOTHING) {
            return result;
        }
        pop(queue, store);
        added = true;
    }
}

void rh_ws_queue_sent(struct rh_ws_queue *queue, struct rh_ws_store *store)
{
    if (queue->is_referenced) {
        queue->is_referenced = false;
        pop(queue, store);
    }
}

void rh_ws_queue_drop(struct rh_ws_queue *queue, struct rh_ws_store *store, bool all)
{
    struct rh_ws_entry *kept = NULL;
    if (!all && queue->last != NULL && (queue->at > 0 || queue->is_referenced)) {
        kept = ring_pop(&queue->last);
    }
    ring_drop(queue, store, &queue->last);
    ring_drop(queue, store, &queue->later);
    ring_drop(queue, store, &queue->control);
    queue->control_n = 0;
    queue->is_fragmenting = false;
    if (kept != NULL) {
        ring_push(&queue->last, kept);
    } else {
        queue->at = 0;
        queue->is_referenced = false;
    }
}
