/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/names.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define LABEL_NAME_RULE                                                                     \
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end " \
	"with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', "     \
	"regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define DNS_SUBDOMAIN_RULE                                                               \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "        \
	"characters, '-' or '.', and must start and end with an alphanumeric character " \
	"(e.g. 'example.com', regex used for validation is "                             \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

static const char digits[] = "0123456789";
static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static void add_error(struct name_errors *errs, const char *text)
{
	assert(errs->n < NAME_ERRORS_MAX);
	errs->list[errs->n++] = text;
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static bool is_lower_alnum(char c)
{
	return is_one_of(c, lower) || is_one_of(c, digits);
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || is_one_of(c, upper);
}

/* [A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])? */
static bool is_label_name(const char *s, size_t n)
{
	if (n == 0 || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && !is_one_of(s[i], "-_."))
			return false;
	return true;
}

static bool is_dns_label(const char *s, size_t n)
{
	if (n == 0 || !is_lower_alnum(s[0]) || !is_lower_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_lower_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

static bool is_dns_subdomain(const char *s, size_t n)
{
	const char *dot;

	while ((dot = memchr(s, '.', n))) {
		size_t label = (size_t)(dot - s);

		if (!is_dns_label(s, label))
			return false;
		s += label + 1;
		n -= label + 1;
	}
	return is_dns_label(s, n);
}

static void check_prefix(const char *prefix, size_t n, struct name_errors *errs)
{
	if (n == 0) {
		add_error(errs, "prefix part must be non-empty");
		return;
	}
	if (n > NAME_SUBDOMAIN_MAX)
		add_error(errs, "prefix part must be no more than 253 bytes");
	if (!is_dns_subdomain(prefix, n))
		add_error(errs, "prefix part " DNS_SUBDOMAIN_RULE);
}

void name_check_label_key(const char *value, struct name_errors *errs)
{
	const char *slash = strchr(value, '/');
	const char *name = slash ? slash + 1 : value;
	size_t n = strlen(name);

	if (strchr(name, '/')) {
		add_error(errs, "a valid label key " LABEL_NAME_RULE
		                " with an optional DNS subdomain prefix and '/' (e.g. "
		                "'example.com/MyName')");
		return;
	}
	if (slash)
		check_prefix(value, (size_t)(slash - value), errs);
	if (n == 0)
		add_error(errs, "name part must be non-empty");
	else if (n > NAME_LABEL_MAX)
		add_error(errs, "name part must be no more than 63 bytes");
	if (!is_label_name(name, n))
		add_error(errs, "name part " LABEL_NAME_RULE);
}

void name_check_label_value(const char *value, struct name_errors *errs)
{
	size_t n = strlen(value);

	if (n > NAME_LABEL_MAX)
		add_error(errs, "must be no more than 63 bytes");
	if (n > 0 && !is_label_name(value, n))
		add_error(errs, "a valid label must be an empty string or consist of alphanumeric "
		                "characters, '-', '_' or '.', and must start and end with an "
		                "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
		                "'12345', regex used for validation is "
		                "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
}

void name_check_dns_label(const char *value, struct name_errors *errs)
{
	size_t n = strlen(value);

	if (n > NAME_LABEL_MAX)
		add_error(errs, "must be no more than 63 characters");
	if (is_dns_label(value, n))
		return;
	if (is_dns_subdomain(value, n))
		add_error(errs, "must not contain dots");
	else
		add_error(errs, "a lowercase RFC 1123 label must consist of lower case "
		                "alphanumeric characters or '-', and must start and end with an "
		                "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
		                "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
}

void name_check_dns_subdomain(const char *value, struct name_errors *errs)
{
	size_t n = strlen(value);

	if (n > NAME_SUBDOMAIN_MAX)
		add_error(errs, "must be no more than 253 characters");
	if (!is_dns_subdomain(value, n))
		add_error(errs, DNS_SUBDOMAIN_RULE);
}

void name_check_path_segment(const char *value, struct name_errors *errs)
{
	if (strcmp(value, ".") == 0)
		add_error(errs, "may not be '.'");
	else if (strcmp(value, "..") == 0)
		add_error(errs, "may not be '..'");
	if (strchr(value, '/'))
		add_error(errs, "may not contain '/'");
	if (strchr(value, '%'))
		add_error(errs, "may not contain '%'");
}

static bool is_data_key(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!is_alnum(*s) && !is_one_of(*s, "-._"))
			return false;
	return true;
}

void name_check_data_key(const char *value, struct name_errors *errs)
{
	if (strlen(value) > NAME_SUBDOMAIN_MAX)
		add_error(errs, "must be no more than 253 characters");
	if (!is_data_key(value))
		add_error(errs, "a valid config key must consist of alphanumeric characters, '-', "
		                "'_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
		                "regex used for validation is '[-._a-zA-Z0-9]+')");
	if (strcmp(value, ".") == 0)
		add_error(errs, "must not be '.'");
	else if (strcmp(value, "..") == 0)
		add_error(errs, "must not be '..'");
	else if (strncmp(value, "..", 2) == 0)
		add_error(errs, "must not start with '..'");
}
