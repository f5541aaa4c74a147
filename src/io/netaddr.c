/* SPDX-License-Identifier: Apache-2.0 */
#include "io/netaddr.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define BUFFER_SIZE  32768 /* the kernel fills dumps in pieces of up to this */
#define DUMP_TRIES   16    /* a dump that changes meanwhile is started anew */
#define DISCARD_PORT 9

static void cleanup_mnl(struct mnl_socket **nl)
{
	if (*nl)
		(void)mnl_socket_close(*nl);
}

#define auto_mnl __attribute__((cleanup(cleanup_mnl)))

/* What the two dumps of a list gather. */
struct survey {
	unsigned int *up; /* indexes of devices that are up */
	size_t n_up, up_cap;
	struct ipaddr *addrs;
	size_t n_addrs, addrs_cap;
};

static void survey_done(struct survey *s)
{
	free(s->up);
	free(s->addrs);
	*s = (struct survey){ 0 };
}

static int on_link(const struct nlmsghdr *header, void *arg)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
	struct survey *s = arg;

	if (header->nlmsg_type != RTM_NEWLINK || !(link->ifi_flags & IFF_UP))
		return MNL_CB_OK;
	array_reserve(s->up, s->n_up, s->up_cap);
	s->up[s->n_up++] = (unsigned int)link->ifi_index;
	return MNL_CB_OK;
}

static bool is_up(const struct survey *s, unsigned int index)
{
	for (size_t i = 0; i < s->n_up; i++)
		if (s->up[i] == index)
			return true;
	return false;
}

struct addr_attrs {
	const struct nlattr *local, *address;
	uint32_t flags;
};

