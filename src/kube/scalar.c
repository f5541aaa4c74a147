/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define FLOAT_EXPONENT 6 /* Go writes "1e+06", but "100000" */

/* Words with a meaning; each in three cases: "yes", "Yes", "YES". */
static const struct word {
	const char *text;
	enum scalar_type type;
	bool b;
} words[] = {
	{ "y", SCALAR_BOOL, true },
	{ "Y", SCALAR_BOOL, true },
	{ "yes", SCALAR_BOOL, true },
	{ "Yes", SCALAR_BOOL, true },
	{ "YES", SCALAR_BOOL, true },
	{ "true", SCALAR_BOOL, true },
	{ "True", SCALAR_BOOL, true },
	{ "TRUE", SCALAR_BOOL, true },
	{ "on", SCALAR_BOOL, true },
	{ "On", SCALAR_BOOL, true },
	{ "ON", SCALAR_BOOL, true },
	{ "n", SCALAR_BOOL, false },
	{ "N", SCALAR_BOOL, false },
	{ "no", SCALAR_BOOL, false },
	{ "No", SCALAR_BOOL, false },
	{ "NO", SCALAR_BOOL, false },
	{ "false", SCALAR_BOOL, false },
	{ "False", SCALAR_BOOL, false },
	{ "FALSE", SCALAR_BOOL, false },
	{ "off", SCALAR_BOOL, false },
	{ "Off", SCALAR_BOOL, false },
	{ "OFF", SCALAR_BOOL, false },
	{ "", SCALAR_NULL, false },
	{ "~", SCALAR_NULL, false },
	{ "null", SCALAR_NULL, false },
	{ "Null", SCALAR_NULL, false },
	{ "NULL", SCALAR_NULL, false },
	{ ".nan", SCALAR_NOT_FINITE, false },
	{ ".NaN", SCALAR_NOT_FINITE, false },
	{ ".NAN", SCALAR_NOT_FINITE, false },
	{ ".inf", SCALAR_NOT_FINITE, false },
	{ ".Inf", SCALAR_NOT_FINITE, false },
	{ ".INF", SCALAR_NOT_FINITE, false },
	{ "+.inf", SCALAR_NOT_FINITE, false },
	{ "+.Inf", SCALAR_NOT_FINITE, false },
	{ "+.INF", SCALAR_NOT_FINITE, false },
	{ "-.inf", SCALAR_NOT_FINITE, false },
	{ "-.Inf", SCALAR_NOT_FINITE, false },
	{ "-.INF", SCALAR_NOT_FINITE, false },
};

static const struct word *find_word(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].text, text) == 0)
			return &words[i];
	return NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p)
{
	while (is_digit(*p))
		p++;
	return p;
}

static const char *skip_sign(const char *p)
{
	return *p == '-' || *p == '+' ? p + 1 : p;
}

/* The base Go's ParseInt finds in a prefix of the digits at '*p', which it steps over. */
static unsigned int take_base(const char **p)
{
	unsigned int base = 10;

	if ((*p)[0] != '0' || (*p)[1] == '\0')
		return 10;
	switch ((*p)[1]) {
	case 'x':
	case 'X':
		base = 16;
		break;
	case 'o':
	case 'O':
		base = 8;
		break;
	case 'b':
	case 'B':
		base = 2;
		break;
	default:
		(*p)++;
		return 8;
	}
	*p += 2;
	return base;
}

static unsigned int digit_value(char c)
{
	if (is_digit(c))
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 16;
}

/*
 * -EINVAL: no integer; -ERANGE: one beyond int64.  Other than a decimal one beyond uint64 counts as
 * no integer, as in go-yaml.
 */
static int parse_int(const char *text, int64_t *ret)
{
	const char *p = skip_sign(text);
	unsigned int base = take_base(&p);
	bool huge = false;
	uint64_t v = 0;

	if (!*p)
		return -EINVAL;
	for (; *p; p++) {
		unsigned int digit = digit_value(*p);

		if (digit >= base)
			return -EINVAL;
		huge |= __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v);
	}
	if (huge || v > (uint64_t)INT64_MAX + (*text == '-'))
		return base == 10 || (!huge && *text != '-') ? -ERANGE : -EINVAL;
	*ret = *text == '-' ? (int64_t)-v : (int64_t)v;
	return 0;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *text)
{
	const char *p = skip_sign(text), *whole = p, *fraction = p;

	p = skip_digits(p);
	if (p == whole && (p[0] != '.' || !is_digit(p[1])))
		return false;
	if (*p == '.')
		p = skip_digits(p + 1);
	if (*p == 'e' || *p == 'E') {
		fraction = skip_sign(p + 1);
		p = skip_digits(fraction);
		if (p == fraction)
			return false;
	}
	return *p == '\0';
}

static struct scalar resolve_float(const char *text)
{
	double f = is_float(text) ? strtod(text, NULL) : INFINITY;

	if (!isfinite(f))
		return (struct scalar){ .type = SCALAR_STRING };
	return (struct scalar){ .type = SCALAR_FLOAT, .f = f };
}

static char *without_underscores(const char *text)
{
	char *plain = xmalloc(strlen(text) + 1), *to = plain;

	for (; *text; text++)
		if (*text != '_')
			*to++ = *text;
	*to = '\0';
	return plain;
}

