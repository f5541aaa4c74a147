/* SPDX-License-Identifier: Apache-2.0 */
#include "server/accept.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A piece of the header, not terminated. */
struct span {
	const char *p;
	size_t n;
};

/* Takes what stands before the next 'sep' off '*rest', without blanks around it. */
static struct span next_part(struct span *rest, char sep)
{
	const char *end = memchr(rest->p, sep, rest->n);
	struct span part = { rest->p, end ? (size_t)(end - rest->p) : rest->n };
	size_t used = end ? part.n + 1 : part.n;

	rest->p += used;
	rest->n -= used;
	while (part.n && (*part.p == ' ' || *part.p == '\t'))
		part.p++, part.n--;
	while (part.n && (part.p[part.n - 1] == ' ' || part.p[part.n - 1] == '\t'))
		part.n--;
	return part;
}

static bool is(struct span s, const char *text)
{
	return s.n == strlen(text) && strncasecmp(s.p, text, s.n) == 0;
}

static double quality(struct span value)
{
	char text[8] = "";

	if (value.n == 0 || value.n >= sizeof(text))
		return 1;
	memcpy(text, value.p, value.n);
	return strtod(text, NULL);
}

/* What the parameters as, g and v ask for together; JSON where there is no "as". */
static enum accept converted(struct span as, struct span group, struct span version)
{
	if (as.n == 0)
		return ACCEPT_JSON;
	if (is(as, "Table") && is(group, "meta.k8s.io") && is(version, "v1"))
		return ACCEPT_TABLE;
	if (is(as, "APIGroupDiscoveryList") && is(group, "apidiscovery.k8s.io") &&
	    is(version, "v2"))
		return ACCEPT_DISCOVERY;
	return ACCEPT_NONE;
}

/* One media range with its parameters. */
static enum accept parse_range(struct span range, double *ret_q)
{
	struct span type = next_part(&range, ';'), as = { "", 0 }, group = as, version = as;

	*ret_q = 1;
	while (range.n) {
		struct span value = next_part(&range, ';'), key = next_part(&value, '=');

		if (is(key, "as"))
			as = value;
		else if (is(key, "g"))
			group = value;
		else if (is(key, "v"))
			version = value;
		else if (is(key, "q"))
			*ret_q = quality(value);
	}
	if (is(type, "application/yaml"))
		return as.n ? ACCEPT_NONE : ACCEPT_YAML;
	if (!is(type, "application/json") && !is(type, "application/*") && !is(type, "*/*"))
		return ACCEPT_NONE;
	return converted(as, group, version);
}

enum accept accept_choose(const char *header, unsigned int offered)
{
	struct span rest = { header, header ? strlen(header) : 0 };
	enum accept best = ACCEPT_NONE;
	double best_q = 0;

	if (rest.n == 0)
		return ACCEPT_JSON;
	offered |= ACCEPT_JSON;
	while (rest.n) {
		double q;
		enum accept form = parse_range(next_part(&rest, ','), &q);

		if ((form & offered) && q > best_q) {
			best = form;
			best_q = q;
		}
	}
	return best;
}