static int on_addr_attr(const struct nlattr *attr, void *arg)
{
	struct addr_attrs *attrs = arg;

	switch (mnl_attr_get_type(attr)) {
	case IFA_LOCAL:
		attrs->local = attr;
		break;
	case IFA_ADDRESS:
		attrs->address = attr;
		break;
	case IFA_FLAGS: /* more of them than fit into the header */
		if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			attrs->flags = mnl_attr_get_u32(attr);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int on_addr(const struct nlmsghdr *header, void *arg)
{
	const struct ifaddrmsg *message = mnl_nlmsg_get_payload(header);
	struct addr_attrs attrs = { .flags = message->ifa_flags };
	uint16_t size = message->ifa_family == AF_INET ? 4 : 16;
	struct ipaddr addr = { .family = message->ifa_family == AF_INET ? 4 : 6 };
	const struct nlattr *attr;
	struct survey *s = arg;

	if (header->nlmsg_type != RTM_NEWADDR || !is_up(s, message->ifa_index) ||
	    (message->ifa_family != AF_INET && message->ifa_family != AF_INET6))
		return MNL_CB_OK;
	(void)mnl_attr_parse(header, sizeof(*message), on_addr_attr, &attrs);
	/* on a point-to-point device IFA_ADDRESS is the other end */
	attr = attrs.local ? attrs.local : attrs.address;
	if (!attr || mnl_attr_get_payload_len(attr) != size)
		return MNL_CB_OK;
	if (attrs.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) && !(attrs.flags & IFA_F_OPTIMISTIC))
		return MNL_CB_OK;
	memcpy(addr.bytes, mnl_attr_get_payload(attr), size);
	array_reserve(s->addrs, s->n_addrs, s->addrs_cap);
	s->addrs[s->n_addrs++] = addr;
	return MNL_CB_OK;
}

/* One dump of 'type'; -EINTR: things changed meanwhile, and something may be missing. */
static int dump(struct mnl_socket *nl, uint16_t type, size_t head_size, mnl_cb_t cb, void *arg)
{
	static _Atomic uint32_t last_seq;
	auto_free char *buffer = xmalloc(BUFFER_SIZE);
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	uint32_t seq = ++last_seq;
	ssize_t n;
	int r;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = seq;
	(void)mnl_nlmsg_put_extra_header(header, head_size); /* zero: of any family */
	if (mnl_socket_sendto(nl, header, header->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(nl, buffer, BUFFER_SIZE);
		if (n < 0)
			return -errno;
		r = mnl_cb_run(buffer, (size_t)n, seq, mnl_socket_get_portid(nl), cb, arg);
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

static int open_rtnetlink(int flags, unsigned int groups, struct mnl_socket **ret, struct err *err)
{
	auto_mnl struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);

	if (!nl || mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0)
		return err_errno(err, "cannot ask the kernel for addresses (rtnetlink)");
	*ret = take_ptr(&nl);
	return 0;
}

static int survey_try(struct survey *s)
{
	auto_mnl struct mnl_socket *nl = NULL;
	int r;

	r = open_rtnetlink(0, 0, &nl, NULL);
	if (r == 0)
		r = dump(nl, RTM_GETLINK, sizeof(struct ifinfomsg), on_link, s);
	if (r == 0)
		r = dump(nl, RTM_GETADDR, sizeof(struct ifaddrmsg), on_addr, s);
	return r;
}

static int compare(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

/* Sorted, and each once, although two devices may have the same. */
static void sort_unique(struct survey *s)
{
	size_t n = 0;

	if (s->n_addrs > 0)
		qsort(s->addrs, s->n_addrs, sizeof(s->addrs[0]), compare);
	for (size_t i = 0; i < s->n_addrs; i++)
		if (n == 0 || !ipaddr_equal(&s->addrs[n - 1], &s->addrs[i]))
			s->addrs[n++] = s->addrs[i];
	s->n_addrs = n;
}

int netaddr_list(struct ipaddr **ret, size_t *ret_n, struct err *err)
{
	struct survey s = { 0 };
	int r = -EINTR;

	for (int tries = 0; r == -EINTR && tries < DUMP_TRIES; tries++) {
		survey_done(&s);
		r = survey_try(&s);
	}
	if (r < 0) {
		survey_done(&s);
		return err_set(err, r, "cannot list the addresses of this machine: %s",
		               strerror(-r));
	}
	sort_unique(&s);
	free(s.up);
	*ret = s.addrs;
	*ret_n = s.n_addrs;
	return 0;
}

int netaddr_default_source(int family, struct ipaddr *ret)
{
	/* documentation prefixes (RFC 5737, 3849): only the default route leads there, and connecting
	 * a datagram socket sends nothing */
	static const char *const far[] = { "192.0.2.1", "2001:db8::1" };
	struct sockaddr_storage sa;
	struct ipaddr addr = { .family = (uint8_t)family };
	socklen_t size = sizeof(sa);
	auto_close int fd = -1;
	int r;

	r = ipaddr_parse(far[family == 4 ? 0 : 1], &addr);
	if (r < 0)
		return r;
	size = ipaddr_sockaddr(&addr, DISCARD_PORT, &sa);
	fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno == EAFNOSUPPORT ? -ENETUNREACH : -errno;
	if (connect(fd, (const struct sockaddr *)&sa, size) < 0)
		return errno == EHOSTUNREACH || errno == EACCES || errno == EADDRNOTAVAIL
		               ? -ENETUNREACH
		               : -errno;
	size = sizeof(sa);
	if (getsockname(fd, (struct sockaddr *)&sa, &size) < 0)
		return -errno;
	addr = (struct ipaddr){ .family = (uint8_t)family };
	if (family == 4)
		memcpy(addr.bytes, &((struct sockaddr_in *)&sa)->sin_addr, 4);
	else
		memcpy(addr.bytes, &((struct sockaddr_in6 *)&sa)->sin6_addr, 16);
	*ret = addr;
	return 0;
}

struct netaddr_watch {
	struct mnl_socket *nl;
	struct fd_watch *fd;
	loop_fn changed;
	void *arg;
	char buffer[BUFFER_SIZE];
};

static int on_message(const struct nlmsghdr *header, void *arg)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
	bool *changed = arg;

	if (header->nlmsg_type == RTM_NEWADDR || header->nlmsg_type == RTM_DELADDR)
		*changed = true;
	/* up or down: IPv4 addresses stay when a device goes down, without a word; all bits set is
	 * a new device, which has none yet */
	if (header->nlmsg_type == RTM_NEWLINK && (link->ifi_change & IFF_UP) &&
	    link->ifi_change != ~0U)
		*changed = true;
	return MNL_CB_OK;
}

static void on_netlink(void *arg)
{
	struct netaddr_watch *watch = arg;
	bool changed = false;
	ssize_t n;

	for (;;) {
		n = mnl_socket_recvfrom(watch->nl, watch->buffer, sizeof(watch->buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		(void)mnl_cb_run(watch->buffer, (size_t)n, 0, 0, on_message, &changed);
	}
	/* ENOBUFS: messages were lost, and any of them may have mattered */
	if (changed || (n < 0 && errno == ENOBUFS))
		watch->changed(watch->arg); /* may free the watch */
}

int netaddr_watch_new(struct loop *loop, loop_fn changed, void *arg, struct netaddr_watch **ret,
                      struct err *err)
{
	struct mnl_socket *nl;
	struct netaddr_watch *watch;
	int r;

	r = open_rtnetlink(SOCK_NONBLOCK, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	                   &nl, err);
	if (r < 0)
		return r;
	watch = xnew(struct netaddr_watch);
	watch->nl = nl;
	watch->changed = changed;
	watch->arg = arg;
	watch->fd = fd_watch_new(loop, mnl_socket_get_fd(nl), on_netlink, watch);
	*ret = watch;
	return 0;
}

void netaddr_watch_free(struct netaddr_watch *watch)
{
	if (!watch)
		return;
	fd_watch_free(watch->fd);
	(void)mnl_socket_close(watch->nl);
	free(watch);
}
