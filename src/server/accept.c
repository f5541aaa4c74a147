/* SPDX-License-Identifier: Apache-2.0 */
#include "server/accept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* A piece of the header, not terminated. */
struct span {
	const char *p;
	size_t n;
};

/* What the parameters of a media range say. */
struct parameters {
	struct span as, group, version, stream, server_version;
	bool converts; /* one of the first three is there */
	bool pretty;
	double q;
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

static void parse_parameters(struct span rest, struct parameters *ret)
{
	const struct span none = { "", 0 };
	struct parameters p = { none, none, none, none, none, false, false, 1 };

	while (rest.n) {
		struct span value = next_part(&rest, ';'), key = next_part(&value, '=');

		if (is(key, "as"))
			p.as = value;
		else if (is(key, "g"))
			p.group = value;
		else if (is(key, "v"))
			p.version = value;
		else if (is(key, "stream"))
			p.stream = value;
		else if (is(key, "sv"))
			p.server_version = value;
		else if (is(key, "pretty"))
			p.pretty = is(value, "1");
		else if (is(key, "q"))
			p.q = quality(value);
		p.converts = p.converts || is(key, "as") || is(key, "g") || is(key, "v");
	}
	*ret = p;
}

/* What as, g and v ask for together; false: nothing we know. */
static bool converted(const struct parameters *p, struct accept *form)
{
	static const struct {
		const char *name;
		enum accept_as as;
	} names[] = {
		{ "Table", ACCEPT_TABLE },
		{ "PartialObjectMetadata", ACCEPT_METADATA },
		{ "PartialObjectMetadataList", ACCEPT_METADATA_LIST },
	};

	if (!p->converts)
		return true;
	if (is(p->as, "APIGroupDiscoveryList") && is(p->group, "apidiscovery.k8s.io") &&
	    is(p->version, "v2")) {
		form->as = ACCEPT_DISCOVERY;
		return true;
	}
	form->beta = is(p->version, "v1beta1");
	if (!is(p->group, "meta.k8s.io") || (!form->beta && !is(p->version, "v1")))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (is(p->as, names[i].name)) {
			form->as = names[i].as;
			return true;
		}
	}
	return false;
}

static bool is_offered(const struct parameters *p, const struct accept *form, unsigned int offered)
{
	if (form->as && !(form->as & offered))
		return false;
	if (form->yaml && ((offered & ACCEPT_NO_YAML) || p->stream.n))
		return false;
	if (p->stream.n && !is(p->stream, "watch"))
		return false;
	return p->server_version.n == 0 || is(p->server_version, "v1");
}

/*
 * One media range with its parameters.  '*ret_rank' tells how much it is wanted; false: it is not
 * of ours, where '*ret_known' tells whether that is for its parameters only.
 */
static bool parse_range(struct span range, unsigned int offered, struct accept *ret,
                        double *ret_rank, bool *ret_known)
{
	struct span type = next_part(&range, ';');
	struct accept form = { 0 };
	struct parameters p;

	parse_parameters(range, &p);
	form.yaml = is(type, "application/yaml");
	form.pretty = p.pretty;
	/* A q has three digits; the smaller steps are for how specific the range is. */
	*ret_rank = p.q - (is(type, "*/*") ? 2e-6 : is(type, "application/*") ? 1e-6 : 0);
	*ret_known = form.yaml || is(type, "application/json") || is(type, "application/*") ||
	             is(type, "*/*");
	if (!*ret_known || !converted(&p, &form) || !is_offered(&p, &form, offered))
		return false;
	*ret = form;
	return true;
}

int accept_choose(const char *header, unsigned int offered, struct accept *ret)
{
	struct span rest = { header, header ? strlen(header) : 0 };
	bool any = false, any_known = false;
	struct accept best = { 0 };
	double best_rank = 0;

	while (rest.n) {
		struct accept form;
		double rank;
		bool known,
			good = parse_range(next_part(&rest, ','), offered, &form, &rank, &known);

		any_known = any_known || known;
		if (!good || (any && rank <= best_rank))
			continue;
		best = form;
		best_rank = rank;
		any = true;
	}
	if (header && header[0] && !any)
		return any_known ? -EINVAL : -ENOTSUP;
	*ret = best;
	return 0;
}
