/* SPDX-License-Identifier: Apache-2.0 */
/* The clients: each one thread that asks the Service as fast as it can. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "churn.h"

#define ANSWER_S       3   /* that long without an answer is a failure */
#define DATAGRAMS      500 /* of a connected socket, unless it is destroyed before */
#define COMPLAINTS_MAX 5   /* to standard error, of each client */

static void complain(const struct found *found, uint64_t n, const char *what, int error)
{
	if (n <= COMPLAINTS_MAX)
		(void)fprintf(stderr, "%s: %s: %s\n", found->name, what, strerror(error));
}

static void found_error(struct found *found, const char *what, int error)
{
	uint64_t *count = error == ECONNREFUSED ? &found->refused : &found->failed;

	complain(found, ++*count, what, error);
}

static int open_socket(int type)
{
	struct timeval patience = { .tv_sec = ANSWER_S };
	int fd = socket(setup.vip.family == 6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

static socklen_t service_sockaddr(struct sockaddr_storage *ret)
{
	return ipaddr_sockaddr(&setup.vip, setup.port, ret);
}

static bool is_service(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
	struct sockaddr_storage storage;
	const struct sockaddr_in6 *want6 = (const struct sockaddr_in6 *)&storage;
	const struct sockaddr_in *want = (const struct sockaddr_in *)&storage;

	service_sockaddr(&storage);
	if (sa->ss_family != storage.ss_family)
		return false;
	if (sa->ss_family == AF_INET6)
		return in6->sin6_port == want6->sin6_port &&
		       memcmp(&in6->sin6_addr, &want6->sin6_addr, sizeof(in6->sin6_addr)) == 0;
	return in->sin_port == want->sin_port && in->sin_addr.s_addr == want->sin_addr.s_addr;
}

static void check_peer(struct found *found, const struct sockaddr_storage *peer)
{
	if (!is_service(peer))
		complain(found, ++found->wrong_peer, "an address that is not the Service's", 0);
}

static int connect_service(int fd)
{
	struct sockaddr_storage sa;
	socklen_t size = service_sockaddr(&sa);

	return connect(fd, (struct sockaddr *)&sa, size) < 0 ? -errno : 0;
}

/* Asks and checks the answer.  0 or -errno. */
static int exchange(struct found *found, int fd, uint64_t nonce, int64_t start)
{
	struct message message = { .nonce = nonce, .backend = UINT32_MAX };
	ssize_t n;

	if (send(fd, &message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		return -errno;
	do {
		n = recv(fd, &message, sizeof(message), 0);
		if (n < 0)
			return -errno;
		if (n != sizeof(message) || message.backend >= BACKENDS)
			return -EPROTO;
	} while (message.nonce < nonce); /* a datagram that was given up */
	if (message.nonce != nonce)
		return -EPROTO;
	found_answer(found, message.backend, start);
	return 0;
}

/* A reset at the end, so that no port of the client waits. */
static void close_at_once(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	(void)close(fd);
}

void *client_tcp(void *arg)
{
	struct found *found = arg;

	for (uint64_t nonce = 1; goes_on(); nonce++) {
		int fd = open_socket(SOCK_STREAM), r;
		struct sockaddr_storage peer = { 0 };
		socklen_t size = sizeof(peer);
		int64_t start = clock_now();

		r = connect_service(fd);
		if (r < 0)
			found_error(found, "connect", -r);
		else if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
			check_peer(found, &peer);
		if (r == 0) {
			r = exchange(found, fd, nonce, start);
			if (r < 0)
				found_error(found, "a connection", -r);
		}
		close_at_once(fd);
	}
	return NULL;
}

/* One datagram there and back. */
static int exchange_datagram(struct found *found, int fd, uint64_t nonce)
{
	struct message message = { .nonce = nonce };
	struct sockaddr_storage sa, from = { 0 };
	socklen_t size = service_sockaddr(&sa);
	int64_t start = clock_now();

	if (sendto(fd, &message, sizeof(message), 0, (struct sockaddr *)&sa, size) < 0)
		return -errno;
	do {
		size = sizeof(from);
		if (recvfrom(fd, &message, sizeof(message), 0, (struct sockaddr *)&from, &size) < 0)
			return -errno;
		check_peer(found, &from);
	} while (message.nonce < nonce);
	if (message.nonce != nonce || message.backend >= BACKENDS)
		return -EPROTO;
	found_answer(found, message.backend, start);
	return 0;
}

void *client_udp(void *arg)
{
	auto_close int fd = open_socket(SOCK_DGRAM);
	struct found *found = arg;

	for (uint64_t nonce = 1; goes_on(); nonce++) {
		int r = exchange_datagram(found, fd, nonce);

		if (r < 0)
			found_error(found, "a datagram", -r);
	}
	return NULL;
}

/* What a socket that was destroyed says (udp_abort), and afterwards. */
static bool is_destroyed(int r)
{
	return r == -ECONNABORTED || r == -EDESTADDRREQ || r == -ENOTCONN;
}

void *client_udp_connected(void *arg)
{
	struct found *found = arg;
	uint64_t nonce = 1;

	while (goes_on()) {
		auto_close int fd = open_socket(SOCK_DGRAM);
		struct sockaddr_storage peer = { 0 };
		socklen_t size = sizeof(peer);
		int r = connect_service(fd);

		if (r == 0 && getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
			check_peer(found, &peer);
		for (int i = 0; r == 0 && i < DATAGRAMS && goes_on(); i++)
			r = exchange(found, fd, nonce++, clock_now());
		if (is_destroyed(r))
			found->moved++;
		else if (r < 0)
			found_error(found, "a connected socket", -r);
	}
	return NULL;
}
