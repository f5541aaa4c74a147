/* SPDX-License-Identifier: Apache-2.0 */
#include "server/metrics_alloc.h"

#include "base/prom.h"
#include "server/admit.h"

static const char ports_total[] = "kube_apiserver_nodeport_allocator_allocation_total",
		  ports_errors[] = "kube_apiserver_nodeport_allocator_allocation_errors_total",
		  ips_total[] = "kube_apiserver_clusterip_allocator_allocation_total",
		  ips_errors[] = "kube_apiserver_clusterip_allocator_allocation_errors_total",
		  ips_allocated[] = "kube_apiserver_clusterip_allocator_allocated_ips",
		  ips_available[] = "kube_apiserver_clusterip_allocator_available_ips";

/* The counters of one range; 'cidr' is NULL of nodePorts. */
static void add_scopes(struct buf *b, const char *name, const uint64_t n[ALLOC_SCOPES],
                       const char *cidr)
{
	static const char *const scopes[] = {
		[ALLOC_STATIC] = "static", [ALLOC_DYNAMIC] = "dynamic"
	};

	for (enum alloc_scope scope = 0; scope < ALLOC_SCOPES; scope++) {
		buf_printf(b, "%s{", name);
		if (cidr)
			buf_printf(b, "cidr=\"%s\",", cidr);
		buf_printf(b, "scope=\"%s\"} %llu\n", scopes[scope], (unsigned long long)n[scope]);
	}
}

static void add_ports(struct buf *b, const struct admission *admission)
{
	const struct alloc *ports = &admission->ports;

	prom_value(b, "kube_apiserver_nodeport_allocator_allocated_ports", "gauge",
	           "NodePorts that Services have.", ports->used);
	prom_value(b, "kube_apiserver_nodeport_allocator_available_ports", "gauge",
	           "NodePorts that are free.", ports->size - ports->used);
	prom_head(b, ports_total, "counter", "NodePorts given to Services.");
	add_scopes(b, ports_total, admission->port_counts.done, NULL);
	prom_head(b, ports_errors, "counter", "NodePorts that were asked for in vain.");
	add_scopes(b, ports_errors, admission->port_counts.failed, NULL);
}

/* The values of all ranges, by metric. */
struct series {
	struct buf allocated, available, total, errors;
};

static void add_range(struct series *series, struct ip_pool *pool, const struct ip_range *range)
{
	const struct alloc_counts *counts = ip_pool_counts(pool, range);
	uint64_t used = ip_pool_used(pool, range);
	char cidr[IP_RANGE_TEXT_SIZE];

	ip_range_format(range, cidr);
	buf_printf(&series->allocated, "%s{cidr=\"%s\"} %llu\n", ips_allocated, cidr,
	           (unsigned long long)used);
	buf_printf(&series->available, "%s{cidr=\"%s\"} %llu\n", ips_available, cidr,
	           (unsigned long long)(range->size - used));
	add_scopes(&series->total, ips_total, counts->done, cidr);
	add_scopes(&series->errors, ips_errors, counts->failed, cidr);
}

/* Two ServiceCIDRs may have the same block. */
static bool is_repeated(const struct ip_pool *pool, size_t i)
{
	const struct cidr *cidr = &pool->blocks[i].range.cidr;

	for (size_t k = 0; k < i; k++) {
		const struct cidr *before = &pool->blocks[k].range.cidr;

		if (before->prefix == cidr->prefix && ipaddr_equal(&before->addr, &cidr->addr))
			return true;
	}
	return false;
}

static void add_addresses(struct buf *b, struct ip_pool *pool)
{
	struct series series = { 0 };

	for (size_t i = 0; i < pool->n; i++)
		if (!is_repeated(pool, i))
			add_range(&series, pool, &pool->blocks[i].range);
	prom_head(b, ips_allocated, "gauge", "ClusterIPs that are in use.");
	buf_adds(b, buf_str(&series.allocated));
	prom_head(b, ips_available, "gauge", "ClusterIPs that are free.");
	buf_adds(b, buf_str(&series.available));
	prom_head(b, ips_total, "counter", "ClusterIPs given to Services.");
	buf_adds(b, buf_str(&series.total));
	prom_head(b, ips_errors, "counter", "ClusterIPs that were asked for in vain.");
	buf_adds(b, buf_str(&series.errors));
	buf_done(&series.allocated);
	buf_done(&series.available);
	buf_done(&series.total);
	buf_done(&series.errors);
}

void metrics_add_allocators(struct buf *b, struct admission *admission)
{
	add_addresses(b, &admission->pool);
	add_ports(b, admission);
}
