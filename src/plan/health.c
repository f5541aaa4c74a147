/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/health.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool is_counted(const struct endpoint *e, uint8_t family, const struct plan_node *node)
{
	return e->ready && e->addr.family == family && e->node[0] &&
	       strcmp(e->node, node->name) == 0;
}

/* Without a port it takes no connections. */
static bool has_port(const struct endpoint_slice *slice)
{
	for (size_t i = 0; i < slice->n_ports; i++)
		if (slice->ports[i].port)
			return true;
	return false;
}

static int addr_cmp(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

/* One Pod is one endpoint, whatever ports it has and how many slices name it. */
static uint32_t count_different(struct ipaddr *addrs, size_t n)
{
	uint32_t different = 0;

	if (n > 0)
		qsort(addrs, n, sizeof(*addrs), addr_cmp);
	for (size_t i = 0; i < n; i++)
		different += i == 0 || !ipaddr_equal(&addrs[i], &addrs[i - 1]);
	return different;
}

void health_plan(struct plan_service *plan, const struct service *service,
                 const struct endpoint_slice *const *slices, size_t n, const struct plan_node *node)
{
	uint8_t family = service->cluster_ips[0].family;
	struct ipaddr *addrs = NULL; /* owned */
	size_t n_addrs = 0, cap = 0;

	if (service->type != SERVICE_LOAD_BALANCER || !service->external_local)
		return;
	plan->health_port = service->health_check_node_port;
	for (size_t i = 0; i < n; i++) {
		const struct endpoint_slice *slice = slices[i];

		if (labels_get(&slice->meta.labels, LABEL_HEADLESS) || !has_port(slice))
			continue;
		for (size_t k = 0; k < slice->n_endpoints; k++) {
			if (!is_counted(&slice->endpoints[k], family, node))
				continue;
			array_reserve(addrs, n_addrs, cap);
			addrs[n_addrs++] = slice->endpoints[k].addr;
		}
	}
	plan->local_ready = count_different(addrs, n_addrs);
	free(addrs);
}
