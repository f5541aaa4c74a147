/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/scale.h"

#include "base/buf.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/label_selector.h"
#include "kube/schema.h"
#include "kube/validate.h"

static const struct merge_key merge_keys[] = {
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

const struct kind kind_scale = {
	.group = "autoscaling",
	.version = "v1",
	.api_version = "autoscaling/v1",
	.name = "Scale",
	.plural = "scales",
	.singular = "scale",
	.namespaced = true,
	.merge_keys = merge_keys,
	.schema = &schema_scale,
	.check_name = name_check_dns_subdomain,
};

json_t *scale_of(const json_t *object)
{
	static const char *const members[] = { "name", "namespace", "uid", "resourceVersion",
		                               "creationTimestamp" };
	const json_t *from = json_object_get(object, "metadata");
	int64_t replicas = json_path_int(object, "spec.replicas", 0);
	json_t *meta = json_object(), *spec = json_object();
	auto_buf struct buf selector = BUF_INIT;
	json_t *status;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_object_get(from, members[i]))
			json_object_set(meta, members[i], json_object_get(from, members[i]));
	if (replicas)
		json_object_set_new(spec, "replicas", json_integer(replicas));
	status = json_pack("{s:I}", "replicas",
	                   (json_int_t)json_path_int(object, "status.replicas", 0));
	label_selector_print(&selector, json_path(object, "spec.selector"));
	if (selector.n > 0)
		json_object_set_new(status, "selector", json_string(buf_str(&selector)));
	return json_pack("{s:s,s:s,s:o,s:o,s:o}", "kind", kind_scale.name, "apiVersion",
	                 kind_scale.api_version, "metadata", meta, "spec", spec, "status", status);
}

void scale_validate(const json_t *scale, struct field_errors *errs)
{
	kind_validate_meta(&kind_scale, scale, NULL, errs);
	validate_at_least(errs, "spec.replicas", json_path(scale, "spec.replicas"), 0);
}

void scale_apply(json_t *object, const json_t *scale)
{
	const char *version = json_path_str(scale, "metadata.resourceVersion");

	json_path_set(object, "spec.replicas",
	              json_integer(json_path_int(scale, "spec.replicas", 0)));
	if (version[0])
		json_path_set(object, "metadata.resourceVersion", json_string(version));
	else
		json_path_del(object, "metadata.resourceVersion");
}
