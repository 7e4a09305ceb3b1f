/* The engines of the process, under a lock that a failing thread only tries: whoever has it may be
 * the one that failed. Without an engine, or without its log, the line goes to stderr. */
#include "server/engine/fatal.h"

#include <pthread.h>
#include <stdio.h>

#include "server/engine/engine.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rh_link engines = {&engines, &engines};

static struct rh_engine *find_engine(void)
{
    struct rh_engine *found = NULL;
    for (struct rh_link *link = engines.prev; link != &engines; link = link->prev) {
        struct rh_engine *engine = RH_CONTAINER_OF(link, struct rh_engine, link);
        found = engine;
        if (engine->thread == rh_thread_self()) {
            break;
        }
    }
    return found;
}

static void on_assertion_failed(const char *condition, const char *file, int line)
{
    bool is_ours = pthread_mutex_trylock(&lock) == 0;
    struct rh_engine *engine = is_ours ? find_engine() : NULL;
    if (engine != NULL && rh_engine_logs(engine, RH_LOG_ERROR)) {
        rh_engine_log(engine, RH_LOG_ERROR, "assertion failed: %s (%s:%d)", condition, file, line);
    } else {
        fprintf(stderr, "rawhttp-uv: assertion failed: %s (%s:%d)\n", condition, file, line);
    }
    if (is_ours) {
        pthread_mutex_unlock(&lock);
    }
}

void rh_fatal_watch(struct rh_engine *engine)
{
    pthread_mutex_lock(&lock);
    rh_list_push_back(&engines, &engine->link);
    rh_assert_hook_set(on_assertion_failed);
    pthread_mutex_unlock(&lock);
}

void rh_fatal_forget(struct rh_engine *engine)
{
    pthread_mutex_lock(&lock);
    rh_list_remove(&engine->link);
    pthread_mutex_unlock(&lock);
}
