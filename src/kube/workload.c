/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/workload.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind_meta.h"
#include "kube/label_selector.h"
#include "kube/pod.h"
#include "kube/validate.h"

void workload_prepare(json_t *object, const json_t *old, enum kind_write write, json_t *status)
{
	json_t *labels = json_path(old, "metadata.labels");

	kind_meta_prepare(object, old, write);
	if (write == KIND_CREATE)
		json_object_set(object, "status", status);
	if (write == KIND_UPDATE_STATUS && labels)
		json_path_set(object, "metadata.labels", json_deep_copy(labels));
	else if (write == KIND_UPDATE_STATUS)
		json_path_del(object, "metadata.labels");
	json_decref(status);
}

void workload_set_defaults(json_t *object)
{
	json_t *spec = json_path(object, "spec");

	if (!spec) {
		spec = json_object();
		json_object_set_new(object, "spec", spec);
	}
	if (!json_is_object(spec))
		return;
	if (!json_path(spec, "replicas"))
		json_object_set_new(spec, "replicas", json_integer(1));
	pod_template_set_defaults(json_path(spec, "template"));
}

static void check_template(const json_t *spec, struct field_errors *errs)
{
	static const char *const always[] = { "Always", NULL };
	const json_t *template = json_path(spec, "template"),
		     *selector = json_path(spec, "selector");
	const json_t *labels = json_path(template, "metadata.labels");
	const char *restart = json_path_str(template, "spec.restartPolicy");

	/* No selector selects nothing, an empty one is told of already. */
	if (!selector ||
	    (!label_selector_is_empty(selector) && !label_selector_matches(selector, labels))) {
		auto_json json_t *shown = labels ? label_selector_sorted_map(labels) : NULL;

		field_invalid(errs, "spec.template.metadata.labels", shown,
		              "`selector` does not match template `labels`");
	}
	pod_template_validate(template, "spec.template", errs);
	if (strcmp(restart, "Always") != 0)
		field_unsupported(errs, "spec.template.spec.restartPolicy", restart, always);
	if (json_path(template, "spec.activeDeadlineSeconds"))
		field_forbidden(errs, "spec.template.spec.activeDeadlineSeconds",
		                "activeDeadlineSeconds in ReplicaSet is not Supported");
}

void workload_validate_template(const json_t *spec, struct field_errors *errs)
{
	const json_t *selector = json_path(spec, "selector");
	auto_json json_t *shown = label_selector_sorted(selector);

	if (!selector) {
		field_required(errs, "spec.selector", "");
	} else {
		label_selector_validate(errs, "spec.selector", selector);
		if (label_selector_is_empty(selector))
			field_invalid(errs, "spec.selector", shown,
			              "empty selector is invalid for deployment");
	}
	if (label_selector_is_valid(selector))
		check_template(spec, errs);
	else
		field_invalid(errs, "spec.selector", shown, "invalid label selector");
}

void workload_validate_counts(const json_t *status, const char *const *members,
                              struct field_errors *errs)
{
	for (; *members; members++)
		validate_at_least(errs, field_path("status.%s", *members),
		                  json_path(status, *members), 0);
}

void workload_validate_part(const json_t *status, const char *part, const char *whole,
                            const char *reason, struct field_errors *errs)
{
	if (json_path_int(status, part, 0) > json_path_int(status, whole, 0))
		field_invalid(errs, field_path("status.%s", part), json_path(status, part), reason);
}

void workload_warn(const json_t *object, const json_t *old, json_t *warnings)
{
	struct name_errors found = { 0 };
	auto_buf struct buf list = BUF_INIT;

	if (old)
		return;
	name_check_dns_label(json_path_str(object, "metadata.name"), &found);
	if (found.n == 0)
		return;
	for (size_t i = 0; i < found.n; i++)
		buf_printf(&list, "%s%s", i ? " " : "", found.list[i]);
	json_array_append_new(
		warnings,
		json_sprintf("metadata.name: this is used in Pod names and hostnames, which "
	                     "can result in surprising behavior; a DNS label is "
	                     "recommended: [%s]",
	                     buf_str(&list)));
}

static void add_joined(json_t *cells, const json_t *containers, const char *member)
{
	auto_buf struct buf b = BUF_INIT;
	const json_t *container;
	size_t i;

	json_array_foreach(containers, i, container)
		buf_printf(&b, "%s%s", i ? "," : "", json_path_str(container, member));
	cell_add(cells, buf_str(&b));
}

void workload_add_containers(json_t *cells, const json_t *template)
{
	const json_t *containers = json_path(template, "spec.containers");

	add_joined(cells, containers, "name");
	add_joined(cells, containers, "image");
}
