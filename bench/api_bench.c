/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_bench - load for a Kubernetes API server, ours or another.
 *
 *	api_bench TARGET create CLIENTS MILLISECONDS PATH BODY
 *		each client POSTs BODY, in which the first NAME becomes a new name each time, over its
 *		one connection; prints requests/s and the p50 and p99 of their time in ms
 *	api_bench TARGET list ROUNDS PATH
 *		gets PATH ROUNDS times over one connection; prints bytes of the body and MB/s (median)
 *	api_bench TARGET watch N PATH WRITE-PATH BODY ROUNDS
 *		opens N watches, prints 'open' and waits for a line on standard input; then merge-patches
 *		WRITE-PATH with BODY, NAME replaced, ROUNDS times; prints in ms the p50 and the maximum of the
 *		time from the write's begin until its answer, and until the last of the N has its event
 *
 * TARGET is /a/unix/socket or HOST:PORT,CERTIFICATE,KEY (TLS, server not verified: a load generator).
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"

enum {
	READ_SIZE = 256 * 1024,
	CLIENTS_MAX = 256,
	WATCHES_MAX = 10000,
	ROUNDS_MAX = 100000
};

struct target {
	const char *unix_path; /* or: */
	char *host, *port;
	SSL_CTX *ctx;
};

struct conn {
	BIO *bio;
	int fd;
	char buf[READ_SIZE];
	size_t used, at;
};

/* Milliseconds, as many as there are requests. */
struct samples {
	double *list;
	size_t n, cap;
};

static struct target target;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("api_bench: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void samples_add(struct samples *s, int64_t since)
{
	array_reserve(s->list, s->n, s->cap);
	s->list[s->n++] = (double)(clock_now() - since) / 1e6;
}

/* The 'share' quantile of the samples; sorts them. */
static double samples_at(struct samples *s, double share)
{
	if (!s->n)
		die("nothing was measured");
	qsort(s->list, s->n, sizeof(*s->list), compare);
	return s->list[(size_t)((double)(s->n - 1) * share)];
}

static void target_parse(char *text)
{
	char *cert = strchr(text, ','), *key = cert ? strchr(cert + 1, ',') : NULL;

	if (*text == '/') {
		target.unix_path = text;
		return;
	}
	if (!cert || !key || !strrchr(text, ':'))
		die("TARGET is /a/unix/socket or HOST:PORT,CERTIFICATE,KEY, not '%s'", text);
	*cert++ = *key++ = '\0';
	target.ctx = SSL_CTX_new(TLS_client_method());
	if (SSL_CTX_use_certificate_file(target.ctx, cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(target.ctx, key, SSL_FILETYPE_PEM) != 1)
		die("cannot use the certificate %s and the key %s", cert, key);
	target.port = strrchr(text, ':');
	*target.port++ = '\0';
	target.host = text;
}

static int dial_unix(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", target.unix_path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die("%s: %s", sa.sun_path, strerror(errno));
	return fd;
}

static int dial_tcp(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	int fd;

	if (getaddrinfo(target.host, target.port, &hints, &list) != 0)
		die("no address for %s", target.host);
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, list->ai_addr, list->ai_addrlen) < 0)
		die("%s:%s: %s", target.host, target.port, strerror(errno));
	freeaddrinfo(list);
	return fd;
}

static struct conn *conn_open(void)
{
	struct conn *c = xnew(struct conn);
	BIO *tls;

	c->fd = target.ctx ? dial_tcp() : dial_unix();
	c->bio = BIO_new_socket(c->fd, BIO_CLOSE);
	if (!target.ctx)
		return c;
	tls = BIO_new_ssl(target.ctx, 1);
	c->bio = BIO_push(tls, c->bio);
	if (BIO_do_handshake(c->bio) != 1)
		die("TLS handshake with %s:%s failed", target.host, target.port);
	return c;
}

static void send_request(struct conn *c, const char *method, const char *path, const char *body)
{
	bool patch = strcmp(method, "PATCH") == 0;
	auto_free char *text =
		xasprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n"
	                  "Content-Length: %zu\r\n\r\n%s",
	                  method, path, patch ? "application/merge-patch+json" : "application/json",
	                  strlen(body), body);
	size_t len = strlen(text);

	if (BIO_write(c->bio, text, (int)len) != (int)len)
		die("%s %s: the server does not take the request", method, path);
}

