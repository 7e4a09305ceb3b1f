/* A file is known by where it is, how long it is, and when it last changed. */
#include "io/file_id.h"

bool rh_file_id_equal(const struct rh_file_id *a, const struct rh_file_id *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

struct rh_file_id rh_file_id_of(const struct stat *stat)
{
    return (struct rh_file_id){.device = stat->st_dev,
                               .inode = stat->st_ino,
                               .size = (uint64_t)stat->st_size,
                               .modified_ns = rh_file_ns(stat->st_mtim),
                               .changed_ns = rh_file_ns(stat->st_ctim)};
}
