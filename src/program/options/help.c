/* The help text: the table of options printed in two columns, and the version. */
#include "program/options/options.h"

#include <stdio.h>
#include <string.h>

#include "program/options/table.h"

enum { HELP_COLUMN = 30 };

static const char *bold(bool color)
{
    return color ? "\033[1m" : "";
}

static const char *plain(bool color)
{
    return color ? "\033[0m" : "";
}

static void print_row(const struct option_row *row, bool color)
{
    char left[64];
    int length = row->letter != 0
                     ? snprintf(left, sizeof left, "  -%c, --%s", row->letter, row->name)
                     : snprintf(left, sizeof left, "      --%s", row->name);
    if (row->argument != NULL)
        length += snprintf(left + length, sizeof left - (size_t)length, " %s", row->argument);
    printf("%s%s%s%*s", bold(color), left, plain(color),
           length < HELP_COLUMN ? HELP_COLUMN - length : 1, "");
    printf("%s", row->help);
    if (row->standard != NULL)
        printf(" [%s]", row->standard);
    printf("\n");
}

void options_print_help(bool color)
{
    printf(
        "%sUsage:%s rawhttp-uv [OPTIONS] [DIR]\n\n"
        "Serves the demo application, or, with DIR, the files of that folder and nothing else.\n",
        bold(color), plain(color));
    for (size_t i = 0; i < option_table_length; i++) {
        if (option_table[i].group != NULL)
            printf("\n%s%s%s\n", bold(color), option_table[i].group, plain(color));
        print_row(&option_table[i], color);
    }
    printf("\nEvery option is also an environment variable: --max-body is RAWHTTP_MAX_BODY, flags "
           "are\n"
           "1 or 0, repeatable ones take commas; PORT is read too. The command line wins.\n"
           "Signals: SIGINT and SIGTERM finish what is in flight and stop, a second one stops at "
           "once; SIGHUP\n"
           "reads certificates again (so does a change of their files), SIGUSR1 reopens the log "
           "file.\n"
           "Exit codes: 0 clean stop, 1 run-time failure, 2 usage.\n");
}
