/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects as some server or file may have them, planned.  No content is fatal, and a plan holds what
 * the datapath builds on: no frontend twice, backends sorted and each in a window, windows of known
 * backends, a reason for all that is left out.
 */
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fuzz.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/types.h"
#include "plan/plan.h"
#include "plan/plan_objects.h"

#define NODE "node-a"

static void check_frontends(const struct plan_port *port)
{
	for (size_t i = 0; i < port->n_frontends; i++) {
		const struct plan_frontend *f = &port->frontends[i];

		fuzz_check(f->addr.family == port->family && f->port != 0);
		fuzz_check(f->internal < PLAN_WINDOWS && f->external < PLAN_WINDOWS);
		for (size_t k = 0; k < i; k++)
			fuzz_check(port->frontends[k].port != f->port ||
			           !ipaddr_equal(&port->frontends[k].addr, &f->addr));
	}
}

static void check_windows(const struct plan_port *port)
{
	auto_free bool *in_one = calloc(port->n_backends + 1, sizeof(*in_one));

	fuzz_check(in_one);
	for (unsigned int w = 0; w < PLAN_WINDOWS; w++) {
		const struct plan_window *window = &port->windows[w];

		for (size_t i = 0; i < window->n; i++) {
			fuzz_check(window->index[i] < port->n_backends);
			fuzz_check(i == 0 || window->index[i] > window->index[i - 1]);
			fuzz_check(w != PLAN_WINDOW_LOCAL ||
			           port->backends[window->index[i]].local);
			in_one[window->index[i]] = true;
		}
	}
	for (size_t i = 0; i < port->n_backends; i++)
		fuzz_check(in_one[i]);
}

static void check_backends(const struct plan_port *port)
{
	for (size_t i = 0; i < port->n_backends; i++) {
		const struct plan_backend *b = &port->backends[i], *before = b - (i > 0);
		int order = ipaddr_cmp(&before->addr, &b->addr);

		fuzz_check(b->addr.family == port->family && b->port != 0);
		fuzz_check(i == 0 || order < 0 || (order == 0 && before->port < b->port));
	}
	for (size_t i = 0; i < port->n_left_out; i++)
		fuzz_check(port->left_out[i].why[0] && port->left_out[i].endpoint[0]);
}

static void check_plan(const struct plan_service *plan)
{
	fuzz_check(!plan->ignored[0] || plan->n_ports == 0);
	for (size_t i = 0; i < plan->n_ports; i++) {
		check_frontends(&plan->ports[i]);
		check_backends(&plan->ports[i]);
		check_windows(&plan->ports[i]);
	}
}

/* Every Service with every slice, whichever it is labelled for. */
static void plan_all(const json_t *objects)
{
	const struct plan_node node = { .name = NODE, .zone = "zone-a" };
	size_t n = json_array_size(objects);
	auto_free struct endpoint_slice **slices = calloc(n + 1, sizeof(struct endpoint_slice *));

	fuzz_check(slices);
	for (size_t i = 0; i < n; i++)
		slices[i] = endpoint_slice_from_json(json_array_get(objects, i));
	for (size_t i = 0; i < n; i++) {
		struct service *service = service_from_json(json_array_get(objects, i));
		struct plan_service *plan = plan_service_new(
			service, (const struct endpoint_slice *const *)slices, n, &node);

		check_plan(plan);
		plan_service_free(plan);
		service_free(service);
	}
	for (size_t i = 0; i < n; i++)
		endpoint_slice_free(slices[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json json_t *objects = NULL;
	auto_json json_t *plan = NULL;
	auto_buf struct buf text = BUF_INIT;
	struct err err = { 0 };

	if (decode_yaml((const char *)data, size, "input", &objects, &err) < 0)
		return 0;
	if (json_array_size(objects) > 64)
		return 0; /* all with all of them */
	plan_objects_print(objects, NODE, &text);
	plan = plan_objects_json(objects, NODE);
	fuzz_check(json_is_object(plan) && text.n > 0);
	plan_all(objects);
	return 0;
}
