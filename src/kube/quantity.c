/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/quantity.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NANO        1000000000LL
#define MILLI       1000000LL
#define DIGITS_MAX  18 /* digits that are looked at; a fraction may have more */
#define NUMBER_MAX  64 /* characters of a number at all */
#define VALUE_MAX   ((__int128)INT64_MAX * NANO)
#define FORMAT_TEXT "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"

static const struct suffix {
	const char *name;
	int power;
	enum quantity_format format; /* the power is of 10 or of 2 */
} suffixes[] = {
	{ "n", -9, QUANTITY_DECIMAL }, { "u", -6, QUANTITY_DECIMAL }, { "m", -3, QUANTITY_DECIMAL },
	{ "", 0, QUANTITY_DECIMAL },   { "k", 3, QUANTITY_DECIMAL },  { "M", 6, QUANTITY_DECIMAL },
	{ "G", 9, QUANTITY_DECIMAL },  { "T", 12, QUANTITY_DECIMAL }, { "P", 15, QUANTITY_DECIMAL },
	{ "E", 18, QUANTITY_DECIMAL }, { "Ki", 10, QUANTITY_BINARY }, { "Mi", 20, QUANTITY_BINARY },
	{ "Gi", 30, QUANTITY_BINARY }, { "Ti", 40, QUANTITY_BINARY }, { "Pi", 50, QUANTITY_BINARY },
	{ "Ei", 60, QUANTITY_BINARY },
};

/* A number without its sign: 'digits' / 10^'scale', and a bit more if 'inexact'. */
struct number {
	__int128 digits;
	int scale;
	bool inexact, huge;
};

static int wrong_format(struct err *err)
{
	return err_set(err, -EBADMSG, "quantities must match the regular expression '%s'",
	               FORMAT_TEXT);
}

/* The digits at 'text'; returns what is behind them, NULL if there are none. */
static const char *read_number(const char *text, struct number *ret)
{
	struct number n = { 0 };
	bool any = false, fraction = false;
	int used = 0;

	for (; (*text >= '0' && *text <= '9') || (*text == '.' && !fraction); text++) {
		if (*text == '.') {
			fraction = true;
			continue;
		}
		any = true;
		if (used > DIGITS_MAX || n.scale > DIGITS_MAX) {
			n.huge = n.huge || !fraction;
			n.inexact = n.inexact || *text != '0';
			continue;
		}
		n.digits = n.digits * 10 + (*text - '0');
		used += n.digits > 0 ? 1 : 0;
		n.scale += fraction ? 1 : 0;
	}
	*ret = n;
	return any ? text : NULL;
}

/* 0 digits behind the e are no exponent. */
static bool read_exponent(const char *text, struct suffix *ret)
{
	char *end;
	long power;

	if ((text[0] != 'e' && text[0] != 'E') || !text[1])
		return false;
	errno = 0;
	power = strtol(text + 1, &end, 10);
	if (errno || *end || end == text + 1 || power < INT32_MIN || power > INT32_MAX)
		return false;
	*ret = (struct suffix){ text, (int)power, QUANTITY_EXPONENT };
	return true;
}

static bool read_suffix(const char *text, struct suffix *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		if (strcmp(suffixes[i].name, text) == 0) {
			*ret = suffixes[i];
			return true;
		}
	}
	return read_exponent(text, ret);
}

static __int128 divide_up(__int128 value, __int128 by, bool more)
{
	return value / by + (value % by || more ? 1 : 0);
}

static __int128 power_of_10(int n)
{
	__int128 value = 1;

	while (n-- > 0)
		value *= 10;
	return value;
}

static __int128 scale_decimal(const struct number *n, int power)
{
	int shift = power + 9 - n->scale;
	__int128 value = n->digits;

	if (value == 0)
		return n->inexact ? 1 : 0;
	for (; shift > 0 && value <= VALUE_MAX; shift--)
		value *= 10;
	if (shift < 0)
		value = shift < -37 ? 1 : divide_up(value, power_of_10(-shift), n->inexact);
	return value > VALUE_MAX ? VALUE_MAX : value;
}

/* The fraction is shifted digit by digit, for all of it at once would not fit. */
static __int128 scale_binary(const struct number *n, int power)
{
	__int128 by = power_of_10(n->scale), units = n->digits / by, rest = n->digits % by, value;

	if (units > INT64_MAX >> power)
		return VALUE_MAX;
	for (int i = 0; i < power; i++) {
		rest *= 2;
		units = units * 2 + rest / by;
		rest %= by;
	}
	value = units;
	for (int i = 0; i < 9; i++) {
		rest *= 10;
		value = value * 10 + rest / by;
		rest %= by;
	}
	value += rest || n->inexact ? 1 : 0;
	return value > VALUE_MAX ? VALUE_MAX : value;
}

int quantity_parse(const char *text, struct quantity *ret, struct err *err)
{
	bool negative = *text == '-';
	struct suffix suffix;
	struct number n;
	size_t letters;
	__int128 value;

	if (strlen(text) > NUMBER_MAX)
		return wrong_format(err);
	text = read_number(*text == '-' || *text == '+' ? text + 1 : text, &n);
	if (!text)
		return wrong_format(err);
	letters = strspn(text, "eEinumkKMGTP");
	letters += text[letters] == '-' || text[letters] == '+' ? 1 : 0;
	if (text[letters + strspn(text + letters, "0123456789")])
		return wrong_format(err);
	if (!read_suffix(text, &suffix))
		return err_set(err, -EBADMSG, "unable to parse quantity's suffix");
	if (n.huge)
		value = VALUE_MAX;
	else if (suffix.format == QUANTITY_BINARY)
		value = scale_binary(&n, suffix.power);
	else
		value = scale_decimal(&n, suffix.power);
	*ret = (struct quantity){ negative ? -value : value, suffix.format };
	return 0;
}

bool quantity_round(struct quantity *q)
{
	__int128 value = q->nano < 0 ? -q->nano : q->nano;

	if (value == VALUE_MAX)
		return false;
	value = divide_up(value, MILLI, false) * MILLI;
	q->nano = q->nano < 0 ? -value : value;
	return true;
}

static const char *suffix_name(enum quantity_format format, int power)
{
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (suffixes[i].power == power && (power == 0 || suffixes[i].format == format))
			return suffixes[i].name;
	return "";
}

void quantity_format(const struct quantity *q, char ret_text[static QUANTITY_TEXT_SIZE])
{
	__int128 value = q->nano < 0 ? -q->nano : q->nano;
	bool binary = q->format == QUANTITY_BINARY && value >= (__int128)1024 * NANO;
	char exponent[8] = "";
	int power = -9;

	if (binary) {
		value = divide_up(value, NANO, false);
		for (power = 0; value % 1024 == 0 && power < 60; power += 10)
			value /= 1024;
	} else {
		for (; value % 1000 == 0 && power < (value ? 18 : 0); power += 3)
			value /= 1000;
	}
	if (q->format == QUANTITY_EXPONENT && power != 0)
		(void)snprintf(exponent, sizeof(exponent), "e%d", power);
	(void)snprintf(ret_text, QUANTITY_TEXT_SIZE, "%s%lld%s", q->nano < 0 ? "-" : "",
	               (long long)value,
	               exponent[0]
	                       ? exponent
	                       : suffix_name(binary ? QUANTITY_BINARY : QUANTITY_DECIMAL, power));
}
