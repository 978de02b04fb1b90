/*
 * A disk that loses power: an SQLite VFS over the system's, made the default one, that remembers what was written since each
 * file's last sync. A cut gives an image of the disk in which any of that may be missing, sector by sector, as a disk may do
 * that keeps no order between syncs and tears writes between sectors of 512 bytes.
 */
#ifndef REPSYNC_TESTS_HELP_POWER_H
#define REPSYNC_TESTS_HELP_POWER_H

#include <stdbool.h>
#include <stdint.h>

/* Makes it the default VFS; for the whole program. */
void power_install(void);
void power_uninstall(void);

/* Forgets all files; from now on the `cut_at`-th write, sync, truncation or deletion is the last (0: there is no cut). `seed` decides what is lost. */
void power_begin(uint64_t seed, long cut_at);
/* Has it happened? Everything that was tried since has failed. */
bool power_is_off(void);
/* Operations so far. */
long power_operations(void);
/* Writes the image into the folder `into`, files by their base names, and forgets all files. */
void power_image(const char *into);

#endif
