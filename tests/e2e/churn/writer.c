/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writers change one endpoint of their EndpointSlice after the other: ready, not ready,
 * terminating, gone.  The first writer sees to it that one endpoint is ready at any time, over each
 * change.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "churn.h"

#define KEEP_NS (300 * NSEC_PER_MSEC) /* the keeper before stays that much longer */
#define REPLY   (64 * 1024)

enum condition {
	READY,
	UNREADY,
	TERMINATING,
	ABSENT,
	CONDITIONS
};

struct writer {
	uint32_t number;
	int fd;
	uint64_t random;
	enum condition conditions[BACKENDS]; /* of those that are its own */
	uint32_t keeper;                     /* of writer 0 */
	int64_t keep_until[BACKENDS];
};

atomic_ullong changes;

static int connect_api(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(setup.api_socket) >= sizeof(sa.sun_path))
		die("%s: the path of a socket is too long", setup.api_socket);
	(void)strcpy(sa.sun_path, setup.api_socket);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die("%s: %s", setup.api_socket, strerror(errno));
	return fd;
}

/* Reads one whole reply with a Content-Length; its status. */
static int read_reply(int fd)
{
	static _Thread_local char reply[REPLY + 1];
	const char *end = NULL, *length;
	size_t n = 0, want = REPLY;
	ssize_t more;
	int status;

	while (n < want) {
		more = recv(fd, reply + n, REPLY - n, 0);
		if (more <= 0)
			die("no reply of the API server: %s",
			    more < 0 ? strerror(errno) : "closed");
		n += (size_t)more;
		reply[n] = '\0';
		if (end)
			continue;
		end = strstr(reply, "\r\n\r\n");
		length = end ? strcasestr(reply, "\r\ncontent-length:") : NULL;
		if (length)
			want = (size_t)(end - reply) + 4 + strtoul(length + 17, NULL, 10);
	}
	if (sscanf(reply, "HTTP/1.1 %d", &status) != 1 || status != 200)
		die("the API server refuses a change: %s", reply);
	return status;
}

static void add_endpoint(struct buf *body, uint32_t backend, enum condition condition)
{
	struct ipaddr addr = backend_address(backend);
	char text[IPADDR_TEXT_SIZE];

	if (condition == ABSENT)
		return;
	ipaddr_format(&addr, text);
	buf_printf(body,
	           "%s{\"addresses\":[\"%s\"],\"conditions\":{\"ready\":%s,\"serving\":%s,"
	           "\"terminating\":%s}}",
	           body->p[body->n - 1] == '[' ? "" : ",", text,
	           condition == READY ? "true" : "false", condition == UNREADY ? "false" : "true",
	           condition == TERMINATING ? "true" : "false");
}

static void write_slice(const struct writer *w)
{
	auto_buf struct buf body = BUF_INIT, request = BUF_INIT;

	buf_adds(&body, "{\"endpoints\":[");
	for (uint32_t b = w->number; b < BACKENDS; b += WRITERS)
		add_endpoint(&body, b, w->conditions[b]);
	buf_adds(&body, "]}");
	buf_printf(&request,
	           "PATCH /apis/discovery.k8s.io/v1/namespaces/%s/endpointslices/%s-%u HTTP/1.1\r\n"
	           "Host: churn\r\nContent-Type: application/merge-patch+json\r\n"
	           "Content-Length: %zu\r\n\r\n%s",
	           setup.namespace, setup.service, w->number, body.n, buf_str(&body));
	if (send(w->fd, request.p, request.n, MSG_NOSIGNAL) != (ssize_t)request.n)
		die("cannot send to the API server: %s", strerror(errno));
	(void)read_reply(w->fd);
	(void)atomic_fetch_add(&changes, 1);
}

static void set_condition(struct writer *w, uint32_t backend, enum condition condition)
{
	if (condition == READY)
		backend_set_gone(backend, TIME_NEVER);
	w->conditions[backend] = condition;
	write_slice(w);
	if (condition != READY && backend_gone_since(backend) == TIME_NEVER)
		backend_set_gone(backend, clock_now());
}

/* Some other backend becomes the one that is always ready. */
static void hand_over(struct writer *w, uint32_t to)
{
	set_condition(w, to, READY);
	w->keep_until[w->keeper] = clock_now() + KEEP_NS;
	w->keep_until[to] = TIME_NEVER;
	w->keeper = to;
}

static void change_one(struct writer *w)
{
	uint32_t own = BACKENDS / WRITERS;
	uint32_t b = w->number + WRITERS * (uint32_t)(next_random(&w->random) % own);

	if (w->keep_until[b] > clock_now())
		return;
	if (w->number == 0 && next_random(&w->random) % 50 == 0)
		hand_over(w, b);
	else
		set_condition(w, b, (enum condition)(next_random(&w->random) % CONDITIONS));
}

static void sleep_until(int64_t when)
{
	struct timespec ts = { when / NSEC_PER_SEC, when % NSEC_PER_SEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

void *writer_run(void *arg)
{
	struct writer w = { .number = *(uint32_t *)arg, .fd = connect_api() };
	int64_t pause = (int64_t)(1e9 * WRITERS / setup.rate), next = clock_now();

	w.random = setup.seed * WRITERS + w.number + 1;
	for (uint32_t b = w.number; b < BACKENDS; b += WRITERS)
		w.conditions[b] = READY;
	w.keep_until[0] = w.number == 0 ? TIME_NEVER : 0;
	write_slice(&w);
	while (goes_on()) {
		change_one(&w);
		next += pause;
		sleep_until(next);
	}
	(void)close(w.fd);
	return NULL;
}
