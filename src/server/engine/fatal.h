/* A failed assertion reaches the log of a server before the process aborts: of the one whose thread
 * it is, else of the one that was created first. */
#ifndef RH_SERVER_ENGINE_FATAL_H
#define RH_SERVER_ENGINE_FATAL_H

struct rh_engine;

void rh_fatal_watch(struct rh_engine *engine);
void rh_fatal_forget(struct rh_engine *engine);

#endif
