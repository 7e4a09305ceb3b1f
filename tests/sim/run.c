/* A run: a server, its visitors and what befalls both, until all peers are through; then nothing
 * fails any more, and all of it must come to an end: peers, deals, server, loop. Another server
 * follows one that was closed on the way. */
#include "sim/run.h"

#include <string.h>
#include <uv.h>

#include "sim/clock.h"
#include "sim/deal.h"
#include "sim/net.h"
#include "sim/peer.h"
#include "sim/site.h"
#include "sim/uv.h"
#include "util/assert.h"

enum { STEPS_MAX = 60000, CALM_MAX_US = 300 * 1000000, ACTIONS = 6 };

static uv_loop_t loop;
static uv_timer_t tick;
static uint64_t calm_since_us;

/* --- The plan --------------------------------------------------------------------------------- */

static unsigned often(unsigned percent, unsigned max)
{
    return sim_percent(percent) ? (unsigned)sim_pick(max + 1) : 0;
}

struct sim_plan run_plan(uint64_t seed)
{
    sim_seed(seed);
    if (sim_percent(10)) {
        return (struct sim_plan){.peers = 1 + (unsigned)sim_pick(40),
                                 .crowd = 1 + (unsigned)sim_pick(20),
                                 .requests = 1 + (unsigned)sim_pick(8),
                                 .tls = often(50, 100),
                                 .bodies = often(80, 100),
                                 .pipeline = often(60, 100),
                                 .partial = often(70, 90),
                                 .hooks = often(70, 60)};
    }
    struct sim_plan plan = {
        .peers = 1 + (unsigned)sim_pick(sim_percent(20) ? 120 : 30),
        .crowd = 1 + (unsigned)sim_pick(20),
        .requests = 1 + (unsigned)sim_pick(8),
        .tls = often(50, 100),
        .second = often(40, 60),
        .hostile = often(50, 40),
        .bodies = often(80, 100),
        .pipeline = often(60, 100),
        .cuts = often(60, 50),
        .stalls = often(40, 60),
        .partial = often(70, 90),
        .pauses = often(30, 20),
        .later = often(80, 90),
        .wild = often(70, 50),
        .endings = often(40, 30),
        .threads = often(60, 40),
        .memory = often(30, 20),
        .descriptors = often(30, 60),
        .hooks = often(70, 60),
        .small = sim_percent(30),
    };
    if (plan.memory > 0) {
        plan.second =
            0; /* nghttp2 1.52 frees twice what nghttp2_submit_data had no memory to queue */
    }
    return plan;
}

/* --- The world, as our libuv asks for it ------------------------------------------------------ */

static bool act_once(void)
{
    size_t work = uvs_work_waiting();
    switch (sim_pick(8)) {
    case 0:
        if (site_listens() && peers_add()) {
            return true;
        }
        break;
    case 1:
        if (deal_run_thread()) {
            return true;
        }
        break;
    case 2:
        if (work > 0) {
            uvs_work_run(sim_pick(work));
            return true;
        }
        break;
    default:
        break;
    }
    return peers_act();
}

void sim_world_act(void)
{
    for (size_t n = sim_pick(ACTIONS); n > 0; n--) {
        if (!act_once()) {
            break;
        }
        sim.now_us += sim_pick(50);
    }
}

uint64_t sim_world_next_us(void)
{
    bool can_add = site_listens() && peers_left() > 0 && peers_open_now() < sim.plan.crowd;
    if (can_add || peers_can_act() || deal_threads() > 0 || uvs_work_waiting() > 0) {
        return sim.now_us;
    }
    return peers_next_us();
}

unsigned sim_world_events(int fd)
{
    return net_events(fd);
}

void sim_world_interleave(void)
{
    static bool inside;
    if (inside || !sim_permille(20)) {
        return;
    }
    inside = true;
    size_t work = uvs_work_waiting();
    if (work > 0 && sim_percent(50)) {
        uvs_work_run(sim_pick(work));
    } else {
        deal_run_thread();
    }
    inside = false;
}

void sim_world_stuck(void)
{
    sim_fail("the loop sleeps for ever");
}

/* --- The run ---------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
    deal_run_later();
    if (!sim.calm && sim_percent(sim.plan.endings) && sim_percent(3)) {
        sim_server_move();
    }
    uv_stop(&loop);
}

static void turn(void)
{
    if (!sim.calm && sim_permille(sim.plan.pauses)) {
        sim.now_us += sim_pick(3000000); /* somebody else has the machine */
    }
    uv_run(&loop, sim_percent(50) ? UV_RUN_DEFAULT : sim_percent(80) ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    site_check();
}

static void be_calm(void)
{
    if (!sim.calm) {
        sim_trace("calm");
        sim.calm = true;
        calm_since_us = sim.now_us;
    }
    if (sim.now_us - calm_since_us > CALM_MAX_US) {
        site_tell();
        sim_fail("not all comes to an end: %u connections are left", peers_open_now());
    }
}

static void run_loop(void)
{
    site_open(&loop);
    for (;;) {
        turn();
        if (sim.steps > STEPS_MAX || (peers_left() == 0 && peers_open_now() == 0)) {
            be_calm();
        }
        if (!site_turn()) {
            if (peers_left() == 0) {
                return;
            }
            site_open(&loop);
        }
        if (sim.calm && peers_open_now() == 0) {
            site_close();
        }
    }
}

void run_one(uint64_t seed, const struct sim_plan *plan)
{
    memset(&sim, 0, sizeof sim);
    sim.plan = *plan;
    sim.now_us = 1000000;
    sim_seed(seed ^ 0x5eed);
    sim_clock_seed(seed);
    RH_IGNORE(uv_loop_init(&loop));
    RH_IGNORE(uv_timer_init(&loop, &tick));
    RH_IGNORE(uv_timer_start(&tick, on_tick, 1, 1 + sim_pick(10)));
    run_loop();
    uv_close((uv_handle_t *)&tick, NULL);
    be_calm();
    while (uv_run(&loop, UV_RUN_NOWAIT) != 0) {
        be_calm();
    }
    SIM_CHECK(uv_loop_close(&loop) == 0, "handles or requests are left on the loop");
    for (unsigned i = 0; i < deal_count(); i++) {
        deal_check_end(deal_find(i));
    }
    SIM_CHECK(net_open_count() == 0, "%zu descriptors are left open", net_open_count());
    if ((sim.plan.memory_at | sim.plan.call_at) > 0) {
        sim_check_leaks();
    }
    struct sim_result result = {sim.hash,     sim.steps,       peers_answers(),
                                deal_count(), sim.allocations, sim.calls};
    sim_report(&result);
}
