/* SPDX-License-Identifier: Apache-2.0 */
#include "io/listen.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define BACKLOG          1024
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_GAP_S  15
#define KEEPALIVE_TRIES  4
#define USER_TIMEOUT_MS  120000

static int set_option(int fd, int level, int name, int value, struct err *err)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		return err_errno(err, "cannot set option %d/%d of a socket", level, name);
	return 0;
}

static int set_tcp_options(int fd, int family, struct err *err)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_REUSEADDR, 1 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_GAP_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(options); i++)
		r = set_option(fd, options[i].level, options[i].name, options[i].value, err);
	/* [::] means all addresses, IPv4 ones too, whatever net.ipv6.bindv6only says */
	if (r == 0 && family == AF_INET6)
		r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, err);
	return r;
}

int listen_tcp(const struct ipaddr *addr, uint16_t port, struct err *err)
{
	struct sockaddr_storage sa;
	socklen_t sa_size = ipaddr_sockaddr(addr, port, &sa);
	char name[IPADDR_TEXT_SIZE + 8];
	auto_close int fd = -1;
	int r;

	ipaddr_format_hostport(addr, port, name);
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(err, "cannot listen on %s", name);
	r = set_tcp_options(fd, sa.ss_family, err);
	if (r < 0)
		return err_wrap(err, r, "cannot listen on %s", name);
	if (bind(fd, (struct sockaddr *)&sa, sa_size) < 0 || listen(fd, BACKLOG) < 0) {
		if (errno == EADDRINUSE)
			return err_set(err, -EADDRINUSE,
			               "cannot listen on %s: another program is using this port",
			               name);
		return err_errno(err, "cannot listen on %s", name);
	}
	return take_fd(&fd);
}

/* Makes room at the path of 'sa', or says why not. */
static int remove_stale(const struct sockaddr_un *sa, struct err *err)
{
	auto_close int fd = -1;
	struct stat st;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot look at it");
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, "it exists and is not a socket");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(err, "cannot make a socket");
	/* EAGAIN is a full queue: somebody listens there, too */
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 || errno == EAGAIN)
		return err_set(err, -EADDRINUSE, "another process is listening there");
	if (errno != ECONNREFUSED)
		return err_errno(err, "cannot try it");
	if (unlink(sa->sun_path) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove the stale socket");
	return 0;
}

int listen_unix(const char *path, struct err *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	auto_close int fd = -1;
	int r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(err, -ENAMETOOLONG,
		               "cannot listen on %s: a socket's path has at most %zu characters",
		               path, sizeof(sa.sun_path) - 1);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	r = remove_stale(&sa, err);
	if (r < 0)
		return err_wrap(err, r, "cannot listen on %s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* the mode before bind(): the file never exists with another, and umask() is not touched,
	 * which belongs to all threads */
	if (fd < 0 || fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, BACKLOG) < 0)
		return err_errno(err, "cannot listen on %s", path);
	return take_fd(&fd);
}

uint16_t listen_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &size) < 0)
		return 0;
	if (sa.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&sa)->sin_port);
	if (sa.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&sa)->sin6_port);
	return 0;
}
