/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define STATE_ESTABLISHED 1 /* TCP_ESTABLISHED, of connected UDP sockets too */
#define ANSWER_MAX        65536

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

struct listing {
	void (*visit)(void *arg, const struct ipaddr *remote, uint16_t port);
	void *arg;
};

static struct ipaddr remote_of(const struct inet_diag_msg *m)
{
	const __be32 *a = m->id.idiag_dst;
	struct ipaddr addr = { .family = 4 };

	if (m->idiag_family == AF_INET) {
		memcpy(addr.bytes, a, 4);
	} else if (!a[0] && !a[1] && a[2] == htonl(0xffff)) {
		memcpy(addr.bytes, &a[3], 4);
	} else {
		addr.family = 6;
		memcpy(addr.bytes, a, 16);
	}
	return addr;
}

static void visit_one(const struct listing *listing, const struct nlmsghdr *h)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	struct ipaddr remote;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return;
	remote = remote_of(m);
	listing->visit(listing->arg, &remote, ntohs(m->id.idiag_dport));
}

/* 1 at the end of the answer. */
static int read_part(int fd, char *buf, const struct listing *listing, struct err *err)
{
	ssize_t n = recv(fd, buf, ANSWER_MAX, 0);
	const struct nlmsghdr *h = (const void *)buf;

	if (n < 0)
		return err_errno(err, "cannot read the list of sockets");
	for (; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
		const struct nlmsgerr *e = NLMSG_DATA(h);

		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return err_set(err, e->error, "cannot list sockets: %s",
			               strerror(-e->error));
		visit_one(listing, h);
	}
	return 0;
}

static int list(int fd, uint8_t family, int protocol, const struct listing *listing,
                struct err *err)
{
	struct request q = {
		.h = { .nlmsg_len = sizeof(q),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.r = { .sdiag_family = family,
		       .sdiag_protocol = (uint8_t)protocol,
		       .idiag_states = 1u << STATE_ESTABLISHED },
	};
	auto_free char *buf = xmalloc(ANSWER_MAX);
	int r;

	if (send(fd, &q, sizeof(q), 0) < 0)
		return err_errno(err, "cannot ask for the list of sockets");
	while ((r = read_part(fd, buf, listing, err)) == 0)
		;
	return r < 0 ? r : 0;
}

int sockdiag_each(int protocol,
                  void (*visit)(void *arg, const struct ipaddr *remote, uint16_t port), void *arg,
                  struct err *err)
{
	const struct listing listing = { .visit = visit, .arg = arg };
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int r;

	if (fd < 0)
		return err_errno(err, "cannot make a netlink socket");
	r = list(fd, AF_INET, protocol, &listing, err);
	return r < 0 ? r : list(fd, AF_INET6, protocol, &listing, err);
}
