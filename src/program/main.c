/* rawhttp-uv, the program: the first embedder of the library, written on its public headers alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rawhttp.h>

#include "program/options/options.h"
#include "program/serve.h"

/* Puts /dev/null where the program was started without standard descriptors: the first file or
 * socket would take their place, and a log line or an assertion be written into it. */
static void fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

/* What was printed is only printed if it arrived (a full disk, /dev/full). */
static int finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return 0;
    }
    fprintf(stderr, "rawhttp-uv: cannot write to standard output: %s\n", strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    struct options options;
    char error[512];
    int code = 0;
    fill_standard_descriptors();
    options_init(&options);
    if (options_read(&options, argc, argv, error, sizeof error) != 0) {
        fprintf(stderr, "rawhttp-uv: %s\n", error);
        code = 2;
    } else if (options.help) {
        options_print_help(options_color(&options, STDOUT_FILENO));
        code = finish_output();
    } else if (options.version) {
        printf("rawhttp-uv %s (%s)\n", rh_version(), rh_version_features());
        code = finish_output();
    } else {
        code = serve(&options);
    }
    options_fini(&options);
    return code;
}
