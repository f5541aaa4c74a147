/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#define BPFFS "/sys/fs/bpf"

#ifndef SO_NETNS_COOKIE
#	define SO_NETNS_COOKIE 71
#endif

/* The octal escapes of /proc/self/mountinfo. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		unsigned int byte;

		if (*s == '\\' && sscanf(s + 1, "%3o", &byte) == 1) {
			*to = (char)byte;
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = '\0';
}

/* "31 23 0:41 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw" */
static bool parse_cgroup_mount(const char *line, char **ret_path)
{
	auto_free char *root = NULL, *path = NULL;
	const char *type = strstr(line, " - ");

	if (!type || strncmp(type + 3, "cgroup2 ", 8) != 0)
		return false;
	if (sscanf(line, "%*s %*s %*s %ms %ms", &root, &path) != 2)
		return false;
	if (strcmp(root, "/") != 0)
		return false;
	unescape(path);
	*ret_path = take_ptr(&path);
	return true;
}

int host_cgroup_root(char **ret_path, struct err *err)
{
	auto_fclose FILE *file = fopen("/proc/self/mountinfo", "re");
	auto_free char *line = NULL;
	size_t cap = 0;

	if (!file)
		return err_errno(err, "cannot read /proc/self/mountinfo");
	while (getline(&line, &cap, file) > 0) {
		if (parse_cgroup_mount(line, ret_path))
			return 0;
	}
	return err_set(err, -ENOENT,
	               "no cgroup v2 hierarchy is mounted; "
	               "mount one: mkdir -p /run/cgroup2 && mount -t cgroup2 none /run/cgroup2");
}

int host_cgroup_open(const char *path, struct err *err)
{
	auto_free char *root = NULL;
	auto_close int fd = -1;
	struct statfs fs;
	int r;

	if (!path) {
		r = host_cgroup_root(&root, err);
		if (r < 0)
			return r;
		path = root;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "cannot open the cgroup %s", path);
	if (fstatfs(fd, &fs) < 0)
		return err_errno(err, "cannot examine %s", path);
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return err_set(err, -ENOENT, "%s is not a folder of a cgroup v2 hierarchy", path);
	return take_fd(&fd);
}

bool host_on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

int host_bpffs_folder(const char *dir, struct err *err)
{
	bool below = strncmp(dir, BPFFS "/", strlen(BPFFS "/")) == 0;
	const char *mount_point = below ? BPFFS : dir;
	int r;

	if (!below) {
		r = file_mkdirs(dir, 0700, err);
		if (r < 0)
			return r;
	}
	if (!host_on_bpffs(mount_point) && mount("bpf", mount_point, "bpf", 0, "mode=0700") < 0)
		return err_errno(err, "cannot mount a bpffs (mount -t bpf bpf %s)", mount_point);
	return file_mkdirs(dir, 0700, err);
}

static bool has_capability(unsigned long long caps, unsigned int cap)
{
	return caps >> cap & 1 || caps >> CAP_SYS_ADMIN & 1;
}

static int say_why_refused(struct err *err)
{
	auto_fclose FILE *file = fopen("/proc/self/status", "re");
	auto_free char *line = NULL;
	unsigned long long caps = 0;
	size_t cap = 0;

	while (file && getline(&line, &cap, file) > 0) {
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	}
	if (has_capability(caps, CAP_BPF) && caps >> CAP_NET_ADMIN & 1)
		return err_set(
			err, -EPERM,
			"the kernel refuses to load eBPF programs although the rights are there: "
			"a seccomp filter (container) or kernel lockdown forbids bpf()");
	return err_set(
		err, -EPERM,
		"no right to load eBPF programs: run as root, or with the capabilities %s%s%s",
		has_capability(caps, CAP_BPF) ? "" : "CAP_BPF",
		has_capability(caps, CAP_BPF) || caps >> CAP_NET_ADMIN & 1 ? "" : " and ",
		caps >> CAP_NET_ADMIN & 1 ? "" : "CAP_NET_ADMIN");
}

static int try_load(const struct bpf_insn *insns, size_t n)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
	int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "probe", "GPL", insns, n, &opts);

	if (fd < 0)
		return fd;
	(void)close(fd);
	return 0;
}

static struct bpf_insn move(unsigned int reg, int value)
{
	return (struct bpf_insn){
		.code = BPF_ALU64 | BPF_MOV | BPF_K,
		.dst_reg = (unsigned char)(reg & 15),
		.imm = value,
	};
}

static struct bpf_insn jump(unsigned int op, int value)
{
	return (struct bpf_insn){ .code = (unsigned char)(BPF_JMP | op), .imm = value };
}

int host_check_bpf(struct err *err)
{
	const struct bpf_insn insns[] = { move(BPF_REG_0, 1), jump(BPF_EXIT, 0) };
	int r = try_load(insns, ARRAY_SIZE(insns));

	switch (-r) {
	case 0:
		return 0;
	case EPERM:
	case EACCES:
		return say_why_refused(err);
	case ENOSYS:
		return err_set(err, -EOPNOTSUPP,
		               "the kernel has no bpf() system call (CONFIG_BPF_SYSCALL)");
	default:
		return err_set(err, -EOPNOTSUPP,
		               "the kernel cannot load eBPF programs for cgroup sockets "
		               "(CONFIG_CGROUP_BPF, Linux 5.15 or newer): %s",
		               strerror(-r));
	}
}

bool host_has_set_retval(void)
{
	const struct bpf_insn insns[] = {
		move(BPF_REG_1, -ECONNREFUSED),
		jump(BPF_CALL, BPF_FUNC_set_retval),
		move(BPF_REG_0, 0),
		jump(BPF_EXIT, 0),
	};

	return try_load(insns, ARRAY_SIZE(insns)) == 0;
}

int host_netns_cookie(uint64_t *ret_cookie, struct err *err)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*ret_cookie);

	if (fd < 0)
		return err_errno(err, "cannot make a socket");
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret_cookie, &size) < 0)
		return err_errno(err, "cannot ask for the network namespace's cookie");
	return 0;
}
