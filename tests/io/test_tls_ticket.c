#include <criterion/criterion.h>
#include <string.h>

#include "tls/tickets.h"

enum { START = 1000, PERIOD = RH_TLS_TICKET_ROTATE_S };

static struct rh_tls_tickets tickets;

static void setup(void)
{
    cr_assert(rh_tls_tickets_init(&tickets, START));
}

static void teardown(void)
{
    rh_tls_tickets_fini(&tickets);
}

TestSuite(tls_ticket, .init = setup, .fini = teardown);

static struct rh_tls_ticket_key seal(uint64_t now_s)
{
    struct rh_tls_ticket_key key;
    cr_assert(rh_tls_tickets_seal_key(&tickets, now_s, &key));
    return key;
}

static int open_at(uint64_t now_s, const struct rh_tls_ticket_key *key)
{
    struct rh_tls_ticket_key found;
    int which = rh_tls_tickets_open_key(&tickets, now_s, key->name, &found);
    if (which != 0) {
        cr_assert_arr_eq(&found, key, sizeof found);
    }
    return which;
}

Test(tls_ticket, key_stays_for_its_period)
{
    struct rh_tls_ticket_key first = seal(START);
    struct rh_tls_ticket_key later = seal(START + PERIOD - 1);
    cr_assert_arr_eq(&first, &later, sizeof first);
    cr_assert_eq(open_at(START + PERIOD - 1, &first), 1);
}

Test(tls_ticket, key_opens_for_one_period_more_and_asks_for_renewal)
{
    struct rh_tls_ticket_key first = seal(START);
    struct rh_tls_ticket_key second = seal(START + PERIOD);
    cr_assert_neq(memcmp(&first, &second, sizeof first), 0);
    cr_assert_eq(open_at(START + PERIOD, &first), 2);
    cr_assert_eq(open_at(START + PERIOD, &second), 1);
    cr_assert_eq(open_at(START + 2 * PERIOD, &first), 0);
    cr_assert_eq(open_at(START + 2 * PERIOD, &second), 2);
}

Test(tls_ticket, two_periods_without_use_leave_no_old_key)
{
    struct rh_tls_ticket_key first = seal(START);
    cr_assert_eq(open_at(START + 2 * PERIOD, &first), 0);
    cr_assert_eq(tickets.keys_len, 1);
}

Test(tls_ticket, unknown_name_opens_nothing)
{
    struct rh_tls_ticket_key key = seal(START);
    key.name[0] ^= 1;
    cr_assert_eq(open_at(START, &key), 0);
}
