/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include <stdlib.h>

#include "base/mem.h"
#include "control/endpoint_slices.h"
#include "control/endpoints.h"
#include "control/garbage.h"
#include "control/mirror.h"
#include "control/namespace_defaults.h"
#include "control/service_cidrs.h"

struct control {
	struct endpoint_slices *endpoint_slices;
	struct endpoints *endpoints;
	struct mirror *mirror;
	struct garbage *garbage;
	struct namespace_defaults *namespace_defaults;
	struct service_cidrs *service_cidrs;
};

struct control *control_new(struct client *client, const struct control_config *config)
{
	struct control *control = xnew(struct control);

	control->endpoint_slices = endpoint_slices_new(client,
	                                               &(struct endpoint_slices_config){ 0 });
	control->endpoints = endpoints_new(client, control->endpoint_slices);
	control->mirror = mirror_new(client, control->endpoint_slices);
	control->garbage = garbage_new(client);
	control->namespace_defaults = namespace_defaults_new(client, config->root_ca);
	control->service_cidrs = service_cidrs_new(client);
	return control;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	service_cidrs_free(control->service_cidrs);
	namespace_defaults_free(control->namespace_defaults);
	garbage_free(control->garbage);
	mirror_free(control->mirror);
	endpoints_free(control->endpoints);
	endpoint_slices_free(control->endpoint_slices);
	free(control);
}