/* Reads more behind what is unread. */
static void fill(struct conn *c)
{
	int n;

	memmove(c->buf, c->buf + c->at, c->used - c->at);
	c->used -= c->at;
	c->at = 0;
	n = BIO_read(c->bio, c->buf + c->used, (int)(sizeof(c->buf) - 1 - c->used));
	if (n <= 0)
		die("the server has closed the connection");
	c->used += (size_t)n;
	c->buf[c->used] = '\0';
}

/* The next line without its CRLF, valid until the next read. */
static char *line(struct conn *c)
{
	char *start, *end;

	c->buf[c->used] = '\0';
	while (!(end = strstr(c->buf + c->at, "\r\n")))
		fill(c);
	start = c->buf + c->at;
	*end = '\0';
	c->at = (size_t)(end - c->buf) + 2;
	return start;
}

static void skip(struct conn *c, size_t n)
{
	while (n) {
		size_t now = c->used - c->at < n ? c->used - c->at : n;

		c->at += now;
		n -= now;
		if (n)
			fill(c);
	}
}

/* Reads an answer's head; gives its status, the length of its body or -1 where it comes in chunks. */
static int read_head(struct conn *c, long *ret_length)
{
	int status = atoi(line(c) + strlen("HTTP/1.1 "));
	const char *header;

	*ret_length = 0;
	while (*(header = line(c))) {
		if (strncasecmp(header, "content-length:", 15) == 0)
			*ret_length = atol(header + 15);
		else if (strncasecmp(header, "transfer-encoding: chunked", 26) == 0)
			*ret_length = -1;
	}
	return status;
}

/* Reads the answer to 'what', which must be a success; gives its body's length in bytes. */
static size_t read_answer(struct conn *c, const char *what)
{
	size_t total = 0;
	long length;
	int status = read_head(c, &length);

	if (length >= 0) {
		skip(c, (size_t)length);
		total = (size_t)length;
	} else {
		while ((length = strtol(line(c), NULL, 16)) > 0) {
			skip(c, (size_t)length + 2);
			total += (size_t)length;
		}
		skip(c, 2);
	}
	if (status / 100 != 2)
		die("%s: status %d", what, status);
	return total;
}

static char *named(const char *body, const char *prefix, int id, unsigned long n)
{
	const char *at = strstr(body, "NAME");

	if (!at)
		die("no NAME in the body %s", body);
	return xasprintf("%.*s%s%d-%lu%s", (int)(at - body), body, prefix, id, n,
	                 at + strlen("NAME"));
}

static long number(const char *text, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || end == text || n < 1 || n > max)
		die("'%s' is not a number from 1 to %ld", text, max);
	return n;
}

struct creator {
	pthread_t thread;
	int id;
	int64_t until;
	const char *path, *body;
	struct samples samples;
};

static void *create_main(void *arg)
{
	struct creator *self = arg;
	struct conn *c = conn_open();
	/* a second run against the same server makes other names */
	int run = (int)(clock_now() / NSEC_PER_MSEC % 100000000);

	for (unsigned long n = 0; clock_now() < self->until; n++) {
		auto_free char *prefix = xasprintf("b%d-", run);
		auto_free char *body = named(self->body, prefix, self->id, n);
		int64_t start = clock_now();

		send_request(c, "POST", self->path, body);
		(void)read_answer(c, self->path);
		samples_add(&self->samples, start);
	}
	BIO_free_all(c->bio);
	free(c);
	return NULL;
}

static void create(long clients, long ms, const char *path, const char *body)
{
	struct creator *list = xcalloc((size_t)clients, sizeof(*list));
	int64_t start = clock_now();
	struct samples all = { 0 };

	for (int i = 0; i < clients; i++) {
		list[i] = (struct creator){
			.id = i, .until = start + ms * NSEC_PER_MSEC, .path = path, .body = body
		};
		if (pthread_create(&list[i].thread, NULL, create_main, &list[i]) != 0)
			die("cannot start a thread");
	}
	for (int i = 0; i < clients; i++) {
		(void)pthread_join(list[i].thread, NULL);
		for (size_t k = 0; k < list[i].samples.n; k++) {
			array_reserve(all.list, all.n, all.cap);
			all.list[all.n++] = list[i].samples.list[k];
		}
		free(list[i].samples.list);
	}
	(void)printf("%.0f %.3f %.3f\n", (double)all.n * 1e9 / (double)(clock_now() - start),
	             samples_at(&all, .5), samples_at(&all, .99));
	free(all.list);
	free(list);
}

