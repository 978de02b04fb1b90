/*
 * libgit2, loaded when it is first asked: with it come seventeen libraries (Kerberos, OpenSSL, ssh, mbedTLS), two thirds of what
 * starting this program costs, and most commands talk to no server and make no object.
 *
 * Private to the files of sync that wrap libgit2. Its functions are called through the table, by their own names and types:
 * rep_libgit2.git_odb_read(…). The table is filled by rep_libgit2_load, which rep_git_init calls; before it has succeeded
 * nothing may be called.
 */
#ifndef REPSYNC_SYNC_GIT_LIBGIT2_H
#define REPSYNC_SYNC_GIT_LIBGIT2_H

#include <git2.h>

#include "core/base/error.h"

#define REP_LIBGIT2_FUNCTIONS(X)             \
	X(git_credential_ssh_key_memory_new) \
	X(git_credential_username_new)       \
	X(git_error_last)                    \
	X(git_fetch_options_init)            \
	X(git_libgit2_init)                  \
	X(git_libgit2_opts)                  \
	X(git_object_type2string)            \
	X(git_odb_exists_ext)                \
	X(git_odb_foreach)                   \
	X(git_odb_free)                      \
	X(git_odb_hash)                      \
	X(git_odb_object_data)               \
	X(git_odb_object_free)               \
	X(git_odb_object_size)               \
	X(git_odb_read)                      \
	X(git_odb_read_header)               \
	X(git_odb_refresh)                   \
	X(git_push_options_init)             \
	X(git_reference_name_to_id)          \
	X(git_remote_connect_ext)            \
	X(git_remote_connect_options_init)   \
	X(git_remote_create_anonymous)       \
	X(git_remote_create_detached)        \
	X(git_remote_disconnect)             \
	X(git_remote_download)               \
	X(git_remote_free)                   \
	X(git_remote_ls)                     \
	X(git_remote_upload)                 \
	X(git_repository_free)               \
	X(git_repository_odb)                \
	X(git_repository_open_ext)

struct rep_libgit2 {
#define REP_LIBGIT2_SLOT(name) __typeof__(&(name)) name;
	REP_LIBGIT2_FUNCTIONS(REP_LIBGIT2_SLOT)
#undef REP_LIBGIT2_SLOT
};
extern struct rep_libgit2 rep_libgit2;

/* Idempotent, from any thread. REP_EIO where the library of the headers' version is not installed, or lacks a function. */
REP_CHECK enum rep_code rep_libgit2_load(struct rep_error *err);

#endif