static struct scalar resolve_number(const char *text)
{
	auto_free char *plain = without_underscores(text);
	struct scalar scalar = { .type = SCALAR_INT };
	int r = parse_int(plain, &scalar.i);

	if (r == -ERANGE)
		scalar.type = SCALAR_HUGE;
	return r == -EINVAL ? resolve_float(plain) : scalar;
}

/* ".5", which goes to Go's ParseFloat as it is: that takes an underscore between digits only. */
static struct scalar resolve_fraction(const char *text)
{
	auto_free char *plain = without_underscores(text);

	for (const char *p = strchr(text, '_'); p; p = strchr(p + 1, '_'))
		if (!is_digit(p[-1]) || !is_digit(p[1]))
			return (struct scalar){ .type = SCALAR_STRING };
	return resolve_float(plain);
}

/* A number of one or two digits up to 'max'; -1 if it is none. */
static int take_number(const char **p, int min, int max)
{
	int v = 0, n = 0;

	for (; n < 2 && is_digit(**p); n++, (*p)++)
		v = v * 10 + (**p - '0');
	return n > 0 && v >= min && v <= max ? v : -1;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static bool take_clock(const char **p)
{
	if (take_number(p, 0, 23) < 0 || !take_char(p, ':') || take_number(p, 0, 59) < 0 ||
	    !take_char(p, ':') || take_number(p, 0, 59) < 0)
		return false;
	if ((**p == '.' || **p == ',') && is_digit((*p)[1]))
		*p = skip_digits(*p + 1);
	return true;
}

/* "Z" or "+01:00". */
static bool take_zone(const char **p)
{
	const char *z = *p;

	if (take_char(p, 'Z'))
		return true;
	if ((*z != '+' && *z != '-') || !is_digit(z[1]) || !is_digit(z[2]) || z[3] != ':' ||
	    !is_digit(z[4]) || !is_digit(z[5]))
		return false;
	(*p)++;
	if (take_number(p, 0, 24) < 0)
		return false;
	(*p)++;
	return take_number(p, 0, 60) >= 0;
}

static int days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* "2001-1-2", "2001-1-2 3:4:5.6", "2001-1-2T3:4:5.6Z" (go-yaml's allowedTimestampFormats). */
static bool is_time(const char *text)
{
	const char *p = skip_digits(text);
	int month, day;

	if (p != text + 4 || !take_char(&p, '-'))
		return false;
	month = take_number(&p, 1, 12);
	if (month < 0 || !take_char(&p, '-'))
		return false;
	day = take_number(&p, 1, 31);
	if (day < 0 || day > days_of(atoi(text), month))
		return false;
	if (*p == '\0')
		return true;
	if (take_char(&p, ' '))
		return take_clock(&p) && *p == '\0';
	return (take_char(&p, 'T') || take_char(&p, 't')) && take_clock(&p) && take_zone(&p) &&
	       *p == '\0';
}

/* go-yaml looks at the first character to see which reading to try. */
struct scalar scalar_resolve(const char *text)
{
	const struct word *word;

	if (*text && !strchr("yYnNtTfFoO~.+-0123456789", *text))
		return (struct scalar){ .type = SCALAR_STRING };
	word = find_word(text);
	if (word)
		return (struct scalar){ .type = word->type, .b = word->b };
	if (*text == '.')
		return resolve_fraction(text);
	if (!strchr("+-0123456789", *text))
		return (struct scalar){ .type = SCALAR_STRING };
	if (is_time(text))
		return (struct scalar){ .type = SCALAR_TIME };
	return resolve_number(text);
}

/* [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? */
bool scalar_is_base60(const char *text)
{
	const char *p = skip_sign(text);
	size_t parts = 0;

	if (!is_digit(*p))
		return false;
	p += strspn(p, "0123456789_");
	for (; take_char(&p, ':'); parts++)
		if (take_number(&p, 0, 59) < 0)
			return false;
	if (parts > 0 && take_char(&p, '.'))
		p += strspn(p, "0123456789_");
	return parts > 0 && *p == '\0';
}

/* The fewest digits that give 'f' back, as "d.ddde+XX". */
static void shortest(double f, int bits, char ret_text[static SCALAR_FLOAT_SIZE])
{
	for (int digits = 0; digits < 17; digits++) {
		(void)snprintf(ret_text, SCALAR_FLOAT_SIZE, "%.*e", digits, f);
		if (bits == 32 ? strtof(ret_text, NULL) == (float)f : strtod(ret_text, NULL) == f)
			return;
	}
}

void scalar_format_float(double f, int bits, char ret_text[static SCALAR_FLOAT_SIZE])
{
	char text[SCALAR_FLOAT_SIZE];
	const char *e;
	int exponent, digits;

	shortest(f, bits, text);
	e = strchr(text, 'e');
	exponent = e ? atoi(e + 1) : 0;
	if (!e || exponent < -4 || exponent >= FLOAT_EXPONENT) {
		memcpy(ret_text, text, sizeof(text));
		return;
	}
	digits = (int)strcspn(strchr(text, '.') ? strchr(text, '.') + 1 : "e", "e");
	(void)snprintf(ret_text, SCALAR_FLOAT_SIZE, "%.*f",
	               digits > exponent ? digits - exponent : 0, f);
}
