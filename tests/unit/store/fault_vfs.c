/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_vfs.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/list.h"
#include "base/mem.h"

#define FILE_MAX (256 << 20)

struct change {
	struct list_node in_changes;
	bool cut; /* a truncation to 'at' */
	size_t at, size;
	unsigned char data[];
};

/* A file as it is on the platter. */
struct image {
	struct list_node in_images;
	char *path;
	unsigned char *data;
	size_t size, cap;
	struct list_node changes; /* not synced, oldest first */
};

struct fault_file {
	sqlite3_file base;
	struct image *image; /* NULL: a file nobody asks for, such as a journal */
	char *path;
	sqlite3_file *real; /* behind this struct */
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct list_node images;
	const char *failing;
	bool hold, held;
	uint64_t syncs;
} disk = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static sqlite3_vfs *real_vfs;

static void lock(void)
{
	(void)pthread_mutex_lock(&disk.mutex);
}

static void unlock(void)
{
	(void)pthread_mutex_unlock(&disk.mutex);
}

static bool ends_in(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

static void image_write(struct image *image, size_t at, const void *data, size_t size)
{
	if (size == 0)
		return;
	if (at + size > image->cap) {
		image->cap = 2 * (at + size);
		image->data = xrealloc(image->data, image->cap);
	}
	if (at > image->size) /* a hole */
		memset(image->data + image->size, 0, at - image->size);
	memcpy(image->data + at, data, size);
	if (image->size < at + size)
		image->size = at + size;
}

static void image_apply(struct image *image, const struct change *change)
{
	if (!change->cut)
		image_write(image, change->at, change->data, change->size);
	else if (image->size > change->at)
		image->size = change->at;
}

static void image_sync(struct image *image)
{
	struct change *change, *after;

	list_for_each_safe(change, after, in_changes, &image->changes)
	{
		image_apply(image, change);
		list_remove(&change->in_changes);
		free(change);
	}
}

static struct image *image_find(const char *path)
{
	struct image *image;

	list_for_each(image, in_images, &disk.images)
		if (strcmp(image->path, path) == 0)
			return image;
	return NULL;
}

static void image_free(struct image *image)
{
	struct change *change, *after;

	list_for_each_safe(change, after, in_changes, &image->changes) free(change);
	list_remove(&image->in_images);
	free(image->data);
	free(image->path);
	free(image);
}

/* As the file is now, which counts as synced. */
static struct image *image_of_file(const char *path)
{
	struct image *image = image_find(path);
	char *data = NULL;
	size_t size = 0;

	if (image)
		image_free(image);
	image = xnew(struct image);
	image->path = xstrdup(path);
	list_init(&image->changes);
	list_add_tail(&disk.images, &image->in_images);
	if (file_read(path, FILE_MAX, &data, &size, NULL) == 0)
		image_write(image, 0, data, size);
	free(data);
	return image;
}

static void note(struct fault_file *file, bool cut, size_t at, const void *data, size_t size)
{
	struct change *change;

	if (!file->image)
		return;
	change = xcalloc(1, sizeof(*change) + size);
	change->cut = cut;
	change->at = at;
	change->size = size;
	if (size)
		memcpy(change->data, data, size);
	lock();
	list_add_tail(&file->image->changes, &change->in_changes);
	unlock();
}

static struct fault_file *of(sqlite3_file *file)
{
	return (struct fault_file *)file;
}

static int fault_close(sqlite3_file *file)
{
	sqlite3_file *real = of(file)->real;

	free(of(file)->path);
	return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int fault_read(sqlite3_file *file, void *data, int n, sqlite3_int64 at)
{
	return of(file)->real->pMethods->xRead(of(file)->real, data, n, at);
}

static int fault_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
	int rc = of(file)->real->pMethods->xWrite(of(file)->real, data, n, at);

	if (rc == SQLITE_OK)
		note(of(file), false, (size_t)at, data, (size_t)n);
	return rc;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	note(of(file), true, (size_t)size, NULL, 0);
	return of(file)->real->pMethods->xTruncate(of(file)->real, size);
}

static int fault_sync(sqlite3_file *file, int flags)
{
	bool fails;
	int rc;

	lock();
	disk.syncs++;
	disk.held = disk.hold;
	(void)pthread_cond_broadcast(&disk.changed);
	while (disk.hold)
		(void)pthread_cond_wait(&disk.changed, &disk.mutex);
	fails = disk.failing && ends_in(of(file)->path, disk.failing);
	unlock();
	if (fails) {
		errno = EIO;
		return SQLITE_IOERR_FSYNC;
	}
	rc = of(file)->real->pMethods->xSync(of(file)->real, flags);
	lock();
	if (rc == SQLITE_OK && of(file)->image)
		image_sync(of(file)->image);
	unlock();
	return rc;
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return of(file)->real->pMethods->xFileSize(of(file)->real, ret);
}

static int fault_lock(sqlite3_file *file, int level)
{
	return of(file)->real->pMethods->xLock(of(file)->real, level);
}

static int fault_unlock(sqlite3_file *file, int level)
{
	return of(file)->real->pMethods->xUnlock(of(file)->real, level);
}

static int fault_check_lock(sqlite3_file *file, int *ret)
{
	return of(file)->real->pMethods->xCheckReservedLock(of(file)->real, ret);
}

static int fault_control(sqlite3_file *file, int op, void *arg)
{
	return of(file)->real->pMethods->xFileControl(of(file)->real, op, arg);
}

static int fault_sector_size(sqlite3_file *file)
{
	return of(file)->real->pMethods->xSectorSize(of(file)->real);
}

static int fault_traits(sqlite3_file *file)
{
	return of(file)->real->pMethods->xDeviceCharacteristics(of(file)->real);
}

static int fault_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return of(file)->real->pMethods->xShmMap(of(file)->real, page, size, extend, ret);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return of(file)->real->pMethods->xShmLock(of(file)->real, offset, n, flags);
}

