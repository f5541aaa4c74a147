/* SPDX-License-Identifier: Apache-2.0 */
/*
 * churn SOCKET NAMESPACE/SERVICE VIP PORT RATE SECONDS SEED
 *
 * Connections to the Service go on while its endpoints change RATE times a second.  SOCKET is the API
 * server's; the Service, without a selector, and its EndpointSlices SERVICE-0 ... SERVICE-2 must be
 * there, and on this machine the addresses 10.244.200.1 and so on, or fd00:244:200::1, for BACKENDS
 * backends.  Prints what the clients found as JSON.
 *
 * A line "down" on standard input says that nobody follows the API from now on, "up" that somebody
 * does again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "churn.h"

struct setup setup;

static _Atomic int64_t gone_since[BACKENDS];
static _Atomic int64_t nothing_late_before;

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("churn: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

struct ipaddr backend_address(uint32_t i)
{
	struct ipaddr addr;
	int r;

	r = ipaddr_parse(setup.vip.family == 6 ? "fd00:244:200::" : "10.244.200.0", &addr);
	if (r < 0)
		die("not an address");
	addr.bytes[setup.vip.family == 6 ? 15 : 3] = (uint8_t)(i + 1);
	return addr;
}

int64_t backend_gone_since(uint32_t i)
{
	return atomic_load(&gone_since[i]);
}

void backend_set_gone(uint32_t i, int64_t since)
{
	atomic_store(&gone_since[i], since);
}

void lateness_suspend(bool suspend)
{
	atomic_store(&nothing_late_before, suspend ? TIME_NEVER : clock_now() + LATE_MOVE_NS);
}

void found_answer(struct found *found, uint32_t backend, int64_t start)
{
	int64_t since = backend_gone_since(backend);

	found->answered++;
	if (since >= start || start < atomic_load(&nothing_late_before))
		return;
	if (found->latest_ns < start - since)
		found->latest_ns = start - since;
	found->late += start - since > found->late_ns;
}

/* xorshift64* (Vigna) */
uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dull >> 16;
}

static void *read_commands(void *arg)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "down\n") == 0)
			lateness_suspend(true);
		else if (strcmp(line, "up\n") == 0)
			lateness_suspend(false);
	}
	return arg;
}

static pthread_t start(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, arg) != 0)
		die("cannot start a thread");
	return thread;
}

static void print_found(const struct found *f, bool last)
{
	(void)printf("\"%s\":{\"answered\":%llu,\"refused\":%llu,\"failed\":%llu,\"late\":%llu,"
	             "\"wrong_peer\":%llu,\"moved\":%llu,\"latest_ms\":%.2f}%s",
	             f->name, (unsigned long long)f->answered, (unsigned long long)f->refused,
	             (unsigned long long)f->failed, (unsigned long long)f->late,
	             (unsigned long long)f->wrong_peer, (unsigned long long)f->moved,
	             (double)f->latest_ns / NSEC_PER_MSEC, last ? "}\n" : ",");
}

static uint64_t number(const char *text, uint64_t max, const char *what)
{
	uint64_t n;

	if (parse_u64(text, max, &n) < 0 || n == 0)
		die("%s: %s is a number from 1 to %llu", text, what, (unsigned long long)max);
	return n;
}

static void read_arguments(char **argv)
{
	char *slash = strchr(argv[2], '/');

	if (!slash || ipaddr_parse(argv[3], &setup.vip) < 0)
		die("expected NAMESPACE/SERVICE and an IP address");
	*slash = '\0';
	setup.api_socket = argv[1];
	setup.namespace = argv[2];
	setup.service = slash + 1;
	setup.port = (uint16_t)number(argv[4], UINT16_MAX, "PORT");
	setup.rate = (double)number(argv[5], 100000, "RATE");
	setup.end = clock_now() + (int64_t)number(argv[6], 86400, "SECONDS") * NSEC_PER_SEC;
	setup.seed = number(argv[7], UINT32_MAX, "SEED");
}

int main(int argc, char **argv)
{
	struct found founds[] = {
		{ .name = "tcp", .late_ns = LATE_NS },
		{ .name = "tcp2", .late_ns = LATE_NS },
		{ .name = "udp", .late_ns = LATE_NS },
		{ .name = "udp_connected", .late_ns = LATE_MOVE_NS },
	};
	void *(*const runs[])(void *) = { client_tcp, client_tcp, client_udp,
		                          client_udp_connected };
	pthread_t clients[ARRAY_SIZE(founds)], writers[WRITERS];
	uint32_t numbers[WRITERS];
	int64_t begin = clock_now();

	if (argc != 8)
		die("SOCKET NAMESPACE/SERVICE VIP PORT RATE SECONDS SEED");
	read_arguments(argv);
	for (uint32_t b = 0; b < BACKENDS; b++)
		backend_set_gone(b, TIME_NEVER);
	servers_start();
	(void)start(read_commands, NULL);
	for (uint32_t i = 0; i < WRITERS; i++) {
		numbers[i] = i;
		writers[i] = start(writer_run, &numbers[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(founds); i++)
		clients[i] = start(runs[i], &founds[i]);
	for (size_t i = 0; i < ARRAY_SIZE(founds); i++)
		(void)pthread_join(clients[i], NULL);
	for (uint32_t i = 0; i < WRITERS; i++)
		(void)pthread_join(writers[i], NULL);
	(void)printf("{\"seconds\":%.1f,\"changes\":%llu,",
	             (double)(clock_now() - begin) / NSEC_PER_SEC,
	             (unsigned long long)atomic_load(&changes));
	for (size_t i = 0; i < ARRAY_SIZE(founds); i++)
		print_found(&founds[i], i == ARRAY_SIZE(founds) - 1);
	return 0;
}
