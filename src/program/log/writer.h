/* A log writer: takes lines from any thread, never blocks it, and writes them from a thread of its
 * own.
 *
 * Lines wait in a bounded batch. Where the descriptor is slower than the lines come, whole lines
 * are dropped, counted, and the count is written as a line when there is room again. A file or a
 * terminal can not be made non-blocking for us alone (O_NONBLOCK belongs to everybody who shares
 * the open file), so only a thread keeps a slow disk or a stopped terminal away from the loop. */
#ifndef RH_PROGRAM_LOG_WRITER_H
#define RH_PROGRAM_LOG_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct log_writer;

/* Writes to `path` (appended to, made with mode 0640), or to `descriptor` where path is NULL.
 * Returns NULL with errno set where the file can not be opened or the thread not be started. */
struct log_writer *log_writer_create(const char *path, int descriptor);

/* Failures of `writer` are told to `other`, which must end after it. Without this they are told to
 * nobody. Before the first line. */
void log_writer_complain_to(struct log_writer *writer, struct log_writer *other);

/* Adds bytes that end with a line break: all of them, or none where the batch is full. Any thread.
 * `lines` is how many lines they are, for the count of what was dropped. */
void log_writer_add(struct log_writer *writer, const char *bytes, size_t length, unsigned lines);

/* Opens the path again before the next write, as log rotation asks. Any thread. */
void log_writer_reopen(struct log_writer *writer);

/* Writes what is left, and frees the writer. Gives up if the descriptor takes nothing for `ms`,
 * or has not taken all after ten times that. NULL accepted. */
void log_writer_destroy(struct log_writer *writer, unsigned ms);

#endif
