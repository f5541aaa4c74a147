/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/time_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define LAYOUT       "2006-01-02T15:04:05Z07:00"
#define LAYOUT_MICRO "2006-01-02T15:04:05.000000Z07:00"
#define SHOWN_MAX    64 /* bytes of a text that an error shows */

struct reading {
	const char *text, *at; /* the whole, and what is left of it */
	bool micro;
	struct tm tm; /* tm_year and tm_mon as they are written */
	long nanos;
	int zone; /* seconds east of UTC */
	struct err *err;
};

/* time.quote(): all but printable ASCII as \xNN. */
static void add_quoted(struct buf *b, const char *text)
{
	buf_addc(b, '"');
	for (size_t i = 0; text[i] && i < SHOWN_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < ' ' || c >= 0x80)
			buf_printf(b, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else
			buf_addc(b, (char)c);
	}
	buf_addc(b, '"');
}

/* What is left at 'rest' is not the 'element' of the layout. */
static int cannot_parse(const struct reading *r, const char *rest, const char *element)
{
	auto_buf struct buf b = BUF_INIT;

	buf_adds(&b, "parsing time ");
	add_quoted(&b, r->text);
	buf_printf(&b, " as \"%s\": cannot parse ", r->micro ? LAYOUT_MICRO : LAYOUT);
	add_quoted(&b, rest);
	buf_printf(&b, " as \"%s\"", element);
	return err_set(r->err, -EBADMSG, "%s", buf_str(&b));
}

static int out_of_range(const struct reading *r, const char *what)
{
	auto_buf struct buf b = BUF_INIT;

	buf_adds(&b, "parsing time ");
	add_quoted(&b, r->text);
	return err_set(r->err, -EBADMSG, "%s: %s out of range", buf_str(&b), what);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 'n' digits; -1 if they are not there. */
static int digits(const char *text, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (!is_digit(text[i]))
			return -1;
		value = value * 10 + text[i] - '0';
	}
	return value;
}

/* The elements before the fraction, each with the character in front of it. */
static int read_date_and_time(struct reading *r)
{
	const struct {
		const char *before, *element, *name;
		int *value;
		int n, min, max;
	} elements[] = {
		{ "", "2006", "year", &r->tm.tm_year, 4, 0, 9999 },
		{ "-", "01", "month", &r->tm.tm_mon, 2, 1, 12 },
		{ "-", "02", NULL, &r->tm.tm_mday, 2, 0, 99 },
		{ "T", "15", "hour", &r->tm.tm_hour, 2, 0, 23 },
		{ ":", "04", "minute", &r->tm.tm_min, 2, 0, 59 },
		{ ":", "05", "second", &r->tm.tm_sec, 2, 0, 59 },
	};

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		int n = elements[i].n, value;

		if (elements[i].before[0] && *r->at != elements[i].before[0])
			return cannot_parse(r, r->at, elements[i].before);
		r->at += elements[i].before[0] ? 1 : 0;
		/* Go takes an hour of one digit. */
		if (elements[i].value == &r->tm.tm_hour && is_digit(r->at[0]) &&
		    !is_digit(r->at[1]))
			n = 1;
		value = digits(r->at, n);
		if (value < 0)
			return cannot_parse(r, r->at, elements[i].element);
		if (value < elements[i].min || value > elements[i].max)
			return out_of_range(r, elements[i].name);
		*elements[i].value = value;
		r->at += n;
	}
	return 0;
}

static int read_fraction(struct reading *r)
{
	bool begins = (*r->at == '.' || *r->at == ',') && is_digit(r->at[1]);
	long weight = 100000000;

	if (r->micro && (!begins || digits(r->at + 1, 6) < 0))
		return cannot_parse(r, r->at, ".000000");
	if (!begins)
		return 0;
	r->at++;
	for (int i = 0; is_digit(*r->at) && !(r->micro && i == 6); i++, r->at++) {
		r->nanos += weight * (*r->at - '0');
		weight /= 10;
	}
	return 0;
}

static int read_zone(struct reading *r)
{
	int hours, minutes;

	if (*r->at == 'Z') {
		r->at++;
		return 0;
	}
	if ((*r->at != '+' && *r->at != '-') || strlen(r->at) < 6 || r->at[3] != ':')
		return cannot_parse(r, r->at, "Z07:00");
	hours = digits(r->at + 1, 2);
	minutes = digits(r->at + 4, 2);
	if (hours < 0 || minutes < 0)
		return cannot_parse(r, r->at, "Z07:00");
	if (hours > 24)
		return out_of_range(r, "time zone offset hour");
	if (minutes > 60)
		return out_of_range(r, "time zone offset minute");
	r->zone = (hours * 60 + minutes) * 60 * (*r->at == '-' ? -1 : 1);
	r->at += 6;
	return 0;
}

static int days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int read_all(struct reading *r)
{
	int result = read_date_and_time(r);

	if (result == 0)
		result = read_fraction(r);
	if (result == 0)
		result = read_zone(r);
	if (result < 0)
		return result;
	if (*r->at) {
		auto_buf struct buf b = BUF_INIT;

		buf_adds(&b, "parsing time ");
		add_quoted(&b, r->text);
		buf_adds(&b, ": extra text: ");
		add_quoted(&b, r->at);
		return err_set(r->err, -EBADMSG, "%s", buf_str(&b));
	}
	if (r->tm.tm_mday < 1 || r->tm.tm_mday > days_of(r->tm.tm_year, r->tm.tm_mon))
		return out_of_range(r, "day");
	return 0;
}

int time_text_read(const char *text, bool micro, char ret_canonical[static TIME_TEXT_SIZE],
                   struct err *err)
{
	struct reading r = { .text = text, .at = text, .micro = micro, .err = err };
	char fraction[8] = "", canonical[96]; /* as long as any int could be */
	int result = read_all(&r);
	struct tm utc;
	time_t time;

	if (result < 0)
		return result;
	r.tm.tm_year -= 1900;
	r.tm.tm_mon -= 1;
	time = timegm(&r.tm) - r.zone;
	(void)gmtime_r(&time, &utc);
	if (micro)
		(void)snprintf(fraction, sizeof(fraction), ".%06u",
		               (unsigned int)(r.nanos / 1000) % 1000000);
	(void)snprintf(canonical, sizeof(canonical), "%04d-%02d-%02dT%02d:%02d:%02d%.7sZ",
	               utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
	               utc.tm_sec, fraction);
	if (strncmp(canonical, "0001-01-01T00:00:00", 19) == 0 && r.nanos == 0)
		canonical[0] = '\0';
	/* A zone can take the last day of the year 9999 into a year of five digits. */
	(void)snprintf(ret_canonical, TIME_TEXT_SIZE, "%.*s", TIME_TEXT_SIZE - 1, canonical);
	return 0;
}
