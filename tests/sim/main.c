/* sim [--seconds N] [--runs N] [--seed S] [--set NAME=VALUE]... [--faults] [--trace]: runs one seed
 * after the other, each in a process of its own, so that a run begins with the same memory
 * whichever runs were before it. Every fourth is run twice: the trace must be the same. A run that
 * fails is shrunk: what it does not need for its failure is taken out of its plan. */
#include <dirent.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/clock.h"
#include "sim/peer.h"
#include "sim/run.h"
#include "sim/site.h"
#include "util/assert.h"

enum { RUN_SECONDS_MAX = 10, TRACE_LINES = 60, SHRINKS_MAX = 120, SHRINK_SECONDS = 60 };

struct change {
    const char *name;
    unsigned value;
};

enum { CHANGES_MAX = 64 };

static struct {
    unsigned seconds;
    uint64_t runs;
    uint64_t seed;
    struct change changes[CHANGES_MAX];
    size_t changes_n;
    bool traces;
    bool faults; /* each allocation and each call of one run fails, one after the other */
} options = {.seconds = 60, .runs = UINT64_MAX, .seed = 1};

/* --- Plans ------------------------------------------------------------------------------------ */

static const struct field {
    const char *name;
    const char *text;
    size_t at;
} fields[] = {
#define FIELD(name, text) {#name, text, offsetof(struct sim_plan, name)},
    SIM_PLAN(FIELD)
#undef FIELD
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static unsigned *field_of(struct sim_plan *plan, size_t index)
{
    return (unsigned *)(void *)((char *)plan + fields[index].at);
}

static struct sim_plan plan_of(uint64_t seed)
{
    struct sim_plan plan = run_plan(seed);
    for (size_t i = 0; i < options.changes_n; i++) {
        for (size_t k = 0; k < FIELDS; k++) {
            if (strcmp(options.changes[i].name, fields[k].name) == 0) {
                *field_of(&plan, k) = options.changes[i].value;
            }
        }
    }
    return plan;
}

static void print_plan(uint64_t seed, struct sim_plan plan)
{
    printf("    sim --seed %llu --runs 1", (unsigned long long)seed);
    for (size_t i = 0; i < FIELDS; i++) {
        printf(" --set %s=%u", fields[i].name, *field_of(&plan, i));
    }
    printf(" --trace\n");
}

/* --- One run, in a process of its own --------------------------------------------------------- */

static void on_time_over(int signal)
{
    (void)signal;
    sim_trace_stack();
    sim_fail("it runs in circles: %d seconds of CPU time are over", RUN_SECONDS_MAX);
}

/* 0, or how it ended: an exit status, or 128 and the signal. */
static int run_child(uint64_t seed, const struct sim_plan *plan, bool is_quiet)
{
    int status;
    fflush(NULL);
    sim_trace_reset();
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CPU, &(struct rlimit){RUN_SECONDS_MAX, RUN_SECONDS_MAX + 1});
        signal(SIGXCPU, on_time_over);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        if (is_quiet) {
            RH_IGNORE(freopen("/dev/null", "w", stderr) != NULL);
        }
        run_one(seed, plan);
        fflush(NULL);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return 255;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* --- Failures --------------------------------------------------------------------------------- */

/* Numbers in a text, those of deals, differ from run to run; a sanitizer's places do not. */
static bool is_same(int code, const char *text, int other, const char *other_text)
{
    bool has_place = strncmp(text, "SUMMARY", 7) == 0;
    while (!has_place && *text != '\0' && *other_text != '\0') {
        text += strspn(text, "0123456789");
        other_text += strspn(other_text, "0123456789");
        size_t len = strcspn(text, "0123456789");
        if (strncmp(text, other_text, len) != 0) {
            return false;
        }
        text += len;
        other_text += len;
    }
    return code == other && strcmp(text, other_text) == 0;
}

static double seconds_now(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC); /* clock_gettime is the simulation's */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct search {
    uint64_t seed;
    struct sim_plan plan;
    int code;
    const char *text;
    double until;
    unsigned tries;
};

static bool goes_on(const struct search *search)
{
    return search->tries < SHRINKS_MAX && seconds_now() < search->until;
}

/* The smallest value of this field with which it still fails, by halves. True: smaller than before.
 */
static bool shrink_field(struct search *search, size_t index)
{
    unsigned *value = field_of(&search->plan, index);
    unsigned old = *value;
    unsigned least = index < 3 ? 1 : 0; /* one peer with one request has to stay */
    for (unsigned next = least; next < old && goes_on(search); next += (old - next + 1) / 2) {
        *value = next;
        search->tries++;
        if (is_same(search->code, search->text, run_child(search->seed, &search->plan, true),
                    sim_failure())) {
            return true;
        }
        *value = old;
        if (old - next <= 1) {
            break;
        }
    }
    return false;
}

/* Takes out of the plan what the failure does not need. */
static struct sim_plan shrink(uint64_t seed, struct sim_plan plan, int code, const char *text)
{
    struct search search = {seed, plan, code, text, seconds_now() + SHRINK_SECONDS, 0};
    bool shrunk = true;
    while (shrunk && goes_on(&search)) {
        shrunk = false;
        for (size_t i = 0; i < FIELDS; i++) {
            shrunk |= shrink_field(&search, i);
        }
    }
    return search.plan;
}

static void report(uint64_t seed, struct sim_plan plan, int code)
{
    char text[512];
    snprintf(text, sizeof text, "%s", sim_failure());
    printf("seed %llu failed (%d): %s\n", (unsigned long long)seed, code,
           text[0] != '\0' ? text : "see above");
    print_plan(seed, plan);
    printf("shrinking it\n");
    plan = shrink(seed, plan, code, text);
    int again = run_child(seed, &plan, false);
    printf("the smallest plan that was found (%d): %s\n", again, sim_failure());
    print_plan(seed, plan);
    printf("the end of its trace:\n");
    sim_trace_print(options.traces ? UINT_MAX : TRACE_LINES);
}

/* --- The command line ------------------------------------------------------------------------- */

static void usage(const char *why)
{
    fprintf(stderr,
            "sim: %s\nusage: sim [--seconds N] [--runs N] [--seed S] [--set NAME=VALUE]... "
            "[--faults] [--trace]\n",
            why);
    for (size_t i = 0; i < FIELDS; i++) {
        fprintf(stderr, "  --set %s=N: %s\n", fields[i].name, fields[i].text);
    }
    exit(2);
}

static void set(char *text)
{
    char *equal = strchr(text, '=');
    if (equal == NULL || options.changes_n == CHANGES_MAX) {
        usage("--set takes NAME=VALUE");
    }
    *equal = '\0';
    options.changes[options.changes_n++] =
        (struct change){text, (unsigned)strtoul(equal + 1, NULL, 10)};
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0 || strcmp(argv[i], "--faults") == 0) {
            *(argv[i][2] == 't' ? &options.traces : &options.faults) = true;
            continue;
        }
        if (i + 1 == argc) {
            usage("an option without its value");
        }
        char *value = argv[++i];
        if (strcmp(argv[i - 1], "--seconds") == 0) {
            options.seconds = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--runs") == 0) {
            options.runs = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--seed") == 0) {
            options.seed = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--set") == 0) {
            set(value);
        } else {
            usage("unknown option");
        }
    }
}

