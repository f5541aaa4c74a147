/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/programs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "datapath/host.h"
#include "datapath/skel.h"

#define EFFECTIVE_MAX 256 /* programs at one hook */
#define PRINTED_MAX   (1 << 20)

const char *const program_names[PROGRAMS] = {
	[PROGRAM_GETPEERNAME4] = "getpeername4", [PROGRAM_GETPEERNAME6] = "getpeername6",
	[PROGRAM_RECVMSG4] = "recvmsg4",         [PROGRAM_RECVMSG6] = "recvmsg6",
	[PROGRAM_SENDMSG4] = "sendmsg4",         [PROGRAM_SENDMSG6] = "sendmsg6",
	[PROGRAM_CONNECT4] = "connect4",         [PROGRAM_CONNECT6] = "connect6",
};

static const enum bpf_attach_type attach_types[PROGRAMS] = {
	[PROGRAM_GETPEERNAME4] = BPF_CGROUP_INET4_GETPEERNAME,
	[PROGRAM_GETPEERNAME6] = BPF_CGROUP_INET6_GETPEERNAME,
	[PROGRAM_RECVMSG4] = BPF_CGROUP_UDP4_RECVMSG,
	[PROGRAM_RECVMSG6] = BPF_CGROUP_UDP6_RECVMSG,
	[PROGRAM_SENDMSG4] = BPF_CGROUP_UDP4_SENDMSG,
	[PROGRAM_SENDMSG6] = BPF_CGROUP_UDP6_SENDMSG,
	[PROGRAM_CONNECT4] = BPF_CGROUP_INET4_CONNECT,
	[PROGRAM_CONNECT6] = BPF_CGROUP_INET6_CONNECT,
};

/* What libbpf says while this thread is in programs_load(). */
static _Thread_local struct buf *printed;

__attribute__((format(printf, 2, 0))) static int capture(enum libbpf_print_level level,
                                                         const char *fmt, va_list ap)
{
	if (printed && level == LIBBPF_WARN && printed->n < PRINTED_MAX)
		buf_vprintf(printed, fmt, ap);
	return 0;
}

void programs_init(struct programs *programs)
{
	for (int i = 0; i < PROGRAMS; i++)
		programs->fd[i] = -1;
}

void programs_done(struct programs *programs)
{
	for (int i = 0; i < PROGRAMS; i++)
		cleanup_close(&programs->fd[i]);
	programs_init(programs);
}

/*
 * The line that matters of a verifier log is the last one before its summary, "processed 12 insns";
 * where there is no log it is libbpf's first complaint.
 */
static int say_why_not_loaded(int r, struct buf *text, struct err *err)
{
	char *summary = text->n ? strstr(text->p, "\nprocessed ") : NULL;
	char *line = text->n ? text->p : NULL;
	char *end;

	if (summary) {
		*summary = '\0';
		line = strrchr(text->p, '\n');
		line = line ? line + 1 : text->p;
	}
	end = line ? strchr(line, '\n') : NULL;
	if (end)
		*end = '\0';
	return err_set(err, r, "the kernel refuses the eBPF programs (%s)%s%s", strerror(-r),
	               line ? ": " : "", line ? line : "");
}

static int set_maps(const struct sock_bpf *skel, const struct maps *maps, struct err *err)
{
	for (enum map_id id = 0; id < MAPS; id++) {
		struct bpf_map *map = bpf_object__find_map_by_name(skel->obj, map_names[id]);
		int r = 0;

		if (maps->fd[id] >= 0)
			r = bpf_map__reuse_fd(map, maps->fd[id]);
		else if (maps->max[id])
			r = bpf_map__set_max_entries(map, maps->max[id]);
		if (r < 0)
			return err_set(err, r, "cannot use the map '%s': %s", map_names[id],
			               strerror(-r));
	}
	return 0;
}

