/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/validate.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define PORT_NAME_MAX 15

void validate_name(struct field_errors *errs, const char *path, const char *value,
                   void (*check)(const char *value, struct name_errors *found))
{
	struct name_errors found = { 0 };

	check(value, &found);
	for (size_t i = 0; i < found.n; i++)
		field_invalid_string(errs, path, value, found.list[i]);
}

void validate_port_name(struct field_errors *errs, const char *path, const char *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t n = strlen(value);

	if (n > PORT_NAME_MAX)
		field_invalid_string(errs, path, value, "must be no more than 15 characters");
	if (n == 0 || strspn(value, allowed) != n)
		field_invalid_string(errs, path, value,
		                     "must contain only alpha-numeric characters (a-z, 0-9), and "
		                     "hyphens (-)");
	if (!strpbrk(value, "abcdefghijklmnopqrstuvwxyz"))
		field_invalid_string(errs, path, value, "must contain at least one letter (a-z)");
	if (strstr(value, "--"))
		field_invalid_string(errs, path, value, "must not contain consecutive hyphens");
	if (n > 0 && (value[0] == '-' || value[n - 1] == '-'))
		field_invalid_string(errs, path, value, "must not begin or end with a hyphen");
}

void validate_port(struct field_errors *errs, const char *path, const json_t *value)
{
	int64_t port = json_integer_value(value);
	json_t *zero;

	if (port >= 1 && port <= UINT16_MAX)
		return;
	zero = json_integer(0);
	field_invalid(errs, path, json_is_integer(value) ? value : zero,
	              "must be between 1 and 65535, inclusive");
	json_decref(zero);
}

void validate_port_or_name(struct field_errors *errs, const char *path, const json_t *value)
{
	if (json_is_string(value))
		validate_port_name(errs, path, json_string_value(value));
	else
		validate_port(errs, path, value);
}

void validate_at_least(struct field_errors *errs, const char *path, const json_t *value,
                       int64_t min)
{
	char detail[64];

	if (!json_is_integer(value) || json_integer_value(value) >= min)
		return;
	(void)snprintf(detail, sizeof(detail), "must be greater than or equal to %lld",
	               (long long)min);
	field_invalid(errs, path, value, detail);
}

void validate_one_of(struct field_errors *errs, const char *path, const char *value,
                     const char *const *supported)
{
	if (!value[0]) {
		field_required(errs, path, "");
		return;
	}
	for (const char *const *s = supported; *s; s++)
		if (strcmp(*s, value) == 0)
			return;
	field_unsupported(errs, path, value, supported);
}

void validate_protocol(struct field_errors *errs, const char *path, const char *value)
{
	static const char *const protocols[] = { "SCTP", "TCP", "UDP", NULL };

	validate_one_of(errs, path, value, protocols);
}

void validate_labels(struct field_errors *errs, const char *path, const json_t *map)
{
	const char *key, *text;
	json_t *value;

	json_object_foreach((json_t *)map, key, value) {
		validate_name(errs, path, key, name_check_label_key);
		text = json_string_value(value);
		if (text)
			validate_name(errs, path, text, name_check_label_value);
	}
}

/*
 * The dotted part of 'text' without leading zeros in its numbers ("012.3.4.05" -> "12.3.4.5"): to
 * tell such an address, which old versions took, from one that is none.  Heap.
 */
static char *strip_zeros(const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *dot = strchr(text, '.');
	char *copy = xstrdup(text);
	char *to = copy + (colon && dot ? colon + 1 - text : 0);
	bool at_start = true;

	if (!dot)
		return copy;
	for (const char *from = text + (to - copy); *from; from++) {
		if (at_start && *from == '0' && isdigit((unsigned char)from[1]))
			continue;
		at_start = !isdigit((unsigned char)*from);
		*to++ = *from;
	}
	*to = '\0';
	return copy;
}

static bool is_mapped(const char *text)
{
	struct in6_addr v6;

	return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_V4MAPPED(&v6);
}

bool validate_ip(struct field_errors *errs, const char *path, const char *value,
                 struct ipaddr *ret_addr)
{
	auto_free char *stripped = NULL;
	struct ipaddr addr;
	bool zeros, mapped;

	if (ipaddr_parse(value, ret_addr) == 0)
		return true;
	stripped = strip_zeros(value);
	mapped = is_mapped(stripped);
	zeros = strcmp(stripped, value) != 0 && (mapped || ipaddr_parse(stripped, &addr) == 0);
	if (zeros)
		field_invalid_string(errs, path, value, "must not have leading 0s");
	else if (mapped)
		field_invalid_string(errs, path, value, "must not be an IPv4-mapped IPv6 address");
	else
		field_invalid_string(errs, path, value,
		                     "must be a valid IP address, (e.g. 10.9.8.7 or "
		                     "2001:db8::ffff)");
	return false;
}

static bool has_bits_beyond(const struct cidr *cidr)
{
	size_t size = cidr->addr.family == 4 ? 4 : 16;

	for (size_t bit = cidr->prefix; bit < size * 8; bit++)
		if (cidr->addr.bytes[bit / 8] & (0x80 >> (bit % 8)))
			return true;
	return false;
}