/* --- All runs --------------------------------------------------------------------------------- */

/* 0, or 1 and a report. */
static int run_all(void)
{
    struct sim_result sum = {0};
    uint64_t runs = 0;
    double until = seconds_now() + options.seconds;
    for (; runs < options.runs && seconds_now() < until; runs++) {
        uint64_t seed = options.seed + runs;
        struct sim_plan plan = plan_of(seed);
        int code = run_child(seed, &plan, false);
        struct sim_result result = sim_reported();
        if (options.traces && options.runs == 1 && code == 0) {
            sim_trace_print(UINT_MAX);
        }
        if (code == 0 && runs % 4 == 0) {
            code = run_child(seed, &plan, false);
            if (code == 0 && sim_reported().hash != result.hash) {
                printf("seed %llu: its second run differs\n", (unsigned long long)seed);
                print_plan(seed, plan);
                return 1;
            }
        }
        if (code != 0) {
            report(seed, plan, code);
            return 1;
        }
        sum.steps += result.steps;
        sum.answers += result.answers;
        sum.deals += result.deals;
    }
    if (runs >= 10 && sum.answers * 5 < sum.deals) { /* it would find nothing, and say so */
        printf("only %llu of %llu requests were answered: a call of the library is not simulated\n",
               (unsigned long long)sum.answers, (unsigned long long)sum.deals);
        return 1;
    }
    printf("%llu runs, %llu steps, %llu requests, %llu answers, nothing found\n",
           (unsigned long long)runs, (unsigned long long)sum.steps, (unsigned long long)sum.deals,
           (unsigned long long)sum.answers);
    return 0;
}

/* Fails each in turn, 1 to `count`, by the plan's field `index`. 0, or 1 and a report. */
static int fail_each(uint64_t seed, size_t index, uint64_t count)
{
    for (uint64_t i = 1; i <= count; i++) {
        struct sim_plan plan = plan_of(seed);
        *field_of(&plan, index) = (unsigned)i;
        int code = run_child(seed, &plan, false);
        if (code != 0) {
            report(seed, plan, code);
            return 1;
        }
    }
    return 0;
}

static size_t index_of(const char *name)
{
    size_t i = 0;
    while (strcmp(fields[i].name, name) != 0) {
        i++;
    }
    return i;
}

static int run_faults(void)
{
    uint64_t faults = 0;
    uint64_t runs = 0;
    double until = seconds_now() + options.seconds;
    for (; runs < options.runs && seconds_now() < until; runs++) {
        uint64_t seed = options.seed + runs;
        struct sim_plan plan = plan_of(seed);
        int code = run_child(seed, &plan, false);
        struct sim_result result = sim_reported();
        if (code != 0) {
            report(seed, plan, code);
            return 1;
        }
        if (fail_each(seed, index_of("memory_at"), result.allocations) != 0 ||
            fail_each(seed, index_of("call_at"), result.calls) != 0) {
            return 1;
        }
        faults += result.allocations + result.calls;
    }
    printf("%llu runs, %llu faults, one at a time, nothing found\n", (unsigned long long)runs,
           (unsigned long long)faults);
    return 0;
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char name[512];
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            if (remove(name) != 0) {
                remove_folder(name);
            }
        }
    }
    if (dir != NULL) {
        closedir(dir);
        rmdir(path);
    }
}

/* A function that our libuv lacks would be taken from the real one, and wait for sockets that are
 * none. */
static int is_libuv(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    return strstr(info->dlpi_name, "libuv") != NULL;
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/rawhttp-sim-XXXXXX";
    parse(argc, argv);
    if (dl_iterate_phdr(is_libuv, NULL) != 0) {
        fprintf(stderr,
                "sim: the real libuv is linked too: a function is missing in tests/sim/uv_*.c\n");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    if (!sim_trace_open() || !sim_clock_take_over() || mkdtemp(folder) == NULL) {
        perror("sim");
        return 1;
    }
    sim.calm = true;
    sim_seed(1);
    site_prepare(folder);
    peers_open(site_certificate());
    int code = options.faults ? run_faults() : run_all();
    site_end();
    remove_folder(folder);
    return code;
}
