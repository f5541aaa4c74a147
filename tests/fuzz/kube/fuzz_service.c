/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object of any kind (a Service where it does not say) through all hooks.  None of them minds
 * what it meets; what is accepted stays the same by being defaulted again, and is accepted again as
 * an update of itself.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "fuzz.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/service_families.h"
#include "kube/types.h"

static bool is_valid(const struct kind *kind, const json_t *object, const json_t *old,
                     enum kind_write write)
{
	struct field_errors errs = { 0 };
	bool valid;

	kind->validate(object, old, write, &errs);
	valid = errs.n == 0;
	field_errors_done(&errs);
	return valid;
}

static void read_only(const struct kind *kind, const json_t *object)
{
	auto_json json_t *warnings = json_array();
	auto_json json_t *cells = json_array();

	if (kind->warn)
		kind->warn(object, NULL, warnings);
	kind->row(object, 300 * NSEC_PER_SEC, cells);
	fuzz_check(json_array_size(cells) == kind->n_columns);
	service_free(service_from_json(object));
	endpoint_slice_free(endpoint_slice_from_json(object));
	node_free(node_from_json(object));
	pod_free(pod_from_json(object));
}

/* False if the families are refused. */
static bool write_object(const struct kind *kind, json_t *object, const json_t *old,
                         enum kind_write write)
{
	static const uint8_t families[] = { 4, 6 };
	struct field_errors errs = { 0 };
	bool good;

	kind->prepare(object, old, write);
	if (kind->set_defaults)
		kind->set_defaults(object);
	if (kind == &kind_service)
		service_default_families(object, old, families, 2, &errs);
	good = errs.n == 0;
	field_errors_done(&errs);
	return good;
}

/* The hooks promise to take objects whose types were not checked. */
static void run_unchecked(const struct kind *kind, const json_t *object)
{
	auto_json json_t *copy = json_deep_copy(object);

	read_only(kind, copy);
	(void)write_object(kind, copy, object, KIND_UPDATE);
	(void)is_valid(kind, copy, object, KIND_UPDATE);
	(void)write_object(kind, copy, NULL, KIND_CREATE);
	(void)is_valid(kind, copy, NULL, KIND_CREATE);
	(void)write_object(kind, copy, object, KIND_UPDATE_STATUS);
	(void)is_valid(kind, copy, object, KIND_UPDATE_STATUS);
}

static void run_checked(const struct kind *kind, json_t *object)
{
	auto_json json_t *again = NULL;
	bool good = write_object(kind, object, NULL, KIND_CREATE);

	read_only(kind, object);
	if (!good || !is_valid(kind, object, NULL, KIND_CREATE))
		return;
	again = json_deep_copy(object);
	if (kind->set_defaults)
		kind->set_defaults(again);
	fuzz_check(json_equal(again, object));
	fuzz_check(is_valid(kind, again, NULL, KIND_CREATE));
	fuzz_check(write_object(kind, again, object, KIND_UPDATE));
	fuzz_check(is_valid(kind, again, object, KIND_UPDATE));
	fuzz_check(!kind_spec_changed(again, object));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json json_t *object = NULL;
	auto_json json_t *unknown = json_array();
	struct err err = { 0 };
	const struct kind *kind;

	if (decode_json((const char *)data, size, &object, &err) < 0)
		return 0;
	kind = kind_of(object) ? kind_of(object) : &kind_service;
	if (!json_is_object(object)) {
		fuzz_check(kind_check_types(kind, object, &err) < 0 || json_is_null(object));
		return 0;
	}
	run_unchecked(kind, object);
	kind_unknown_fields(kind, object, unknown);
	if (kind_check_types(kind, object, &err) < 0) {
		fuzz_check(*err.msg);
		return 0;
	}
	kind_normalise(kind, object);
	fuzz_check(kind_check_types(kind, object, &err) == 0);
	run_checked(kind, object);
	return 0;
}
