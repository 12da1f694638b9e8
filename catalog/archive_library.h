/*
 * archive_library.h: libarchive, loaded when a bundle is read or written and not before.
 *
 * It brings a dozen libraries with it, libicu among them, and loading these takes a third of the
 * time that a short run of pgtide takes to start. Most runs read a folder. So it is not linked:
 * its functions are called through this table.
 */
#ifndef CATALOG_ARCHIVE_LIBRARY_H
#define CATALOG_ARCHIVE_LIBRARY_H

#include "common/base.h"
#include "common/err.h"

#include <archive.h>
#include <archive_entry.h>

#define ARCHIVE_LIBRARY_FUNCTIONS(use)                                                             \
    use(archive_entry_clear) use(archive_entry_filetype) use(archive_entry_free)                   \
        use(archive_entry_hardlink) use(archive_entry_new) use(archive_entry_pathname)             \
            use(archive_entry_set_filetype) use(archive_entry_set_mtime)                           \
                use(archive_entry_set_pathname) use(archive_entry_set_perm)                        \
                    use(archive_entry_set_size) use(archive_entry_size) use(archive_entry_symlink) \
                        use(archive_errno) use(archive_error_string) use(archive_read_free)        \
                            use(archive_read_header_position) use(archive_read_new)                \
                                use(archive_read_next_header) use(archive_read_open_fd) use(       \
                                    archive_read_support_format_tar) use(archive_set_error)        \
                                    use(archive_version_string) use(archive_write_add_filter_none) \
                                        use(archive_write_close) use(archive_write_data)           \
                                            use(archive_write_finish_entry)                        \
                                                use(archive_write_free) use(archive_write_header)  \
                                                    use(archive_write_new) use(archive_write_open) \
                                                        use(archive_write_set_bytes_per_block)     \
                                                            use(archive_write_set_format_ustar)

#define ARCHIVE_LIBRARY_MEMBER(name) __typeof__(name) *name;

struct archive_library {
    ARCHIVE_LIBRARY_FUNCTIONS(ARCHIVE_LIBRARY_MEMBER)
};

/* It stays loaded until the process ends. ERR_INTERNAL: it is not there, or lacks a function. */
int archive_library_load(struct archive_library *ret, struct err *err) MUST_CHECK;

#endif
