/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a Service again and again, a new connection each time, and shows who answers. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/ipaddr.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/commands.h"
#include "cli/printer.h"

#define ANSWER_MAX   4096
#define NAME_SIZE    48
#define SAMPLES      2048 /* the latest answers, for the percentiles */
#define TIMEOUT_S    2
#define RATE_DEFAULT 50
#define RATE_MAX     10000

static const struct option_spec options[] = {
	{ "rate", 0, "N", "connections a second (default: 50)", 0 },
	{ "seconds", 0, "N", "end after this time (default: at Ctrl-C)", 0 },
	{ "output", 'o', "FORMAT", "text (the default; live on a terminal) or json (at the end)",
	  0 },
	{ 0 },
};

/* One who answered, or one way to fail. */
struct answerer {
	char name[NAME_SIZE];
	uint64_t count, last_count;
	double ms[SAMPLES];
};

struct demo {
	struct sockaddr_storage addr;
	socklen_t addr_size;
	const char *target;
	struct answerer *list[64], *failures[16];
	size_t n, n_failures;
	uint64_t total, failed;
	int64_t started;
	bool terminal;
	int lines; /* drawn on the terminal */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signo)
{
	(void)signo;
	interrupted = 1;
}

static void count(struct answerer **list, size_t *n, size_t max, const char *name, double ms)
{
	struct answerer *a;
	size_t i = 0;

	while (i < *n && strcmp(list[i]->name, name) != 0)
		i++;
	if (i == *n) {
		if (*n == max)
			return;
		a = xnew(struct answerer);
		(void)snprintf(a->name, sizeof(a->name), "%s", name);
		list[(*n)++] = a;
	}
	a = list[i];
	a->ms[a->count++ % SAMPLES] = ms;
}

/* The first line of the body of an HTTP answer. */
static int find_name(const char *answer, char name[static NAME_SIZE])
{
	const char *body = strstr(answer, "\r\n\r\n");
	size_t n = 0;

	if (strncmp(answer, "HTTP/1.", 7) != 0 || !body)
		return -EPROTO;
	for (body += 4; n < NAME_SIZE - 1 && isprint((unsigned char)body[n]); n++)
		name[n] = body[n];
	name[n] = '\0';
	return n ? 0 : -EPROTO;
}

static int ask(const struct demo *demo, char name[static NAME_SIZE])
{
	static const char request[] = "GET / HTTP/1.0\r\nHost: demo\r\nConnection: close\r\n\r\n";
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	auto_close int fd = -1;
	char answer[ANSWER_MAX];
	size_t n = 0;
	ssize_t got;

	fd = socket(demo->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&demo->addr, demo->addr_size) < 0)
		return errno == EINPROGRESS ? -ETIMEDOUT : -errno;
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return -errno;
	while (n < sizeof(answer) - 1) {
		got = recv(fd, answer + n, sizeof(answer) - 1 - n, 0);
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	answer[n] = '\0';
	return find_name(answer, name);
}

static void ask_and_count(struct demo *demo)
{
	int64_t before = clock_now();
	char name[NAME_SIZE];
	int r = ask(demo, name);
	double ms = (double)(clock_now() - before) / NSEC_PER_MSEC;

	if (r == -EINTR)
		return;
	demo->total++;
	if (r == 0) {
		count(demo->list, &demo->n, ARRAY_SIZE(demo->list), name, ms);
		return;
	}
	demo->failed++;
	count(demo->failures, &demo->n_failures, ARRAY_SIZE(demo->failures), strerror(-r), ms);
}

