/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_vfs - a disk under SQLite that fails, stalls and loses power when told to.
 *
 * It passes everything on to the real files and keeps beside, for each file, what would be on the
 * platter: the content as of the last sync, and the writes since, any of which a power cut may lose.
 * All calls from any thread.
 */
#pragma once

#include <stdint.h>

/* Makes it SQLite's default; for the whole process, once. */
void fault_vfs_install(void);

/* From now on syncs of files whose name ends in 'suffix' ("state.db", "-wal") fail; NULL: none. */
void fault_vfs_fail_syncs(const char *suffix);

/* From now on syncs wait, until fault_vfs_release(). */
void fault_vfs_hold(void);
void fault_vfs_await_held(void); /* until one waits */
void fault_vfs_release(void);
uint64_t fault_vfs_syncs(void);

/*
 * Writes what a power cut at this moment could leave of the database 'path' and of its WAL to 'to':
 * all that was synced, and by 'seed' some of the later writes, some of them torn.
 */
void fault_vfs_power_cut(const char *path, const char *to, uint64_t seed);
