/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/effect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/rand.h"
#include "datapath/table.h"

#define MSG_PROBE 0x10 /* with no bytes: go the way of a datagram, send none */

static const __be32 addr4 = 0x080000c0;                             /* 192.0.0.8 */
static const unsigned char addr6[16] = { [0] = 0x01, [15] = 0x08 }; /* 100::8 */

enum hook {
	HOOK_CONNECT4,
	HOOK_SENDMSG4,
	HOOK_CONNECT6,
	HOOK_SENDMSG6,
	HOOKS,
};

static const char *const hook_names[HOOKS] = { "connect4", "sendmsg4", "connect6", "sendmsg6" };

static void set_filter(struct maps *maps, uint32_t bit)
{
	(void)__atomic_fetch_or(&maps->filter->word[bit / 64], 1ull << bit % 64, __ATOMIC_RELEASE);
}

static int arm(struct maps *maps, uint8_t family, const void *addr, size_t size, uint32_t sum,
               struct err *err)
{
	struct table_entry e = { .addr.family = family,
		                 .port = ntohs(maps->config->probe_port),
		                 .proto = IPPROTO_UDP,
		                 .value.svc = SVC_NONE };
	int r;

	memcpy(e.addr.bytes, addr, size);
	r = table_set(maps, &e);
	if (r < 0)
		return err_set(err, r, "cannot set the frontend to be tried: %s", strerror(-r));
	set_filter(maps, filter_bit(sum, maps->config->probe_port));
	return 0;
}

int effect_arm(struct maps *maps, struct err *err)
{
	__be32 words[4];
	int r;

	if (!maps->config->probe_port)
		maps->config->probe_port = htons((uint16_t)(1 + rand_below(UINT16_MAX)));
	memcpy(words, addr6, sizeof(words));
	r = arm(maps, 4, &addr4, sizeof(addr4), addr4, err);
	return r < 0 ? r : arm(maps, 6, addr6, sizeof(addr6), addr_sum(words), err);
}

/* Before 6.1 a refused socket is one connected to port 0, which has no peer. */
static bool connect_is_refused(int fd, const void *to, socklen_t size)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof(peer);

	if (connect(fd, to, size) < 0)
		return errno == ECONNREFUSED;
	return getpeername(fd, (void *)&peer, &n) < 0 && errno == ENOTCONN;
}

/* Before 6.1 port 0 is an error of its own. */
static bool send_is_refused(int fd, const void *to, socklen_t size)
{
	return sendto(fd, NULL, 0, MSG_PROBE, to, size) < 0 &&
	       (errno == ECONNREFUSED || errno == EINVAL);
}

/* The first hook of the family that did not answer, or HOOKS; also in a child without memory. */
static enum hook try_family(int family, const void *to, socklen_t size)
{
	enum hook first = family == AF_INET ? HOOK_CONNECT4 : HOOK_CONNECT6;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enum hook missing = HOOKS;

	/* a kernel without IPv6 has nothing to try */
	if (fd < 0)
		return family == AF_INET6 && errno == EAFNOSUPPORT ? HOOKS : first;
	if (!send_is_refused(fd, to, size))
		missing = first + 1;
	else if (!connect_is_refused(fd, to, size))
		missing = first;
	(void)close(fd);
	return missing;
}

static enum hook try_all(__be16 port)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = port };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = port };
	enum hook missing;

	to4.sin_addr.s_addr = addr4;
	memcpy(&to6.sin6_addr, addr6, sizeof(addr6));
	missing = try_family(AF_INET, &to4, sizeof(to4));
	return missing < HOOKS ? missing : try_family(AF_INET6, &to6, sizeof(to6));
}

/* A socket's cgroup is the one of the process that makes it.  -errno if there can be no child. */
static int try_in_cgroup(int cgroup_fd, __be16 port)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .cgroup = (uint64_t)cgroup_fd };
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit((int)try_all(port));
	while (waitpid((pid_t)pid, &status, __WALL) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

int effect_probe(const struct maps *maps, int cgroup_fd, struct err *err)
{
	__be16 port = maps->config->probe_port;
	int r;

	if (try_all(port) == HOOKS)
		return 1;
	r = try_in_cgroup(cgroup_fd, port);
	if (r == HOOKS)
		return 1;
	if (r < 0 || r > HOOKS) {
		(void)err_set(err, r, "no process can be started in the cgroup to try: %s",
		              strerror(-r));
		return 0;
	}
	return err_set(err, -ENOENT,
	               "%s: a socket of the cgroup does not reach the program, although it is "
	               "attached; another program at the cgroup may have sent it elsewhere",
	               hook_names[r]);
}
