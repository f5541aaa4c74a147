/* SPDX-License-Identifier: Apache-2.0 */
#include "node/agent_metrics.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"

/* pkg/proxy/metrics: 0.001 * 2^n */
static const double sync_bounds[] = { 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128,
	                              0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384 };

static double programming_bounds[PROM_BOUNDS_MAX];
static size_t n_programming_bounds;

static const char *const family_names[FAMILIES] = { "IPv4", "IPv6" };
static const char *const policy_names[POLICIES] = { "internal", "external" };

static void add_bounds(double from, double step, int n)
{
	for (int i = 0; i < n; i++)
		programming_bounds[n_programming_bounds++] = from + step * i;
}

void agent_metrics_init(struct agent_metrics *m)
{
	if (!n_programming_bounds) {
		add_bounds(0.25, 0.25, 2);
		add_bounds(1, 1, 59);
		add_bounds(60, 5, 12);
		add_bounds(120, 30, 7);
	}
	*m = (struct agent_metrics){ .started = clock_wall() };
	for (int i = 0; i < FAMILIES; i++) {
		struct metrics_family *f = &m->families[i];

		f->sync = (struct prom_histogram){ .bounds = sync_bounds,
			                           .n_bounds = ARRAY_SIZE(sync_bounds) };
		f->full = f->partial = f->sync;
		f->programming = (struct prom_histogram){ .bounds = programming_bounds,
			                                  .n_bounds = n_programming_bounds };
	}
}

static void queued(struct agent_metrics *m)
{
	for (int i = 0; i < FAMILIES; i++)
		m->families[i].queued = clock_wall();
}

void agent_metrics_service(struct agent_metrics *m)
{
	m->services++;
	m->services_pending++;
	queued(m);
}

void agent_metrics_endpoints(struct agent_metrics *m, int64_t trigger)
{
	m->endpoints++;
	m->endpoints_pending++;
	queued(m);
	/* what was caused before we looked says nothing of us */
	if (trigger >= m->started && m->n_triggers < TRIGGERS_MAX)
		m->triggers[m->n_triggers++] = trigger;
}

void agent_metrics_synced(struct agent_metrics *m, double seconds, bool full)
{
	int64_t now = clock_wall();

	m->services_pending = m->endpoints_pending = 0;
	for (int i = 0; i < FAMILIES; i++) {
		struct metrics_family *f = &m->families[i];

		prom_observe(&f->sync, seconds);
		prom_observe(full ? &f->full : &f->partial, seconds);
		f->synced = now;
		for (size_t k = 0; k < m->n_triggers; k++)
			prom_observe(&f->programming,
			             (double)(now - m->triggers[k]) / NSEC_PER_SEC);
	}
	m->n_triggers = 0;
}

/* A window Local is empty where others of the cluster could be used. */
static void count_no_local(const struct plan_port *port, struct metrics_sums *sums)
{
	int family = port->family == 6;
	bool found[POLICIES] = { false };

	if (port->windows[PLAN_WINDOW_LOCAL].n || !port->windows[PLAN_WINDOW_ALL].n)
		return;
	for (size_t i = 0; i < port->n_frontends; i++) {
		const struct plan_frontend *f = &port->frontends[i];

		if (f->external == PLAN_WINDOW_LOCAL)
			found[f->type == PLAN_CLUSTER_IP ? POLICY_INTERNAL : POLICY_EXTERNAL] =
				true;
	}
	for (int p = 0; p < POLICIES; p++)
		sums->no_local[p][family] += found[p];
}

void agent_metrics_plan(struct agent_metrics *m, struct metrics_sums *before,
                        const struct plan_service *plan)
{
	struct metrics_sums now = { .invalid = plan ? plan->n_bad : 0 };

	for (size_t i = 0; plan && i < plan->n_ports; i++)
		count_no_local(&plan->ports[i], &now);
	m->sums.invalid += now.invalid - before->invalid;
	for (int p = 0; p < POLICIES; p++)
		for (int f = 0; f < FAMILIES; f++)
			m->sums.no_local[p][f] += now.no_local[p][f] - before->no_local[p][f];
	*before = now;
}

/* ---- text ---- */

static void add_histogram(struct buf *out, const struct agent_metrics *m, const char *name,
                          const char *help, size_t offset)
{
	char labels[32];

	prom_head(out, name, "histogram", help);
	for (int i = 0; i < FAMILIES; i++) {
		const char *family = (const char *)&m->families[i];

		(void)snprintf(labels, sizeof(labels), "ip_family=\"%s\"", family_names[i]);
		prom_histogram(out, name, labels, (const void *)(family + offset));
	}
}

