/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dpload - how long the datapath takes to hold many Services, and what they take.
 *
 *	dpload [SERVICES [ROUNDS]]
 *
 * Of each round: opening with nothing pinned, all Services one after another into maps that start
 * small and grow, one Service's endpoints changed at a time, and opening again as after kill -9.
 * Prints medians of the rounds, the changes' quantiles over all.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dplab.h"

#define USAGE        "dpload [SERVICES [ROUNDS]]"
#define ROUNDS_MAX   100
#define SERVICES_MAX 60000
#define CHANGES      2000
#define IDS_MAX      1024 /* descriptors of maps and programs */

static double open_ms[ROUNDS_MAX], load_ms[ROUNDS_MAX], again_ms[ROUNDS_MAX];
static double change_us[ROUNDS_MAX * CHANGES];
static unsigned int services = 10000, rounds = 5;

/* The value of a field in a file of "name:	value ..." lines; 0 if there is none. */
static uint64_t field(const char *path, const char *name)
{
	auto_fclose FILE *file = fopen(path, "re");
	auto_free char *line = NULL;
	size_t cap = 0;

	while (file && getline(&line, &cap, file) > 0) {
		if (strncmp(line, name, strlen(name)) == 0)
			return strtoull(line + strlen(name), NULL, 10);
	}
	return 0;
}

static double rss_mib(void)
{
	return (double)field("/proc/self/status", "VmRSS:") / 1024;
}

/* What the kernel says of each map and program that this process has open, each counted once. */
static double bpf_mib(void)
{
	static const char *const kinds[] = { "map_id:", "prog_id:" };
	DIR *folder = opendir("/proc/self/fdinfo");
	const struct dirent *entry;
	uint64_t seen[IDS_MAX], bytes = 0;
	size_t n = 0;

	while (folder && (entry = readdir(folder))) {
		auto_free char *path = xasprintf("/proc/self/fdinfo/%s", entry->d_name);

		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			uint64_t id = field(path, kinds[k]) << 1 | k;
			bool known = id < 2 || n == IDS_MAX;

			for (size_t i = 0; i < n && !known; i++)
				known = seen[i] == id;
			if (known)
				continue;
			seen[n++] = id;
			bytes += field(path, "memlock:");
		}
	}
	if (folder)
		(void)closedir(folder);
	return (double)bytes / (1 << 20);
}

static double ms_since(int64_t start)
{
	return (double)(clock_now() - start) / NSEC_PER_MSEC;
}

static void run_round(unsigned int round)
{
	int64_t start = clock_now();
	struct datapath *dp = dplab_open();

	open_ms[round] = ms_since(start);
	start = clock_now();
	for (unsigned int i = 0; i < services; i++)
		dplab_apply(dp, i, PROTOCOL_TCP, 0);
	datapath_synced(dp);
	load_ms[round] = ms_since(start);
	for (unsigned int i = 0; i < CHANGES; i++) {
		start = clock_now();
		dplab_apply(dp, i * 7919u % services, PROTOCOL_TCP, 1 + i % 8);
		change_us[round * CHANGES + i] = (double)(clock_now() - start) / 1000;
		datapath_tick(dp);
	}
	datapath_close(dp);
	start = clock_now();
	dp = dplab_open();
	again_ms[round] = ms_since(start);
	dplab_close(dp);
}

static void print_size(void)
{
	double rss = rss_mib(), bpf;
	struct datapath *dp = dplab_open();

	bpf = bpf_mib();
	for (unsigned int i = 0; i < services; i++)
		dplab_apply(dp, i, PROTOCOL_TCP, 0);
	printf("| memory of this process: before, more with them (the mapped arrays included) | "
	       "%.1f MiB, %.1f MiB |\n",
	       rss, rss_mib() - rss);
	printf("| memory of the maps and programs: empty, with them | %.1f MiB, %.1f MiB |\n", bpf,
	       bpf_mib());
	dplab_close(dp);
}

int main(int argc, char **argv)
{
	services = argc > 1 ? dplab_number(argv[1], SERVICES_MAX, USAGE) : services;
	rounds = argc > 2 ? dplab_number(argv[2], ROUNDS_MAX, USAGE) : rounds;
	dplab_enter();
	printf("\n| the datapath alone, %u Services of %d endpoints | |\n|---|---|\n", services,
	       DPLAB_BACKENDS);
	print_size();
	for (unsigned int round = 0; round < rounds; round++)
		run_round(round);
	printf("| opened with nothing pinned | %.0f ms |\n", dplab_quantile(open_ms, rounds, 0.5));
	printf("| all Services, from empty maps | %.0f ms |\n",
	       dplab_quantile(load_ms, rounds, 0.5));
	printf("| opened again, all pinned | %.0f ms |\n", dplab_quantile(again_ms, rounds, 0.5));
	printf("| one Service's endpoints exchanged: p50, p99 | %.1f µs, %.1f µs |\n",
	       dplab_quantile(change_us, (size_t)rounds * CHANGES, 0.5),
	       dplab_quantile(change_us, (size_t)rounds * CHANGES, 0.99));
	return 0;
}
