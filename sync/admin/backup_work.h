/*
 * What backup and restore share. Not part of the public interface.
 */
#ifndef REPSYNC_SYNC_ADMIN_BACKUP_WORK_H
#define REPSYNC_SYNC_ADMIN_BACKUP_WORK_H

#include "sync/admin/backup.h"
#include "sync/hub/hub_state.h"

#define REP_BACKUP_FILE "backup.json"

/* Makes the repository where there is none, and brings its refs to those of `from`, with all they need, checked. */
REP_CHECK enum rep_code rep_copy_repository(const char *from, const char *to, bool mailbox,
					    struct rep_error *err);
/* Every mailbox of a folder; *len counts them. */
REP_CHECK enum rep_code rep_copy_mailboxes(const char *from, const char *to,
					   const struct rep_progress *progress, int64_t *len,
					   struct rep_error *err);
/* Regular files, with their modes; what is there is written over. A folder that is not there is empty. */
REP_CHECK enum rep_code rep_copy_folder(const char *from, const char *to, struct rep_error *err);
REP_CHECK enum rep_code rep_copy_file(const char *from, const char *to, struct rep_error *err);
/* Nothing lies in it, or it is not there. */
bool rep_is_empty_folder(const char *path);
/* Each object of it, by git's own judgement. */
REP_CHECK enum rep_code rep_check_repository(const char *path, struct rep_error *err);

#endif