static int compare_ms(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(const struct answerer *a, double share)
{
	size_t n = a->count < SAMPLES ? (size_t)a->count : SAMPLES;
	double sorted[SAMPLES];

	memcpy(sorted, a->ms, n * sizeof(double));
	qsort(sorted, n, sizeof(double), compare_ms);
	return sorted[(size_t)(share * (double)(n - 1))];
}

static int compare_names(const void *a, const void *b)
{
	const struct answerer *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int print_table(struct demo *demo)
{
	const char *end = demo->terminal ? "\033[K\n" : "\n"; /* clears what a longer line left */
	int lines = 2;

	qsort(demo->list, demo->n, sizeof(demo->list[0]), compare_names);
	(void)printf("%s   %llu connections, %llu failed%s", demo->target,
	             (unsigned long long)demo->total, (unsigned long long)demo->failed, end);
	(void)printf("  %-20s %9s %7s %6s %8s %8s%s", "answered by", "answers", "share", "/s",
	             "p50 ms", "p99 ms", end);
	for (size_t i = 0; i < demo->n; i++, lines++) {
		struct answerer *a = demo->list[i];

		(void)printf("  %-20s %9llu %6.1f%% %6llu %8.2f %8.2f%s", a->name,
		             (unsigned long long)a->count,
		             100.0 * (double)a->count / (double)(demo->total - demo->failed),
		             (unsigned long long)(a->count - a->last_count), percentile(a, 0.5),
		             percentile(a, 0.99), end);
		a->last_count = a->count;
	}
	for (size_t i = 0; i < demo->n_failures; i++, lines++)
		(void)printf("  failed: %s: %llu%s", demo->failures[i]->name,
		             (unsigned long long)demo->failures[i]->count, end);
	return lines;
}

static void draw(struct demo *demo)
{
	if (demo->terminal && demo->lines)
		(void)printf("\033[%dA", demo->lines);
	demo->lines = print_table(demo);
	if (demo->terminal)
		(void)printf("\033[J");
	(void)fflush(stdout);
}

static json_t *report(const struct demo *demo)
{
	json_t *answers = json_object(), *failures = json_object();

	for (size_t i = 0; i < demo->n; i++)
		(void)json_object_set_new(answers, demo->list[i]->name,
		                          json_pack("{s:I, s:f, s:f}", "count",
		                                    (json_int_t)demo->list[i]->count, "p50Ms",
		                                    percentile(demo->list[i], 0.5), "p99Ms",
		                                    percentile(demo->list[i], 0.99)));
	for (size_t i = 0; i < demo->n_failures; i++)
		(void)json_object_set_new(failures, demo->failures[i]->name,
		                          json_integer((json_int_t)demo->failures[i]->count));
	return json_pack("{s:s, s:I, s:I, s:o, s:o}", "target", demo->target, "connections",
	                 (json_int_t)demo->total, "failed", (json_int_t)demo->failed, "answers",
	                 answers, "failures", failures);
}

static void sleep_until(int64_t when)
{
	int64_t left = when - clock_now();

	if (left > 0)
		(void)poll(NULL, 0, (int)((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC));
}

static void ask_until_the_end(struct demo *demo, uint64_t rate, uint64_t seconds)
{
	int64_t next_draw = demo->started + NSEC_PER_SEC;
	int64_t end = seconds ? demo->started + (int64_t)seconds * NSEC_PER_SEC : INT64_MAX;
	int64_t step = NSEC_PER_SEC / (int64_t)rate, next = demo->started;

	while (!interrupted && clock_now() < end) {
		ask_and_count(demo);
		if (demo->terminal && clock_now() >= next_draw) {
			draw(demo);
			next_draw += NSEC_PER_SEC;
		}
		next += step;
		if (next < clock_now())
			next = clock_now(); /* too slow for the rate: do not catch up in a burst */
		sleep_until(next);
	}
}

static void free_demo(struct demo *demo)
{
	for (size_t i = 0; i < demo->n; i++)
		free(demo->list[i]);
	for (size_t i = 0; i < demo->n_failures; i++)
		free(demo->failures[i]);
}

static int run(const struct args *args)
{
	const char *output = args_get_or(args, "output", "text");
	const char *rate_text = args_get(args, "rate"), *seconds_text = args_get(args, "seconds");
	struct sigaction action = { .sa_handler = on_signal };
	struct demo demo = { .target = args_operand(args, 0) };
	uint64_t rate = RATE_DEFAULT, seconds = 0;
	struct ipaddr addr;
	uint16_t port;

	if (ipaddr_parse_hostport(demo.target, &addr, &port) < 0)
		return command_usage_error(&command_demo_client,
		                           "'%s': expected ADDR:PORT, like 10.96.0.10:80",
		                           demo.target);
	if (rate_text && (parse_u64(rate_text, RATE_MAX, &rate) < 0 || rate == 0))
		return command_usage_error(&command_demo_client, "--rate %s: expected 1 to 10000",
		                           rate_text);
	if (seconds_text && parse_u64(seconds_text, 86400, &seconds) < 0)
		return command_usage_error(&command_demo_client,
		                           "--seconds %s: expected 0 to 86400", seconds_text);
	if (strcmp(output, "text") != 0 && strcmp(output, "json") != 0)
		return command_usage_error(&command_demo_client,
		                           "unknown output format '%s': expected text or json",
		                           output);
	demo.addr_size = ipaddr_sockaddr(&addr, port, &demo.addr);
	demo.terminal = strcmp(output, "text") == 0 && isatty(STDOUT_FILENO);
	demo.started = clock_now();
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	ask_until_the_end(&demo, rate, seconds);
	if (strcmp(output, "json") == 0) {
		json_t *result = report(&demo);

		printer_json(stdout, result);
		json_decref(result);
	} else {
		draw(&demo);
	}
	free_demo(&demo);
	return demo.total > demo.failed ? 0 : EXIT_FAILED;
}

const struct command command_demo_client = {
	.name = "demo-client",
	.operands = "ADDR:PORT",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "connect to a Service again and again and show who answers",
	.description =
		"Makes a new connection for every request, reads the first line of the answer "
		"and shows live who\nanswers, how often and how fast.\n"
		"  fairlead demo-client 10.96.0.10:80 --rate 100",
	.options = options,
	.run = run,
};
