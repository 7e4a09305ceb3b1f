/* A health check that knows of the shutdown, and a handler that fails. */
#include "program/demo/demo.h"

/* 503 from the first signal on: a load balancer stops sending while connections are still taken. */
static void healthz(struct rh_exchange *x, void *data)
{
    (void)data;
    if (rh_server_is_draining(rh_exchange_server(x)))
        rh_respond_text(x, 503, "draining");
    else
        rh_respond_text(x, 200, "ok");
}

/* Returns without an answer and without a deferral: the library answers 500 and logs the route. */
static void panic(struct rh_exchange *x, void *data)
{
    (void)data;
    rh_exchange_log(x, RH_LOG_ERROR, "/panic: this handler fails on purpose");
}

void demo_health_add(struct rh_app *app)
{
    rh_app_get(app, "/healthz", healthz, NULL);
    rh_app_get(app, "/panic", panic, NULL);
}
