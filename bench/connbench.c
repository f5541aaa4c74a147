/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connbench - short TCP connections and requests, counted.
 *
 *	connbench server PORT            accepts, reads a request, answers, and closes if asked to
 *	connbench conn ADDR PORT MS  one connection after another: connect, 64 bytes there and back, close
 *	connbench rr ADDR PORT MS    requests over one connection
 *
 * The client prints: rate per second, median and 99th percentile of connect() (or of a request) in ns,
 * failures.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/tcp.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/ipaddr.h"
#include "base/mem.h"
#include "base/parse.h"

#define MESSAGE     64
#define EVENTS      64
#define BACKLOG     4096
#define SAMPLES_MAX (1 << 21)
#define CLOSE_AFTER 'c' /* first byte of a request: the server closes after its answer */
#define KEEP        'r'

static uint32_t *samples;
static size_t n_samples;

static void serve_one(int fd)
{
	char message[4 * MESSAGE];
	ssize_t n = read(fd, message, sizeof(message));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || write(fd, message, (size_t)n) != n || message[0] == CLOSE_AFTER)
		(void)close(fd);
}

static void accept_all(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

		(void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	}
}

static int serve(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };
	struct epoll_event events[EVENTS];

	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(listener, BACKLOG) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) {
		perror("connbench: listen");
		return 1;
	}
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				accept_all(epoll, listener);
			else
				serve_one(events[i].data.fd);
		}
	}
}

static int ask(int fd, char kind)
{
	char message[MESSAGE];

	memset(message, kind, sizeof(message));
	if (write(fd, message, sizeof(message)) != MESSAGE ||
	    recv(fd, message, sizeof(message), MSG_WAITALL) != MESSAGE)
		return -EIO;
	return 0;
}

static int open_socket(const struct sockaddr_storage *addr)
{
	const struct timeval timeout = { .tv_sec = 2 };
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void sample(int64_t ns)
{
	if (n_samples < SAMPLES_MAX)
		samples[n_samples++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

/* One connection; -1 if anything of it failed. */
static int connection(const struct sockaddr_storage *addr, socklen_t size)
{
	auto_close int fd = open_socket(addr);
	int64_t start = clock_now();
	char rest;

	if (connect(fd, (const struct sockaddr *)addr, size) < 0)
		return -1;
	sample(clock_now() - start);
	return ask(fd, CLOSE_AFTER) < 0 || read(fd, &rest, 1) != 0 ? -1 : 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int measure(bool connections, const struct sockaddr_storage *addr, socklen_t size,
                   uint64_t milliseconds)
{
	auto_close int fd = connections ? -1 : open_socket(addr);
	unsigned long good = 0, bad = 0;
	int64_t start, now;

	if (!connections && connect(fd, (const struct sockaddr *)addr, size) < 0) {
		perror("connbench: connect");
		return 1;
	}
	start = now = clock_now();
	while (now - start < (int64_t)milliseconds * NSEC_PER_MSEC) {
		int r = connections ? connection(addr, size) : ask(fd, KEEP);
		int64_t after = clock_now();

		if (!connections)
			sample(after - now);
		good += r == 0;
		bad += r != 0;
		now = after;
	}
	qsort(samples, n_samples, sizeof(*samples), compare);
	(void)printf("%.0f %u %u %lu\n", (double)good * 1e9 / (double)(now - start),
	             n_samples ? samples[n_samples / 2] : 0,
	             n_samples ? samples[n_samples * 99 / 100] : 0, bad);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_storage sockaddr;
	uint64_t port = 0, milliseconds = 0;
	struct ipaddr addr;
	socklen_t size;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "server") == 0 &&
	    parse_u64(argv[2], UINT16_MAX, &port) == 0)
		return serve((uint16_t)port);
	if (argc != 5 || ipaddr_parse(argv[2], &addr) < 0 ||
	    parse_u64(argv[3], UINT16_MAX, &port) < 0 ||
	    parse_u64(argv[4], 60000, &milliseconds) < 0) {
		(void)fprintf(stderr,
		              "usage: connbench server PORT | conn|rr ADDR PORT MILLISECONDS\n");
		return 2;
	}
	samples = xcalloc(SAMPLES_MAX, sizeof(*samples));
	size = ipaddr_sockaddr(&addr, (uint16_t)port, &sockaddr);
	return measure(strcmp(argv[1], "conn") == 0, &sockaddr, size, milliseconds);
}
