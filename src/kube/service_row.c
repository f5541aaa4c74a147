/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a Service, as in Kubernetes' printers/internalversion printService. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/selector.h"
#include "kube/service.h"

static void add_joined(struct buf *b, const char *text)
{
	if (b->n > 0)
		buf_addc(b, ',');
	buf_adds(b, text);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The addresses or names of the load balancer, sorted, each once. */
static void add_ingress(struct buf *b, const json_t *ingress)
{
	size_t i, n = 0;
	auto_free const char **texts = xcalloc(json_array_size(ingress) + 1, sizeof(*texts));
	const json_t *point;

	json_array_foreach(ingress, i, point) {
		const char *ip = json_path_str(point, "ip");
		const char *text = ip[0] ? ip : json_path_str(point, "hostname");

		if (text[0])
			texts[n++] = text;
	}
	qsort(texts, n, sizeof(*texts), compare_texts);
	for (i = 0; i < n; i++)
		if (i == 0 || strcmp(texts[i], texts[i - 1]) != 0)
			add_joined(b, texts[i]);
}

static void add_external_ip(json_t *cells, const json_t *object, const json_t *spec)
{
	bool load_balancer = service_is_type(spec, "LoadBalancer");
	auto_buf struct buf b = BUF_INIT;
	const json_t *ip;
	size_t i;

	if (service_is_type(spec, "ExternalName")) {
		cell_add(cells, json_path_str(spec, "externalName"));
		return;
	}
	if (load_balancer)
		add_ingress(&b, json_path(object, "status.loadBalancer.ingress"));
	json_array_foreach(json_path(spec, "externalIPs"), i, ip)
		if (json_is_string(ip))
			add_joined(&b, json_string_value(ip));
	cell_add_or(cells, buf_str(&b), load_balancer ? "<pending>" : "<none>");
}

static void add_ports(json_t *cells, const json_t *ports)
{
	auto_buf struct buf b = BUF_INIT;
	const json_t *port;
	size_t i;

	json_array_foreach(ports, i, port) {
		long long node_port = (long long)json_path_int(port, "nodePort", 0);

		if (b.n > 0)
			buf_addc(&b, ',');
		buf_printf(&b, "%lld", (long long)json_path_int(port, "port", 0));
		if (node_port)
			buf_printf(&b, ":%lld", node_port);
		buf_printf(&b, "/%s", json_path_str(port, "protocol"));
	}
	cell_add_or(cells, buf_str(&b), "<none>");
}

static void add_selector(json_t *cells, const json_t *selector)
{
	struct arena arena = ARENA_INIT;
	struct labels labels = labels_from_json(selector, &arena);
	auto_buf struct buf b = BUF_INIT;

	for (size_t i = 0; i < labels.n; i++)
		buf_printf(&b, "%s%s=%s", i ? "," : "", labels.list[i].key, labels.list[i].value);
	cell_add_or(cells, buf_str(&b), "<none>");
	arena_done(&arena);
}

void service_row(const json_t *object, int64_t now, json_t *cells)
{
	const json_t *spec = json_path(object, "spec");
	const json_t *ips = json_path(spec, "clusterIPs");
	const char *ip = json_string_value(json_array_get(ips, 0));

	cell_add_name(cells, object);
	cell_add(cells, json_path_str(spec, "type"));
	cell_add_or(cells, ip, "<none>");
	add_external_ip(cells, object, spec);
	add_ports(cells, json_path(spec, "ports"));
	cell_add_object_age(cells, object, now);
	add_selector(cells, json_path(spec, "selector"));
}