static void fault_shm_barrier(sqlite3_file *file)
{
	of(file)->real->pMethods->xShmBarrier(of(file)->real);
}

static int fault_shm_unmap(sqlite3_file *file, int remove_it)
{
	return of(file)->real->pMethods->xShmUnmap(of(file)->real, remove_it);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = fault_close,
	.xRead = fault_read,
	.xWrite = fault_write,
	.xTruncate = fault_truncate,
	.xSync = fault_sync,
	.xFileSize = fault_size,
	.xLock = fault_lock,
	.xUnlock = fault_unlock,
	.xCheckReservedLock = fault_check_lock,
	.xFileControl = fault_control,
	.xSectorSize = fault_sector_size,
	.xDeviceCharacteristics = fault_traits,
	.xShmMap = fault_shm_map,
	.xShmLock = fault_shm_lock,
	.xShmBarrier = fault_shm_barrier,
	.xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                      int *ret_flags)
{
	struct fault_file *mine = of(file);
	int rc;

	(void)vfs;
	*mine = (struct fault_file){ .real = (sqlite3_file *)(mine + 1) };
	if (path && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL))) {
		lock();
		mine->image = image_of_file(path);
		unlock();
	}
	mine->path = xstrdup(path ? path : "");
	rc = real_vfs->xOpen(real_vfs, path, mine->real, flags, ret_flags);
	if (rc == SQLITE_OK)
		mine->base.pMethods = &methods;
	else
		free(mine->path);
	return rc;
}

static int fault_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
	struct image *image;

	(void)vfs;
	lock();
	image = image_find(path);
	if (image)
		image_free(image);
	unlock();
	return real_vfs->xDelete(real_vfs, path, sync_folder);
}

void fault_vfs_install(void)
{
	static sqlite3_vfs vfs;

	real_vfs = sqlite3_vfs_find(NULL);
	list_init(&disk.images);
	/* All else is the real one's; its functions do not look at the vfs they are called with. */
	vfs = *real_vfs;
	vfs.zName = "fault";
	vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
	vfs.xOpen = fault_open;
	vfs.xDelete = fault_delete;
	(void)sqlite3_vfs_register(&vfs, 1);
}

void fault_vfs_fail_syncs(const char *suffix)
{
	lock();
	disk.failing = suffix;
	unlock();
}

void fault_vfs_hold(void)
{
	lock();
	disk.hold = true;
	disk.held = false;
	unlock();
}

void fault_vfs_await_held(void)
{
	lock();
	while (!disk.held)
		(void)pthread_cond_wait(&disk.changed, &disk.mutex);
	unlock();
}

void fault_vfs_release(void)
{
	lock();
	disk.hold = false;
	(void)pthread_cond_broadcast(&disk.changed);
	unlock();
}

uint64_t fault_vfs_syncs(void)
{
	uint64_t n;

	lock();
	n = disk.syncs;
	unlock();
	return n;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static struct image image_after_cut(const struct image *image, uint64_t *seed)
{
	struct image left = { .path = NULL };
	const struct change *change;

	image_write(&left, 0, image->data, image->size);
	list_for_each(change, in_changes, &image->changes) {
		switch (next_random(seed) % 4) {
		case 0:
			break;
		case 1: /* torn */
			if (change->size)
				image_write(&left, change->at, change->data,
				            next_random(seed) % change->size);
			break;
		default:
			image_apply(&left, change);
		}
	}
	return left;
}

void fault_vfs_power_cut(const char *path, const char *to, uint64_t seed)
{
	static const char *const suffixes[] = { "", "-wal" };
	struct image left[2] = { 0 };

	lock();
	for (int i = 0; i < 2; i++) {
		auto_free char *name = xasprintf("%s%s", path, suffixes[i]);
		struct image *image = image_find(name);

		if (image)
			left[i] = image_after_cut(image, &seed);
	}
	unlock();
	for (int i = 0; i < 2; i++) {
		auto_free char *name = xasprintf("%s%s", to, suffixes[i]);

		if (file_write(name, left[i].data, left[i].size, 0600, NULL) < 0)
			abort();
		free(left[i].data);
	}
}
