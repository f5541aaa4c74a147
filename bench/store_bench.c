/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_bench - durable writes a second, beside what the disk itself can do.
 *
 *	store_bench [DIRECTORY]
 *
 * Interleaves appends of 1,100 bytes with fdatasync, writes with one and with 16 in flight, for a
 * second each, three times; prints the medians and ratios.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kube/kind.h"
#include "store/store.h"

enum {
	ROUNDS = 3,
	OBJECTS = 1000,
	FLIGHT_MAX = 16,
	RECORD = 1100
};

struct load {
	struct store *store;
	int running;
	uint64_t next, finished;
	bool failed;
};

static int change(void *arg, const struct store_object *old, struct store_change *ret)
{
	static char filler[900];
	struct load *load = arg;

	(void)old;
	if (!filler[0])
		memset(filler, 'x', sizeof(filler) - 1);
	ret->op = STORE_PUT;
	ret->object = json_pack("{s:{s:s,s:s,s:{s:s}},s:{s:s,s:I}}", "metadata", "name", "n",
	                        "namespace", "default", "labels", "app", "web", "spec", "filler",
	                        filler, "n", (json_int_t)load->next);
	return 0;
}

static void done(void *arg, int r, const struct store_object *object)
{
	struct load *load = arg;

	(void)object;
	load->running--;
	load->finished++;
	load->failed |= r < 0;
}

static double store_rate(struct store *store, int flight)
{
	struct pollfd ready = { .fd = store_fd(store), .events = POLLIN };
	struct load load = { .store = store };
	int64_t start = clock_now();

	while (clock_now() - start < NSEC_PER_SEC || load.running) {
		while (load.running < flight && clock_now() - start < NSEC_PER_SEC) {
			char name[16];

			(void)snprintf(name, sizeof(name), "n%llu",
			               (unsigned long long)(load.next++ % OBJECTS));
			load.running++;
			store_mutate(store, &kind_service, "default", name, change, done, &load);
		}
		(void)poll(&ready, 1, 1000);
		store_dispatch(store);
	}
	if (load.failed)
		return 0;
	return (double)load.finished * NSEC_PER_SEC / (double)(clock_now() - start);
}

static double disk_rate(const char *path)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	const char record[RECORD] = { 0 };
	int64_t start = clock_now();
	long n = 0;

	while (clock_now() - start < NSEC_PER_SEC) {
		if (write(fd, record, sizeof(record)) != sizeof(record) || fdatasync(fd) < 0)
			return 0;
		n++;
	}
	return (double)n * NSEC_PER_SEC / (double)(clock_now() - start);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *list)
{
	qsort(list, ROUNDS, sizeof(*list), compare);
	return list[ROUNDS / 2];
}

static int measure(const char *db, const char *raw)
{
	double disk[ROUNDS], one[ROUNDS], many[ROUNDS], base;
	const struct store_config config = { .path = db };
	struct store_stats stats;
	struct err err = { 0 };
	struct store *store;

	if (store_open(&config, &store, &err) < 0) {
		(void)fprintf(stderr, "store_bench: %s\n", err.msg);
		return 1;
	}
	for (int i = 0; i < ROUNDS; i++) {
		disk[i] = disk_rate(raw);
		one[i] = store_rate(store, 1);
		many[i] = store_rate(store, FLIGHT_MAX);
	}
	store_stats(store, &stats);
	store_close(store);
	base = median(disk);
	(void)printf("append + fdatasync      %8.0f /s\n", base);
	(void)printf("store, 1 in flight      %8.0f /s  x%.2f\n", median(one), median(one) / base);
	(void)printf("store, %d in flight     %8.0f /s  x%.2f\n", FLIGHT_MAX, median(many),
	             median(many) / base);
	(void)printf("%llu writes in %llu commits\n", (unsigned long long)stats.writes,
	             (unsigned long long)stats.commits);
	return base > 0 && median(one) > 0 && median(many) > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	auto_free char *dir = xasprintf("%s/store-bench-XXXXXX", argc > 1 ? argv[1] : ".");
	auto_free char *db = NULL, *raw = NULL;
	int status;

	if (!mkdtemp(dir)) {
		(void)fprintf(stderr, "store_bench: cannot make %s: %s\n", dir, strerror(errno));
		return 1;
	}
	db = xasprintf("%s/state.db", dir);
	raw = xasprintf("%s/raw", dir);
	status = measure(db, raw);
	(void)unlink(db);
	(void)unlink(raw);
	(void)rmdir(dir);
	return status;
}
