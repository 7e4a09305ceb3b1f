/* Certificate and key files as bytes. They are read by us and not by OpenSSL so that the identity
 * and the mode belong to the bytes that were read (no second look at a path that may have changed
 * meanwhile), and so that the bytes of a key can be wiped. */
#include "tls/store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { FILE_BYTES_MAX = 1 << 20 };

int rh_tls_problem_set(struct rh_tls_problem *problem, int code, const char *format, ...)
{
    if (problem->code == 0) {
        va_list args;
        va_start(args, format);
        vsnprintf(problem->text, sizeof problem->text, format, args);
        va_end(args);
        problem->code = code;
    }
    return problem->code;
}

const char *rh_tls_reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return text != NULL ? text : "no reason given";
}

static int read_whole(struct rh_tls_file *file, int fd)
{
    while (file->len < FILE_BYTES_MAX) {
        ssize_t n = read(fd, file->bytes + file->len, FILE_BYTES_MAX - file->len);
        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        file->len += n > 0 ? (size_t)n : 0;
    }
    return EFBIG;
}

int rh_tls_file_read(struct rh_tls_file *file, const char *what, const char *path,
                     struct rh_tls_problem *problem)
{
    struct stat st;
    memset(file, 0, sizeof *file);
    /* O_NONBLOCK: a FIFO in the place of the file must not hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return rh_tls_problem_set(
            problem, RH_ETLS, "can't read %s '%s': %s; %s", what, path, strerror(error),
            error == EACCES ? "let the user of this process read it" : "check the path");
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return rh_tls_problem_set(problem, RH_ETLS, "can't read %s '%s': not a regular file", what,
                                  path);
    }
    file->device = st.st_dev;
    file->inode = st.st_ino;
    file->mode = st.st_mode;
    file->bytes = OPENSSL_malloc(FILE_BYTES_MAX);
    int error = file->bytes != NULL ? read_whole(file, fd) : ENOMEM;
    close(fd);
    if (error == 0) {
        return 0;
    }
    rh_tls_file_release(file);
    return rh_tls_problem_set(problem, error == ENOMEM ? UV_ENOMEM : RH_ETLS,
                              "can't read %s '%s': %s", what, path, strerror(error));
}

void rh_tls_file_release(struct rh_tls_file *file)
{
    if (file->bytes != NULL) {
        OPENSSL_clear_free(file->bytes, file->len);
        file->bytes = NULL;
        file->len = 0;
    }
}
