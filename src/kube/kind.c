/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kind.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/json.h"

/* clang-format off */
const struct kind *const kinds[] = {
	&kind_config_map,
	&kind_endpoints,
	&kind_event,
	&kind_namespace,
	&kind_node,
	&kind_pod,
	&kind_pod_template,
	&kind_secret,
	&kind_service_account,
	&kind_service,
	&kind_deployment,
	&kind_replica_set,
	&kind_events_event,
	&kind_ip_address,
	&kind_service_cidr,
	&kind_lease,
	&kind_endpoint_slice,
	NULL,
};
/* clang-format on */

const struct kind *kind_by_path(const char *group, const char *version, const char *plural)
{
	for (const struct kind *const *k = kinds; *k; k++)
		if (strcmp((*k)->group, group) == 0 && strcmp((*k)->version, version) == 0 &&
		    strcmp((*k)->plural, plural) == 0)
			return *k;
	return NULL;
}

const struct kind *kind_by_type(const char *api_version, const char *name)
{
	for (const struct kind *const *k = kinds; *k; k++)
		if (strcmp((*k)->name, name) == 0 && strcmp(kind_api_version(*k), api_version) == 0)
			return *k;
	return NULL;
}

/* True if 'word' is 'name', or 'name' with the group behind it: "endpointslices.discovery.k8s.io". */
static bool is_word(const struct kind *kind, const char *name, const char *word)
{
	size_t n = strlen(name);

	if (strncasecmp(name, word, n) != 0)
		return false;
	return !word[n] ||
	       (word[n] == '.' && kind->group[0] && strcasecmp(word + n + 1, kind->group) == 0);
}

const struct kind *kind_by_word(const char *word)
{
	for (const struct kind *const *k = kinds; *k; k++) {
		const char *const *s = (*k)->short_names;

		if (is_word(*k, (*k)->plural, word) || is_word(*k, (*k)->singular, word))
			return *k;
		for (; s && *s; s++)
			if (strcasecmp(*s, word) == 0)
				return *k;
	}
	return NULL;
}

const char *kind_api_version(const struct kind *kind)
{
	return kind->api_version;
}

char *kind_path(const struct kind *kind, const char *ns, const char *name)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, kind->group[0] ? "/apis/" : "/api/");
	buf_adds(&b, kind_api_version(kind));
	if (kind->namespaced && ns && ns[0])
		buf_printf(&b, "/namespaces/%s", ns);
	buf_printf(&b, "/%s", kind->plural);
	if (name)
		buf_printf(&b, "/%s", name);
	return buf_take(&b);
}

const struct kind *kind_of(const json_t *object)
{
	const char *api_version = json_path_string(object, "apiVersion");
	const char *name = json_path_string(object, "kind");

	return api_version && name ? kind_by_type(api_version, name) : NULL;
}

static bool is_spec(const char *member)
{
	static const char *const others[] = { "apiVersion", "kind", "metadata", "status" };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(member, others[i]) == 0)
			return false;
	return true;
}

/* True if a member of 'a' that counts is another one or missing in 'b'. */
static bool has_other_members(const json_t *a, const json_t *b)
{
	const char *member;
	json_t *value;

	json_object_foreach((json_t *)a, member, value)
		if (is_spec(member) && !json_equal(value, json_object_get(b, member)))
			return true;
	return false;
}

/* True if the member of metadata differs; empty is as good as missing. */
static bool meta_changed(const json_t *object, const json_t *old, const char *member)
{
	const json_t *now = json_object_get(json_object_get(object, "metadata"), member);
	const json_t *before = json_object_get(json_object_get(old, "metadata"), member);

	return (json_object_size(now) > 0 || json_object_size(before) > 0) &&
	       !(now && before && json_equal(now, before));
}

bool kind_spec_changed(const json_t *object, const json_t *old)
{
	const struct kind *kind = kind_of(object);

	if (has_other_members(object, old) || has_other_members(old, object))
		return true;
	return kind && kind->generation_meta && meta_changed(object, old, kind->generation_meta);
}