void validate_cidr(struct field_errors *errs, const char *path, const char *value)
{
	auto_free char *stripped = NULL, *host = NULL;
	struct cidr cidr;

	if (cidr_parse(value, &cidr) == 0) {
		if (strstr(value, "/0") && value[strlen(value) - 2] != '/')
			field_invalid_string(errs, path, value,
			                     "must not have leading 0s in IP or prefix length");
		else if (has_bits_beyond(&cidr))
			field_invalid_string(errs, path, value,
			                     "must not have bits set beyond the prefix length");
		return;
	}
	stripped = strip_zeros(value);
	host = xstrndup(stripped, strcspn(stripped, "/"));
	if (strcmp(stripped, value) != 0 && cidr_parse(stripped, &cidr) == 0)
		field_invalid_string(errs, path, value,
		                     "must not have leading 0s in IP or prefix length");
	else if (strchr(value, '/') && is_mapped(host))
		field_invalid_string(errs, path, value,
		                     "must not have an IPv4-mapped IPv6 address");
	else
		field_invalid_string(errs, path, value,
		                     "must be a valid CIDR value, (e.g. 10.9.8.0/24 or "
		                     "2001:db8::/64)");
}

static bool is_link_local_multicast(const struct ipaddr *addr)
{
	const uint8_t *b = addr->bytes;

	if (addr->family == 4)
		return b[0] == 224 && b[1] == 0 && b[2] == 0;
	return b[0] == 0xff && (b[1] & 0x0f) == 0x02;
}

void validate_ordinary_ip(struct field_errors *errs, const char *path, const char *value,
                          const struct ipaddr *addr)
{
	auto_free char *detail = NULL;

	if (ipaddr_is_unspecified(addr)) {
		detail = xasprintf("may not be unspecified (%s)", value);
		field_invalid_string(errs, path, value, detail);
	}
	if (ipaddr_is_loopback(addr))
		field_invalid_string(errs, path, value,
		                     "may not be in the loopback range (127.0.0.0/8, ::1/128)");
	if (ipaddr_is_link_local(addr))
		field_invalid_string(errs, path, value,
		                     "may not be in the link-local range (169.254.0.0/16, "
		                     "fe80::/10)");
	if (is_link_local_multicast(addr))
		field_invalid_string(errs, path, value,
		                     "may not be in the link-local multicast range (224.0.0.0/24, "
		                     "ff02::/10)");
}

static bool is_nothing(const json_t *value)
{
	return !value || json_is_null(value) ||
	       (json_is_object(value) && json_object_size(value) == 0) ||
	       (json_is_array(value) && json_array_size(value) == 0);
}

static bool same_members(const json_t *a, const json_t *b)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)a, name, value)
		if (!validate_same(value, json_object_get(b, name)))
			return false;
	json_object_foreach((json_t *)b, name, value)
		if (!json_object_get(a, name) && !is_nothing(value))
			return false;
	return true;
}

bool validate_same(const json_t *a, const json_t *b)
{
	if (is_nothing(a) || is_nothing(b))
		return is_nothing(a) && is_nothing(b);
	if (json_is_object(a) && json_is_object(b))
		return same_members(a, b);
	if (!json_is_array(a) || !json_is_array(b))
		return json_equal(a, b);
	if (json_array_size(a) != json_array_size(b))
		return false;
	for (size_t i = 0; i < json_array_size(a); i++)
		if (!validate_same(json_array_get(a, i), json_array_get(b, i)))
			return false;
	return true;
}

void validate_immutable(struct field_errors *errs, const char *path, const json_t *now,
                        const json_t *before)
{
	if (!validate_same(now, before))
		field_invalid(errs, path, now, "field is immutable");
}

void validate_warn_ip(json_t *warnings, const char *path, const char *value)
{
	char canonical[IPADDR_TEXT_SIZE];
	struct ipaddr addr;

	if (ipaddr_parse(value, &addr) < 0 || addr.family != 6)
		return;
	ipaddr_format(&addr, canonical);
	if (strcmp(canonical, value) != 0)
		json_array_append_new(warnings,
		                      json_sprintf("%s: IPv6 address \"%s\" should be in RFC 5952 "
		                                   "canonical format (\"%s\")",
		                                   path, value, canonical));
}

bool validate_has_string(const json_t *list, const char *value)
{
	const json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
		if (json_is_string(element) && strcmp(json_string_value(element), value) == 0)
			return true;
	return false;
}

struct met {
	struct hnode node;
	const char *text; /* borrowed */
	int64_t number;
};

bool validate_set_has(struct validate_set *set, const char *text, int64_t number)
{
	uint64_t hash = hash_combine(hash_str(text), (uint64_t)number);
	struct met *met;

	hmap_for_each_with_hash(met, node, hash, &set->map)
		if (met->number == number && strcmp(met->text, text) == 0)
			return true;
	met = xnew(struct met);
	met->text = text;
	met->number = number;
	hmap_insert(&set->map, &met->node, hash);
	return false;
}

void validate_set_done(struct validate_set *set)
{
	struct met *met, *after;

	hmap_for_each_safe(met, after, node, &set->map)
		free(met);
	hmap_done(&set->map);
}
