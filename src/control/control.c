/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include <stdlib.h>

#include "base/mem.h"
#include "control/endpoint_slices.h"

struct control {
	struct endpoint_slices *endpoint_slices;
};

struct control *control_new(struct client *client)
{
	struct control *control = xnew(struct control);

	control->endpoint_slices = endpoint_slices_new(client,
	                                               &(struct endpoint_slices_config){ 0 });
	return control;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	endpoint_slices_free(control->endpoint_slices);
	free(control);
}
