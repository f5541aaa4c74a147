/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

static const char *const mounted_in[] = { "/run/netns", "/run/docker/netns" };

struct visited {
	ino_t *v; /* owned */
	size_t n, cap;
};

static bool is_known(struct visited *visited, ino_t ino)
{
	for (size_t i = 0; i < visited->n; i++) {
		if (visited->v[i] == ino)
			return true;
	}
	array_reserve(visited->v, visited->n, visited->cap);
	visited->v[visited->n++] = ino;
	return false;
}

struct walk {
	struct visited visited;
	int (*visit)(void *arg, struct err *err);
	void *arg;
	int r;
	struct err *err;
};

/* One that vanished meanwhile is no failure, a right that is missing is. */
static int enter_and_visit(struct walk *w, const char *path, struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (setns(fd, CLONE_NEWNET) < 0)
		return errno == EPERM ? err_errno(err, "cannot enter %s", path) : 0;
	return w->visit(w->arg, err);
}

static void visit_path(struct walk *w, const char *path)
{
	struct err err = { 0 };
	struct stat st;
	int r;

	/* what a process's link leads to says which namespace it is before it is opened */
	if (stat(path, &st) < 0 || is_known(&w->visited, st.st_ino))
		return;
	r = enter_and_visit(w, path, &err);
	if (r < 0 && w->r == 0) {
		w->r = r;
		if (w->err)
			*w->err = err;
	}
}

static void visit_processes(struct walk *w)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		auto_free char *path = NULL;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		path = xasprintf("/proc/%s/ns/net", entry->d_name);
		visit_path(w, path);
	}
	if (folder)
		(void)closedir(folder);
}

static void visit_mounted(struct walk *w, const char *dir)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		auto_free char *path = xasprintf("%s/%s", dir, entry->d_name);

		if (entry->d_name[0] != '.')
			visit_path(w, path);
	}
	if (folder)
		(void)closedir(folder);
}

int netns_each(int (*visit)(void *arg, struct err *err), void *arg, struct err *err)
{
	auto_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct walk w = { .visit = visit, .arg = arg, .err = err };

	if (own < 0)
		return err_errno(err, "cannot open the network namespace");
	/* first: of a process with one thread, /proc says where the walk is, not where it began */
	visit_path(&w, "/proc/thread-self/ns/net");
	visit_processes(&w);
	for (size_t i = 0; i < ARRAY_SIZE(mounted_in); i++)
		visit_mounted(&w, mounted_in[i]);
	free(w.visited.v);
	if (setns(own, CLONE_NEWNET) < 0)
		return err_errno(err, "cannot return to the network namespace");
	return w.r;
}
