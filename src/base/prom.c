/* SPDX-License-Identifier: Apache-2.0 */
#include "base/prom.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define STATM_MAX 4096

void prom_head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void prom_value(struct buf *b, const char *name, const char *type, const char *help, double value)
{
	prom_head(b, name, type, help);
	buf_printf(b, "%s %.15g\n", name, value);
}

void prom_observe(struct prom_histogram *h, double value)
{
	assert(h->n_bounds <= PROM_BOUNDS_MAX);
	h->n++;
	h->sum += value;
	for (size_t i = 0; i < h->n_bounds; i++) {
		if (value <= h->bounds[i]) {
			h->buckets[i]++;
			return;
		}
	}
}

void prom_histogram(struct buf *b, const char *name, const char *labels,
                    const struct prom_histogram *h)
{
	const char *comma = *labels ? "," : "", *open = *labels ? "{" : "",
		   *close = *labels ? "}" : "";
	uint64_t below = 0;

	for (size_t i = 0; i < h->n_bounds; i++) {
		below += h->buckets[i];
		buf_printf(b, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, labels, comma, h->bounds[i],
		           (unsigned long long)below);
	}
	buf_printf(b, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma,
	           (unsigned long long)h->n);
	buf_printf(b, "%s_sum%s%s%s %.9g\n", name, open, labels, close, h->sum);
	buf_printf(b, "%s_count%s%s%s %llu\n", name, open, labels, close, (unsigned long long)h->n);
}

static size_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	if (!dir)
		return 0;
	for (const struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n - 1; /* without that of the folder itself */
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

void prom_process(struct buf *b, int64_t started)
{
	unsigned long long pages = 0, resident = 0;
	struct rlimit files = { 0 };
	struct rusage usage = { 0 };
	char *statm = NULL;

	if (file_read("/proc/self/statm", STATM_MAX, &statm, NULL, NULL) == 0)
		(void)sscanf(statm, "%llu %llu", &pages, &resident);
	free(statm);
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	prom_value(b, "process_cpu_seconds_total", "counter", "Processor time used, in seconds.",
	           seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
	prom_value(b, "process_resident_memory_bytes", "gauge", "Resident memory in bytes.",
	           (double)resident * (double)sysconf(_SC_PAGESIZE));
	prom_value(b, "process_virtual_memory_bytes", "gauge", "Virtual memory in bytes.",
	           (double)pages * (double)sysconf(_SC_PAGESIZE));
	prom_value(b, "process_open_fds", "gauge", "Open file descriptors.", (double)open_fds());
	prom_value(b, "process_max_fds", "gauge", "Most file descriptors that may be open.",
	           (double)files.rlim_cur);
	prom_value(b, "process_start_time_seconds", "gauge", "Start of the process, Unix time.",
	           (double)started / NSEC_PER_SEC);
}