/* The object is not kept, its descriptors are. */
static int take_fds(const struct sock_bpf *skel, struct programs *programs, struct maps *maps,
                    struct err *err)
{
	for (enum map_id id = 0; id < MAPS; id++) {
		const struct bpf_map *map = bpf_object__find_map_by_name(skel->obj, map_names[id]);

		if (maps->fd[id] < 0)
			maps->fd[id] = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 0);
		if (maps->fd[id] < 0)
			return err_errno(err, "cannot keep a map");
		maps->max[id] = bpf_map__max_entries(map);
	}
	for (int i = 0; i < PROGRAMS; i++) {
		const struct bpf_program *program =
			bpf_object__find_program_by_name(skel->obj, program_names[i]);

		programs->fd[i] = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0);
		if (programs->fd[i] < 0)
			return err_errno(err, "cannot keep a program");
	}
	return 0;
}

static int load(struct sock_bpf *skel, struct programs *programs, struct maps *maps,
                const struct programs_options *options, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	int r;

	skel->rodata->has_set_retval = !options->no_set_retval && host_has_set_retval();
	memcpy((void *)skel->rodata->fe_mult, maps->fe_mult, sizeof(maps->fe_mult));
	skel->rodata->fe4_shift = maps_shift(maps, MAP_FE4);
	skel->rodata->fe6_shift = maps_shift(maps, MAP_FE6);
	r = set_maps(skel, maps, err);
	if (r < 0)
		return r;
	printed = &text;
	r = sock_bpf__load(skel);
	printed = NULL;
	if (r < 0)
		return say_why_not_loaded(r, &text, err);
	return take_fds(skel, programs, maps, err);
}

int programs_load(struct programs *programs, struct maps *maps,
                  const struct programs_options *options, struct err *err)
{
	struct sock_bpf *skel;
	int r;

	libbpf_set_print(capture);
	skel = sock_bpf__open();
	if (!skel)
		return err_errno(err, "cannot read the built-in eBPF programs");
	r = load(skel, programs, maps, options, err);
	sock_bpf__destroy(skel);
	if (r < 0)
		programs_done(programs);
	return r;
}

/* Exchanges the program of the link pinned at 'path' if that is a link of this hook; -ENOLINK. */
static int exchange(int program_fd, const char *path, int cgroup_fd, enum bpf_attach_type type)
{
	auto_close int fd = bpf_obj_get(path);
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);
	struct stat st;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0 || fstat(cgroup_fd, &st) < 0)
		return -ENOLINK;
	/* a cgroup's id is its inode; 0 once the cgroup is gone */
	if (info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.attach_type != type ||
	    info.cgroup.cgroup_id != st.st_ino)
		return -ENOLINK;
	return bpf_link_update(fd, program_fd, NULL);
}

/* A new link, pinned in place of what is there. */
static int attach_new(int program_fd, const char *path, int cgroup_fd, enum bpf_attach_type type,
                      struct err *err)
{
	auto_free char *fresh = xasprintf("%s_new", path);
	auto_close int fd = bpf_link_create(program_fd, cgroup_fd, type, NULL);

	if (fd < 0)
		return err_errno(err, "cannot attach to the cgroup");
	(void)unlink(fresh);
	if (bpf_obj_pin(fd, fresh) < 0)
		return err_errno(err, "cannot pin the link %s", fresh);
	if (rename(fresh, path) < 0)
		return err_errno(err, "cannot rename %s", fresh);
	return 0;
}

/* Takes over the link that another layout version pinned at 'other'; -ENOLINK. */
static int take_over(int program_fd, const char *other, const char *path, int cgroup_fd,
                     enum bpf_attach_type type)
{
	int r = exchange(program_fd, other, cgroup_fd, type);

	return r == 0 && rename(other, path) < 0 ? -errno : r;
}

