#include <criterion/criterion.h>
#include <stdio.h>

#include "http/method.h"
#include "http/rule.h"
#include "http/status.h"

Test(status, line_and_reason_agree)
{
    int known = 0;
    for (unsigned status = 0; status < 1000; status++) {
        struct rh_slice line = rh_status_line(status);
        if (line.base == NULL) {
            cr_expect_str_eq(rh_status_reason(status), "Unknown");
            continue;
        }
        char expected[80];
        snprintf(expected, sizeof expected, "HTTP/1.1 %u %s\r\n", status, rh_status_reason(status));
        cr_expect(rh_slice_is(line, expected), "%u", status);
        known++;
    }
    cr_expect_eq(known, 60);
    cr_expect_str_eq(rh_status_reason(200), "OK");
    cr_expect_str_eq(rh_status_reason(418), "Unknown");
}

Test(method, names_and_methods_agree)
{
    for (int m = 0; m < RH_METHODS; m++) {
        const char *name = rh_method_name((enum rh_method)m);
        cr_expect_eq(rh_method_find(rh_slice_from(name)), (enum rh_method)m, "%s", name);
    }
    cr_expect_eq(rh_method_find(rh_slice_from("")), RH_METHODS);
    cr_expect_eq(rh_method_find(rh_slice_from("get")), RH_METHODS);
}

Test(rule, every_one_has_a_status_an_id_and_a_section)
{
    for (int i = 1; i < RH_RULE_COUNT; i++) {
        const struct rh_rule_info *info = rh_rule_info((enum rh_rule)i);
        cr_expect_str_neq(rh_status_reason(info->status), "Unknown", "%s", info->id);
        cr_expect_geq(info->status, 400);
        cr_expect_eq(strncmp(info->section, "RFC ", 4), 0, "%s", info->id);
        cr_expect_gt(strlen(info->text), 10);
        for (int j = 1; j < i; j++) {
            cr_expect_str_neq(info->id, rh_rule_info((enum rh_rule)j)->id);
        }
    }
    cr_expect_eq(rh_rule_info(RH_RULE_NONE)->status, 0);
}
