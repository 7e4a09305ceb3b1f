/* rawhttp-uv, the program: the first embedder of the library, written on its public headers alone.
 */
#include <stdio.h>
#include <unistd.h>

#include <rawhttp.h>

#include "program/options.h"
#include "program/serve.h"

int main(int argc, char **argv)
{
    struct options options;
    char error[512];
    int code = 0;
    options_init(&options);
    if (options_read(&options, argc, argv, error, sizeof error) != 0) {
        fprintf(stderr, "rawhttp-uv: %s\n", error);
        code = 2;
    } else if (options.help) {
        options_print_help(options_color(&options, STDOUT_FILENO));
    } else if (options.version) {
        printf("rawhttp-uv %s (%s)\n", rh_version(), rh_version_features());
    } else {
        code = serve(&options);
    }
    options_fini(&options);
    return code;
}