static int attach_one(int program_fd, const char *dir, const char *other_dir, int cgroup_fd,
                      enum program_id id, struct err *err)
{
	auto_free char *path = xasprintf("%s/links/%s", dir, program_names[id]);
	auto_free char *other = xasprintf("%s/links/%s", other_dir ? other_dir : "",
	                                  program_names[id]);

	if (exchange(program_fd, path, cgroup_fd, attach_types[id]) == 0)
		return 0;
	if (other_dir && take_over(program_fd, other, path, cgroup_fd, attach_types[id]) == 0)
		return 0;
	return attach_new(program_fd, path, cgroup_fd, attach_types[id], err);
}

int programs_attach(const struct programs *programs, const char *dir, const char *other_dir,
                    int cgroup_fd, struct err *err)
{
	auto_free char *folder = xasprintf("%s/links", dir);

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "cannot make the folder %s", folder);
	for (enum program_id id = 0; id < PROGRAMS; id++) {
		int r = attach_one(programs->fd[id], dir, other_dir, cgroup_fd, id, err);

		if (r < 0)
			return err_wrap(err, r, "%s", program_names[id]);
	}
	return 0;
}

static int program_number(int fd, uint32_t *ret_id)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int r = bpf_obj_get_info_by_fd(fd, &info, &size);

	if (r == 0)
		*ret_id = info.id;
	return r;
}

static int check_effective(int fd, int cgroup_fd, enum bpf_attach_type type, struct err *err)
{
	uint32_t ids[EFFECTIVE_MAX], n = EFFECTIVE_MAX, id;
	int r;

	r = program_number(fd, &id);
	if (r == 0)
		r = bpf_prog_query(cgroup_fd, type, BPF_F_QUERY_EFFECTIVE, NULL, ids, &n);
	if (r < 0)
		return err_set(err, r, "cannot ask what is attached to the cgroup: %s",
		               strerror(-r));
	for (uint32_t i = 0; i < n; i++) {
		if (ids[i] == id)
			return 0;
	}
	return err_set(err, -ENOENT, "the program is not in effect at the cgroup");
}

bool programs_attached(const struct programs *programs, int cgroup_fd, struct err *err)
{
	for (int i = 0; i < PROGRAMS; i++) {
		int r = check_effective(programs->fd[i], cgroup_fd, attach_types[i], err);

		if (r < 0) {
			(void)err_wrap(err, r, "%s", program_names[i]);
			return false;
		}
	}
	return true;
}

/* Also of what another version has. */
static bool is_reverse(const char *name)
{
	return strncmp(name, "recvmsg", 7) == 0 || strncmp(name, "getpeername", 11) == 0;
}

static int detach(const char *path, struct err *err)
{
	auto_close int fd = bpf_obj_get(path);

	if (fd < 0)
		return err_errno(err, "cannot open the link %s", path);
	/* a process may still hold the link: unlinking alone would leave it attached */
	if (bpf_link_detach(fd) < 0 && errno != ENOLINK)
		return err_errno(err, "cannot detach %s", path);
	if (unlink(path) < 0)
		return err_errno(err, "cannot remove %s", path);
	return 0;
}

static int detach_kind(const char *folder, struct dirent *const *entries, int n, bool reverse,
                       struct err *err)
{
	int r = 0;

	for (int i = 0; i < n && r == 0; i++) {
		auto_free char *path = xasprintf("%s/%s", folder, entries[i]->d_name);

		if (entries[i]->d_name[0] != '.' && is_reverse(entries[i]->d_name) == reverse)
			r = detach(path, err);
	}
	return r;
}

/* Who translates is gone before who translates back. */
int programs_detach(const char *dir, struct err *err)
{
	auto_free char *folder = xasprintf("%s/links", dir);
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, alphasort), r;

	if (n < 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot read %s", folder);
	r = detach_kind(folder, entries, n, false, err);
	if (r == 0)
		r = detach_kind(folder, entries, n, true, err);
	while (n)
		free(entries[--n]);
	free(entries);
	return r;
}
