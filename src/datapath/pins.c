/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "datapath/host.h"
#include "datapath/layout.h"

#define LOCK_TRIES   100 /* a process that was just killed needs a moment to go */
#define LOCK_WAIT_MS 10
#define NFTW_FDS     8

char *pins_dir(const char *pin_dir)
{
	return xasprintf("%s/v%d", pin_dir, LAYOUT_VERSION);
}

char *pins_other_dir(const char *pin_dir)
{
	DIR *folder = opendir(pin_dir);
	unsigned int newest = 0, n;
	const struct dirent *entry;
	char rest;

	while (folder && (entry = readdir(folder))) {
		if (sscanf(entry->d_name, "v%u%c", &n, &rest) == 1 && n != LAYOUT_VERSION &&
		    n > newest)
			newest = n;
	}
	if (folder)
		(void)closedir(folder);
	return newest ? xasprintf("%s/v%u", pin_dir, newest) : NULL;
}

static int lock(int fd, const char *pin_dir, struct err *err)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return err_errno(err, "cannot lock %s", pin_dir);
		(void)poll(NULL, 0, LOCK_WAIT_MS);
	}
	return err_set(err, -EBUSY, "another process uses %s; stop it first", pin_dir);
}

int pins_open(const char *pin_dir, char **ret_dir, int *ret_lock, struct err *err)
{
	auto_free char *dir = pins_dir(pin_dir);
	auto_close int fd = -1;
	int r;

	r = host_bpffs_folder(pin_dir, err);
	if (r < 0)
		return r;
	fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "cannot open %s", pin_dir);
	r = lock(fd, pin_dir, err);
	if (r < 0)
		return r;
	r = file_mkdirs(dir, 0700, err);
	if (r < 0)
		return r;
	*ret_dir = take_ptr(&dir);
	*ret_lock = take_fd(&fd);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int pins_remove(const char *pin_dir, const char *dir, struct err *err)
{
	if (nftw(dir, remove_entry, NFTW_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
		return err_errno(err, "cannot remove %s", dir);
	/* may have another version's folder in it, or be a mount point */
	(void)rmdir(pin_dir);
	return 0;
}
