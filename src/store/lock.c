/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

/* False if the file was removed between its opening and its locking: then there is a newer one. */
static bool is_current(int fd, const char *path)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_dev == there.st_dev &&
	       mine.st_ino == there.st_ino;
}

static int in_use(const char *path, struct err *err)
{
	return err_set(err, -EBUSY,
	               "%s is in use by another process; stop that one first, or use another data "
	               "directory",
	               path);
}

int lock_take(struct lock *lock, const char *path, struct err *err)
{
	auto_free char *name = xasprintf("%s.lock", path);
	auto_close int fd = -1;

	do {
		if (fd >= 0)
			(void)close(fd);
		fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return err_errno(err, "cannot open %s", name);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? in_use(path, err)
			                            : err_errno(err, "cannot lock %s", name);
	} while (!is_current(fd, name));
	lock->fd = take_fd(&fd);
	lock->path = take_ptr(&name);
	return 0;
}

void lock_release(struct lock *lock)
{
	if (lock->fd < 0)
		return;
	/* While it is held, so that nobody's newer file goes. */
	(void)unlink(lock->path);
	(void)close(lock->fd);
	free(lock->path);
	*lock = LOCK_INIT;
}
