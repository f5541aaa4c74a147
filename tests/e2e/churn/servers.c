/* SPDX-License-Identifier: Apache-2.0 */
/* The echo servers of all backends: one thread. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "churn.h"

enum {
	EVENTS = 64,
	BACKLOG = 4096
};

enum what {
	LISTENER,
	CONNECTION,
	UDP
};

/* epoll_event.data.u64 */
static uint64_t pack(enum what what, uint32_t backend, int fd)
{
	return (uint64_t)what << 56 | (uint64_t)backend << 32 | (uint32_t)fd;
}

static void watch(int epoll, enum what what, uint32_t backend, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = pack(what, backend, fd) };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl: %s", strerror(errno));
}

static int bound_socket(int type, uint32_t backend)
{
	struct ipaddr addr = backend_address(backend);
	struct sockaddr_storage sa;
	socklen_t size = ipaddr_sockaddr(&addr, BACKEND_PORT, &sa);
	char text[IPADDR_TEXT_SIZE];
	int one = 1, fd;

	fd = socket(sa.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, size) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
		ipaddr_format(&addr, text);
		die("cannot listen at %s: %s", text, strerror(errno));
	}
	return fd;
}

static void accept_all(int epoll, uint32_t backend, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		watch(epoll, CONNECTION, backend, fd);
}

/* A request comes in one piece.  The client closes first, so that no port waits. */
static void answer_connection(uint32_t backend, int fd)
{
	struct message message;
	ssize_t n = recv(fd, &message, sizeof(message), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	message.backend = backend;
	if (n != sizeof(message) || send(fd, &message, sizeof(message), MSG_NOSIGNAL) != n)
		(void)close(fd);
}

static void answer_datagrams(uint32_t backend, int fd)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	struct message message;

	while (recvfrom(fd, &message, sizeof(message), 0, (struct sockaddr *)&from, &size) ==
	       sizeof(message)) {
		message.backend = backend;
		(void)sendto(fd, &message, sizeof(message), 0, (struct sockaddr *)&from, size);
		size = sizeof(from);
	}
}

static void *serve(void *arg)
{
	struct epoll_event events[EVENTS];
	int epoll = *(int *)arg, n;

	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			uint64_t data = events[i].data.u64;
			uint32_t backend = data >> 32 & 0xffffff;
			int fd = (int)(uint32_t)data;

			if (data >> 56 == LISTENER)
				accept_all(epoll, backend, fd);
			else if (data >> 56 == UDP)
				answer_datagrams(backend, fd);
			else
				answer_connection(backend, fd);
		}
	}
	return NULL;
}

void servers_start(void)
{
	static int epoll;
	pthread_t thread;

	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		die("epoll_create1: %s", strerror(errno));
	for (uint32_t b = 0; b < BACKENDS; b++) {
		watch(epoll, LISTENER, b, bound_socket(SOCK_STREAM, b));
		watch(epoll, UDP, b, bound_socket(SOCK_DGRAM, b));
	}
	if (pthread_create(&thread, NULL, serve, &epoll) != 0)
		die("cannot start a thread");
}
