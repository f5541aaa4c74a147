/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"

int file_read(const char *path, size_t max_size, char **ret_text, size_t *ret_size, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	auto_close int fd = -1;
	ssize_t got;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_errno(err, "cannot open %s", path);
	for (;;) {
		buf_reserve(&b, 16384);
		got = read(fd, b.p + b.n, b.cap - b.n - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "cannot read %s", path);
		if (got == 0)
			break;
		b.n += (size_t)got;
		if (b.n > max_size)
			return err_set(err, -EFBIG, "%s has more than %zu bytes", path, max_size);
	}
	b.p[b.n] = '\0';
	if (ret_size)
		*ret_size = b.n;
	*ret_text = buf_take(&b);
	return 0;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t put = write(fd, data, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		data += put;
		size -= (size_t)put;
	}
	return 0;
}

static int sync_folder_of(const char *path)
{
	auto_free char *copy = xstrdup(path);
	auto_close int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int file_write(const char *path, const void *data, size_t size, mode_t mode, struct err *err)
{
	auto_free char *beside = xasprintf("%s.tmp", path);
	auto_close int fd = -1;

	if (unlink(beside) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove %s", beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_errno(err, "cannot create %s", beside);
	if (fchmod(fd, mode) < 0 || write_all(fd, data, size) < 0 || fsync(fd) < 0 ||
	    rename(beside, path) < 0) {
		int r = err_errno(err, "cannot write %s", path);

		(void)unlink(beside);
		return r;
	}
	if (sync_folder_of(path) < 0)
		return err_errno(err, "cannot sync the folder of %s", path);
	return 0;
}

int file_mkdirs(const char *path, mode_t mode, struct err *err)
{
	auto_free char *copy = xstrdup(path);
	struct stat st;

	for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return err_errno(err, "cannot create the folder %s", copy);
		if (!slash)
			break;
		*slash = '/';
		if (slash[1] == '\0')
			break;
	}
	if (stat(path, &st) < 0)
		return err_errno(err, "cannot look at %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s is not a folder", path);
	return 0;
}
