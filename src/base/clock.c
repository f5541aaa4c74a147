/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Atomic int64_t fixed_wall;

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall(void)
{
	int64_t fixed = atomic_load(&fixed_wall);

	return fixed ? fixed : read_clock(CLOCK_REALTIME);
}

void clock_set_wall(int64_t ns)
{
	atomic_store(&fixed_wall, ns);
}

static void format_seconds(int64_t wall, char *text, struct tm *tm)
{
	time_t t = (time_t)(wall / NSEC_PER_SEC);

	(void)gmtime_r(&t, tm);
	(void)strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", tm);
}

void clock_format(int64_t wall, char ret_text[static CLOCK_TEXT_SIZE])
{
	struct tm tm;

	format_seconds(wall, ret_text, &tm);
	strncat(ret_text, "Z", 2);
}

void clock_format_micro(int64_t wall, char ret_text[static CLOCK_TEXT_SIZE])
{
	struct tm tm;
	size_t n;

	format_seconds(wall, ret_text, &tm);
	n = strlen(ret_text);
	(void)snprintf(ret_text + n, CLOCK_TEXT_SIZE - n, ".%06dZ",
	               (int)(wall % NSEC_PER_SEC / 1000));
}

/* Reads the fraction after the seconds, if any, in nanoseconds. */
static const char *parse_fraction(const char *at, int64_t *ret_ns)
{
	int64_t unit = NSEC_PER_SEC / 10, ns = 0;

	if (*at == '.') {
		for (at++; isdigit((unsigned char)*at); at++, unit /= 10)
			ns += (*at - '0') * unit;
	}
	*ret_ns = ns;
	return at;
}

static int parse_zone(const char *at, int64_t *ret_seconds)
{
	int sign = *at == '-' ? -1 : 1;
	int hours = 0, minutes = 0, used = 0;

	*ret_seconds = 0;
	if ((*at == 'Z' || *at == 'z') && at[1] == '\0')
		return 0;
	if ((*at != '+' && *at != '-') ||
	    sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5 || at[6] != '\0')
		return -EINVAL;
	*ret_seconds = sign * (hours * 3600LL + minutes * 60LL);
	return 0;
}

int clock_parse(const char *text, int64_t *ret_wall)
{
	int64_t ns, zone;
	struct tm tm = { 0 };
	int used = 0;
	int r;

	if (strlen(text) >= CLOCK_TEXT_SIZE)
		return -EINVAL;
	if (sscanf(text, "%4d-%2d-%2d%*1[Tt]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
	           &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6 ||
	    used != 19)
		return -EINVAL;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	r = parse_zone(parse_fraction(text + used, &ns), &zone);
	if (r < 0)
		return r;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_wall = ((int64_t)timegm(&tm) - zone) * NSEC_PER_SEC + ns;
	return 0;
}

struct age_unit {
	int64_t below; /* seconds */
	int64_t unit, rest;
	const char *name, *rest_name;
};

/* Each row is used for durations shorter than 'below'; the rest is shown where it is not 0. */
static const struct age_unit age_units[] = {
	{ 120, 1, 0, "s", NULL },
	{ 600, 60, 1, "m", "s" },
	{ 3 * 3600, 60, 0, "m", NULL },
	{ 8 * 3600, 3600, 60, "h", "m" },
	{ 48 * 3600, 3600, 0, "h", NULL },
	{ 8 * 86400, 86400, 3600, "d", "h" },
	{ 2 * 365 * 86400LL, 86400, 0, "d", NULL },
	{ 8 * 365 * 86400LL, 365 * 86400, 86400, "y", "d" },
	{ INT64_MAX, 365 * 86400, 0, "y", NULL },
};

void clock_format_age(int64_t duration_ns, char ret_text[static CLOCK_TEXT_SIZE])
{
	int64_t s = duration_ns / NSEC_PER_SEC, rest = 0;
	const struct age_unit *u = age_units;

	if (s < -1) {
		(void)snprintf(ret_text, CLOCK_TEXT_SIZE, "<invalid>");
		return;
	}
	if (s < 0)
		s = 0;
	while (s >= u->below)
		u++;
	if (u->rest)
		rest = s % u->unit / u->rest;
	if (rest)
		(void)snprintf(ret_text, CLOCK_TEXT_SIZE, "%lld%s%lld%s", (long long)(s / u->unit),
		               u->name, (long long)rest, u->rest_name);
	else
		(void)snprintf(ret_text, CLOCK_TEXT_SIZE, "%lld%s", (long long)(s / u->unit),
		               u->name);
}