static void list(long rounds, const char *path)
{
	struct conn *c = conn_open();
	struct samples samples = { 0 };
	size_t size = 0;

	for (long i = 0; i < rounds; i++) {
		int64_t start = clock_now();

		send_request(c, "GET", path, "");
		size = read_answer(c, path);
		samples_add(&samples, start);
	}
	(void)printf("%zu %.0f\n", size, (double)size / 1e3 / samples_at(&samples, .5));
	BIO_free_all(c->bio);
	free(c);
	free(samples.list);
}

/* Takes what there is of one watch; true if it holds an event's end. */
static bool watch_read(struct conn *c)
{
	bool event = false;
	int n;

	do {
		n = BIO_read(c->bio, c->buf, sizeof(c->buf));
		if (n <= 0)
			die("the server has ended a watch");
		event |= memchr(c->buf, '\n', (size_t)n) &&
		         memmem(c->buf, (size_t)n, "\"type\"", 6);
	} while (BIO_pending(c->bio) > 0);
	return event;
}

/* Waits until each of 'n' watches has had an event. */
static void watches_wait(int epoll, struct conn **watches, long n)
{
	auto_free bool *had = xcalloc((size_t)n, sizeof(*had));
	struct epoll_event events[256];

	for (long left = n; left;) {
		int ready = epoll_wait(epoll, events, 256, 10000);

		if (ready <= 0)
			die("%ld of %ld watches have no event after 10 s", left, n);
		for (int i = 0; i < ready; i++) {
			long k = (long)events[i].data.u64;

			if (watch_read(watches[k]) && !had[k]) {
				had[k] = true;
				left--;
			}
		}
	}
}

static void watches_open(struct conn **watches, long n, const char *path, int epoll)
{
	for (long i = 0; i < n; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u64 = (uint64_t)i };
		long length;

		watches[i] = conn_open();
		send_request(watches[i], "GET", path, "");
		if (read_head(watches[i], &length) != 200)
			die("%s: the server refuses the watch", path);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, watches[i]->fd, &event) < 0)
			die("epoll_ctl: %s", strerror(errno));
	}
}

static void watch(long n, const char *path, const char *write_path, const char *body, long rounds)
{
	struct conn **watches = xcalloc((size_t)n, sizeof(struct conn *)), *writer = conn_open();
	struct samples answered = { 0 }, seen = { 0 };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	watches_open(watches, n, path, epoll);
	(void)puts("open");
	(void)fflush(stdout);
	if (getchar() != '\n')
		die("no line on standard input");
	for (long i = 0; i < rounds; i++) {
		auto_free char *text = named(body, "v", (int)i, (unsigned long)clock_now());
		int64_t start = clock_now();

		send_request(writer, "PATCH", write_path, text);
		(void)read_answer(writer, write_path);
		samples_add(&answered, start);
		watches_wait(epoll, watches, n);
		samples_add(&seen, start);
		(void)usleep(20 * 1000);
	}
	(void)printf("%.2f %.2f %.2f %.2f\n", samples_at(&answered, .5), samples_at(&answered, 1),
	             samples_at(&seen, .5), samples_at(&seen, 1));
	for (long i = 0; i < n; i++) {
		BIO_free_all(watches[i]->bio);
		free(watches[i]);
	}
	BIO_free_all(writer->bio);
	free(writer);
	free(watches);
	free(answered.list);
	free(seen.list);
	(void)close(epoll);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		die("usage: api_bench TARGET create|list|watch … (see the head of its source)");
	target_parse(argv[1]);
	if (strcmp(argv[2], "create") == 0 && argc == 7)
		create(number(argv[3], CLIENTS_MAX), number(argv[4], 600000), argv[5], argv[6]);
	else if (strcmp(argv[2], "list") == 0 && argc == 5)
		list(number(argv[3], ROUNDS_MAX), argv[4]);
	else if (strcmp(argv[2], "watch") == 0 && argc == 8)
		watch(number(argv[3], WATCHES_MAX), argv[4], argv[5], argv[6],
		      number(argv[7], ROUNDS_MAX));
	else
		die("'%s' with these arguments is not known", argv[2]);
	return 0;
}
