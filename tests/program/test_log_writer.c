/* The log writer: order, reopening, and that a reader who does not read blocks nobody. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "program/log/writer.h"

static size_t file_length(const char *path)
{
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    fclose(file);
    return (size_t)length;
}

Test(log_writer, writes_all_lines_in_order)
{
    char path[] = "/tmp/rawhttp-log-XXXXXX";
    close(mkstemp(path));
    struct log_writer *writer = log_writer_create(path, -1);
    cr_assert_not_null(writer);
    for (int i = 0; i < 5000; i++) {
        char line[16];
        log_writer_add(writer, line, (size_t)snprintf(line, sizeof line, "%d\n", i), 1);
    }
    log_writer_destroy(writer, 5000);
    FILE *file = fopen(path, "r");
    int expected = 0, number;
    while (fscanf(file, "%d", &number) == 1)
        cr_assert_eq(number, expected++);
    cr_assert_eq(expected, 5000);
    fclose(file);
    unlink(path);
}

Test(log_writer, reopens_the_path_after_rotation)
{
    char path[] = "/tmp/rawhttp-log-XXXXXX";
    char rotated[64];
    close(mkstemp(path));
    snprintf(rotated, sizeof rotated, "%s.1", path);
    struct log_writer *writer = log_writer_create(path, -1);
    log_writer_add(writer, "before\n", 7, 1);
    cr_assert_eq(rename(path, rotated), 0);
    log_writer_reopen(writer);
    while (access(path, F_OK) != 0)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    log_writer_add(writer, "after it\n", 9, 1);
    log_writer_destroy(writer, 5000);
    cr_assert_eq(file_length(rotated), 7);
    cr_assert_eq(file_length(path), 9);
    unlink(path);
    unlink(rotated);
}

Test(log_writer, a_full_pipe_drops_lines_counts_them_and_blocks_nobody, .timeout = 20)
{
    int pipe_ends[2];
    static char line[1000];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    cr_assert_eq(pipe(pipe_ends), 0);
    struct log_writer *writer = log_writer_create(NULL, pipe_ends[1]);
    for (int i = 0; i < 10000; i++) /* ten times what it holds */
        log_writer_add(writer, line, sizeof line, 1);

    /* Reading again gives whole lines, and then the count of the others. */
    static char got[4 << 20];
    size_t length = 0, lines = 0;
    unsigned long long dropped = 0;
    while (dropped == 0) {
        ssize_t read_now = read(pipe_ends[0], got + length, sizeof got - length);
        cr_assert_gt(read_now, 0);
        length += (size_t)read_now;
        char *note = memchr(got, '[', length);
        if (note != NULL && memchr(note, '\n', length - (size_t)(note - got)) != NULL)
            dropped = strtoull(note + 1, NULL, 10);
    }
    for (size_t i = 0; i < length; i++)
        lines += got[i] == '\n';
    cr_assert_gt(dropped, 0);
    cr_assert_eq(lines - 1 + dropped, 10000, "%zu written, %llu dropped", lines - 1, dropped);
    log_writer_destroy(writer, 5000);
}

Test(log_writer, ends_in_time_where_nobody_reads, .timeout = 20)
{
    int pipe_ends[2];
    static char lines[100000];
    memset(lines, '\n', sizeof lines);
    cr_assert_eq(pipe(pipe_ends), 0);
    struct log_writer *writer = log_writer_create(NULL, pipe_ends[1]);
    log_writer_add(writer, lines, sizeof lines, sizeof lines);
    log_writer_destroy(writer, 100);
}

Test(log_writer, says_why_a_path_can_not_be_opened)
{
    cr_assert_null(log_writer_create("/nowhere/at/all.log", -1));
}
