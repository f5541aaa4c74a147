/* SPDX-License-Identifier: Apache-2.0 */
#include "node/check.h"

#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/http_client.h"

#define WHY_SIZE 512

struct check {
	void (*done)(void *arg, bool ok, const char *why);
	void *arg;
	struct loop *loop;
	/* First the limit; once there is a result, what hands it over outside other callbacks. */
	struct timer *timer;
	bool decided, ok;
	char why[WHY_SIZE];
	char hostport[IPADDR_TEXT_SIZE + 8];
	char *url; /* HTTP only */
	struct http_client *http;
	char *path;
	struct event *writable;
	int fd;
};

static void check_free(struct check *c)
{
	if (c->writable)
		event_free(c->writable);
	if (c->fd >= 0)
		(void)close(c->fd);
	http_client_free(c->http);
	timer_free(c->timer);
	free(c->path);
	free(c->url);
	free(c);
}

void check_cancel(struct check *c)
{
	if (c)
		check_free(c);
}

/* The first result counts; it is handed over from the timer, where all may be freed. */
static void decide(struct check *c, bool ok, const char *why)
{
	if (c->decided)
		return;
	c->decided = true;
	c->ok = ok;
	(void)snprintf(c->why, sizeof(c->why), "%s", why);
	timer_once(c->timer, 0);
}

static void __attribute__((format(printf, 2, 3)))
decide_failed(struct check *c, const char *fmt, ...)
{
	char why[WHY_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	decide(c, false, why);
}

static void on_timer(void *arg)
{
	struct check *c = arg;
	void (*done)(void *arg, bool ok, const char *why) = c->done;
	void *done_arg = c->arg;
	char why[WHY_SIZE];
	bool ok;

	if (!c->decided && c->http)
		(void)snprintf(c->why, sizeof(c->why),
		               "Get \"%s\": context deadline exceeded (Client.Timeout exceeded "
		               "while awaiting headers)",
		               c->url);
	else if (!c->decided)
		(void)snprintf(c->why, sizeof(c->why), "dial tcp %s: i/o timeout", c->hostport);
	ok = c->decided && c->ok;
	memcpy(why, c->why, sizeof(why));
	check_free(c);
	done(done_arg, ok, why);
}

/* ---- HTTP ---- */

static void on_head(void *arg, int status, const char *content_type)
{
	struct check *c = arg;

	(void)content_type;
	if (status >= 200 && status < 400)
		decide(c, true, "");
	else
		decide_failed(c, "HTTP probe failed with statuscode: %d", status);
}

/* Go writes errors without a capital: "connection refused". */
static const char *error_text(int error, char *text, size_t size)
{
	const char *description = strerrordesc_np(error);

	(void)snprintf(text, size, "%s", description ? description : "unknown error");
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

static void on_done(void *arg, int r, const struct err *err)
{
	struct check *c = arg;
	char text[128];

	switch (-r) {
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
		decide_failed(c, "Get \"%s\": dial tcp %s: connect: %s", c->url, c->hostport,
		              error_text(-r, text, sizeof(text)));
		break;
	default:
		decide_failed(c, "Get \"%s\": %s", c->url, r < 0 ? err->msg : "no answer");
	}
}

static void start_http(struct check *c, const struct check_target *target)
{
	struct http_target where = {
		.addr = target->addr,
		.port = target->port,
		.tls = target->tls,
	};

	c->url = xasprintf("%s://%s%s", target->tls ? "https" : "http", c->hostport, target->path);
	c->path = xstrdup(target->path);
	c->http = http_client_new(c->loop, &where);
	(void)http_client_start(c->http, &(struct http_call){
						 .method = "GET",
						 .path = c->path,
						 .accept = "*/*",
						 .timeout_ns = 2 * target->timeout_ns,
						 .on_head = on_head,
						 .on_done = on_done,
						 .arg = c,
					 });
}

/* ---- TCP ---- */

static void decide_connect(struct check *c, int error)
{
	char text[128];

	if (error == 0)
		decide(c, true, "");
	else
		decide_failed(c, "dial tcp %s: connect: %s", c->hostport,
		              error_text(error, text, sizeof(text)));
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	int error = 0;
	socklen_t size = sizeof(error);

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	decide_connect(arg, error);
}

static void start_tcp(struct check *c, const struct check_target *target)
{
	/* Closing sends RST: no TIME_WAIT is left behind by thousands of probes. */
	const struct linger reset = { .l_onoff = 1 };
	char text[128];
	struct sockaddr_storage sa;
	socklen_t size = ipaddr_sockaddr(&target->addr, target->port, &sa);

	c->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		decide_failed(c, "dial tcp %s: socket: %s", c->hostport,
		              error_text(errno, text, sizeof(text)));
		return;
	}
	(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(c->fd, (struct sockaddr *)&sa, size) == 0) {
		decide_connect(c, 0);
		return;
	}
	if (errno != EINPROGRESS) {
		decide_connect(c, errno);
		return;
	}
	c->writable = event_new(loop_base(c->loop), c->fd, EV_WRITE, on_writable, c);
	if (!c->writable || event_add(c->writable, NULL) < 0)
		decide_failed(c, "dial tcp %s: cannot wait for the connection", c->hostport);
}

struct check *check_start(struct loop *loop, const struct check_target *target,
                          void (*done)(void *arg, bool ok, const char *why), void *arg)
{
	struct check *c = xnew(struct check);

	c->done = done;
	c->arg = arg;
	c->loop = loop;
	c->fd = -1;
	c->timer = timer_new(loop, on_timer, c);
	timer_once(c->timer, target->timeout_ns);
	ipaddr_format_hostport(&target->addr, target->port, c->hostport);
	if (target->type == PROBE_HTTP)
		start_http(c, target);
	else
		start_tcp(c, target);
	return c;
}