static void add_times(struct buf *out, const struct agent_metrics *m)
{
	static const char synced[] = "kubeproxy_sync_proxy_rules_last_timestamp_seconds",
			  queued_at[] = "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds";

	prom_head(out, synced, "gauge", "When all was in effect last, Unix time.");
	for (int i = 0; i < FAMILIES; i++)
		buf_printf(out, "%s{ip_family=\"%s\"} %.6f\n", synced, family_names[i],
		           (double)m->families[i].synced / NSEC_PER_SEC);
	prom_head(out, queued_at, "gauge", "When a change was heard of last, Unix time.");
	for (int i = 0; i < FAMILIES; i++)
		buf_printf(out, "%s{ip_family=\"%s\"} %.6f\n", queued_at, family_names[i],
		           (double)m->families[i].queued / NSEC_PER_SEC);
}

static void add_changes(struct buf *out, const struct agent_metrics *m)
{
	static const char none[] = "kubeproxy_sync_proxy_rules_no_local_endpoints_total";

	prom_value(out, "kubeproxy_sync_proxy_rules_service_changes_total", "counter",
	           "Changes of Services.", (double)m->services);
	prom_value(out, "kubeproxy_sync_proxy_rules_service_changes_pending", "gauge",
	           "Changes of Services that are not in effect.", (double)m->services_pending);
	prom_value(out, "kubeproxy_sync_proxy_rules_endpoint_changes_total", "counter",
	           "Changes of EndpointSlices.", (double)m->endpoints);
	prom_value(out, "kubeproxy_sync_proxy_rules_endpoint_changes_pending", "gauge",
	           "Changes of EndpointSlices that are not in effect.",
	           (double)m->endpoints_pending);
	prom_head(out, none, "gauge",
	          "Service ports with a traffic policy Local and endpoints on other nodes only.");
	for (int p = 0; p < POLICIES; p++)
		for (int f = 0; f < FAMILIES; f++)
			buf_printf(out, "%s{traffic_policy=\"%s\",ip_family=\"%s\"} %u\n", none,
			           policy_names[p], family_names[f], m->sums.no_local[p][f]);
}

static void add_codes(struct buf *out, const char *name, const char *help, const uint64_t n[2])
{
	prom_head(out, name, "counter", help);
	buf_printf(out, "%s{code=\"200\"} %llu\n%s{code=\"503\"} %llu\n", name,
	           (unsigned long long)n[0], name, (unsigned long long)n[1]);
}

static void add_own(struct buf *out, const struct agent_metrics *m,
                    const struct datapath_stats *stats)
{
	prom_value(out, "fairlead_datapath_in_effect", "gauge",
	           "1 if a connection of this node was found to be balanced.", m->in_effect);
	prom_value(out, "fairlead_datapath_check_failures_total", "counter",
	           "Times connections were found not to be balanced.", (double)m->check_failures);
	prom_value(out, "fairlead_datapath_reattached_total", "counter",
	           "Times programs were put into effect again.", (double)stats->reattached);
	prom_value(out, "fairlead_datapath_ports", "gauge", "Service ports in the kernel.",
	           stats->ports);
	prom_value(out, "fairlead_datapath_frontends", "gauge", "Frontends in the kernel.",
	           stats->frontends);
	prom_value(out, "fairlead_datapath_backends", "gauge", "Backends in the kernel.",
	           stats->backends);
	prom_value(out, "fairlead_datapath_conflicts_total", "counter",
	           "Frontends left out because another Service has the address.",
	           (double)stats->conflicts);
	prom_value(out, "fairlead_datapath_udp_destroyed_total", "counter",
	           "Connected UDP sockets destroyed because their backend had gone.",
	           (double)stats->udp_destroyed);
	prom_value(out, "fairlead_datapath_udp_destroy_failures_total", "counter",
	           "Searches for such sockets that failed.", (double)stats->udp_destroy_failures);
	prom_value(out, "fairlead_apply_failures_total", "counter",
	           "Services that could not be put into effect at once.", (double)m->failures);
	prom_value(out, "fairlead_invalid_values", "gauge",
	           "Values in Services and EndpointSlices that are left out.", m->sums.invalid);
}

void agent_metrics_text(const struct agent_metrics *m, const struct proxy_health *health,
                        const struct datapath_stats *stats, struct buf *out)
{
	add_histogram(out, m, "kubeproxy_sync_proxy_rules_duration_seconds",
	              "Time to put changes into effect.", offsetof(struct metrics_family, sync));
	add_histogram(out, m, "kubeproxy_sync_full_proxy_rules_duration_seconds",
	              "The same of everything at the start.",
	              offsetof(struct metrics_family, full));
	add_histogram(out, m, "kubeproxy_sync_partial_proxy_rules_duration_seconds",
	              "The same of changes later.", offsetof(struct metrics_family, partial));
	add_histogram(out, m, "kubeproxy_network_programming_duration_seconds",
	              "From the change of a Pod or Service until it was in effect.",
	              offsetof(struct metrics_family, programming));
	add_times(out, m);
	add_changes(out, m);
	add_codes(out, "kubeproxy_proxy_healthz_total", "Answers to /healthz.", health->healthz);
	add_codes(out, "kubeproxy_proxy_livez_total", "Answers to /livez.", health->livez);
	add_own(out, m, stats);
	prom_process(out, m->started);
}
