/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/sockdiag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define STATE_ESTABLISHED 1 /* TCP_ESTABLISHED, of connected UDP sockets too */

struct request {
	struct nlmsghdr h;
	struct inet_diag_req_v2 r;
};

struct answer {
	struct nlmsghdr h;
	struct nlmsgerr e;
	char more[sizeof(struct request)];
};

static struct request request_for(const struct victim *victim)
{
	struct request q = {
		.h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = SOCK_DESTROY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.r = { .sdiag_family = victim->v6 ? AF_INET6 : AF_INET,
		       .sdiag_protocol = IPPROTO_UDP,
		       .idiag_states = 1u << STATE_ESTABLISHED,
		       .id = { .idiag_sport = victim->local_port,
		               .idiag_dport = victim->remote_port,
		               .idiag_if = victim->ifindex,
		               .idiag_cookie = { (__u32)victim->cookie,
		                                 (__u32)(victim->cookie >> 32) } } },
	};

	memcpy(q.r.id.idiag_src, victim->local, sizeof(victim->local));
	memcpy(q.r.id.idiag_dst, victim->remote, sizeof(victim->remote));
	return q;
}

static int destroy(int fd, const struct victim *victim, struct err *err)
{
	struct request q = request_for(victim);
	struct answer answer = { 0 };

	if (send(fd, &q, sizeof(q), 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		return err_errno(err, "cannot ask for a socket's end");
	if (answer.e.error < 0)
		return err_set(err, answer.e.error, "cannot destroy a socket: %s",
		               strerror(-answer.e.error));
	return 0;
}

int sockdiag_destroy(const struct victim *victims, size_t n, unsigned long *ret_destroyed,
                     struct err *err)
{
	auto_close int fd = -1;

	if (n == 0)
		return 0;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return err_errno(err, "cannot make a netlink socket");
	for (size_t i = 0; i < n; i++) {
		int r = destroy(fd, &victims[i], err);

		*ret_destroyed += r == 0;
		/* -ESTALE: others are at the same addresses meanwhile */
		if (r < 0 && r != -ENOENT && r != -ESTALE)
			return r;
	}
	return 0;
}
