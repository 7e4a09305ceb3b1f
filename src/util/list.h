/* Intrusive doubly linked list: the head and every link are a struct rh_link in a ring. */
#ifndef RH_UTIL_LIST_H
#define RH_UTIL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct rh_link {
    struct rh_link *next;
    struct rh_link *prev;
};

static inline void rh_list_init(struct rh_link *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool rh_list_is_empty(const struct rh_link *head)
{
    return head->next == head;
}

/* Puts `link`, which is in no list, first. */
static inline void rh_list_push_front(struct rh_link *list, struct rh_link *link)
{
    link->next = list->next;
    link->prev = list;
    list->next->prev = link;
    list->next = link;
}

static inline void rh_list_push_back(struct rh_link *head, struct rh_link *link)
{
    link->next = head;
    link->prev = head->prev;
    head->prev->next = link;
    head->prev = link;
}

/* Takes the link out of its list and leaves it undefined: for one that is pushed again at once. */
static inline void rh_list_unlink(struct rh_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

/* Takes the link out of its list; a link that stands alone (init) may be removed again. */
static inline void rh_list_remove(struct rh_link *link)
{
    rh_list_unlink(link);
    link->next = link;
    link->prev = link;
}

#endif
