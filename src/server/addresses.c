/* SPDX-License-Identifier: Apache-2.0 */
#include "server/addresses.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/json.h"
#include "server/admit_ips.h"
#include "server/admit_ports.h"
#include "server/deletion.h"
#include "server/event.h"
#include "server/mutate.h"

#define PERIOD_NS   NSEC_PER_SEC
#define ORPHAN_AGE  (60 * NSEC_PER_SEC) /* an IPAddress may come so long before its Service */
#define WRONG_AGE   (5 * NSEC_PER_SEC)
#define EVENTS_MAX  100 /* of one search; the log has the number of all */
#define COMPONENT   "ipallocator-repair-controller"
#define OF_PORTS    "portallocator-repair-controller"
#define SUSPECT_MAX 10000

struct addresses {
	struct store_watch *cidrs, *ips;
	struct list_node suspects; /* IPAddresses to be looked at again */
	size_t n_suspects;
	struct timer *timer;
	size_t n_events; /* of the search under way */
};

struct suspect {
	struct list_node in_suspects;
	int64_t due; /* clock_now() */
	char name[IPADDR_TEXT_SIZE];
};

/* What is to be done with an IPAddress. */
enum verdict {
	VERDICT_FINE,
	VERDICT_LATER,    /* its Service may be on the way */
	VERDICT_MODIFIED, /* ours, and refers to something else than a Service */
	VERDICT_LEAKED,   /* its Service is not there */
	VERDICT_WRONG,    /* its Service has it not */
	VERDICT_LABELS,   /* its Service has it, but it has lost its labels */
};

static json_t *stored(const struct server *server, const struct kind *kind, const char *ns,
                      const char *name)
{
	const struct store_object *object = store_get(server->store, kind, ns, name);

	return object ? store_object_json(object) : NULL;
}

static bool refers_to_service(const json_t *ip)
{
	return !json_path_str(ip, "spec.parentRef.group")[0] &&
	       strcmp(json_path_str(ip, "spec.parentRef.resource"), "services") == 0;
}

static json_t *parent_of(const struct server *server, const json_t *ip)
{
	return refers_to_service(ip) ? stored(server, &kind_service,
	                                      json_path_str(ip, "spec.parentRef.namespace"),
	                                      json_path_str(ip, "spec.parentRef.name"))
	                             : NULL;
}

static bool has_ip(const json_t *service, const char *name)
{
	struct ipaddr addr;

	return service && ipaddr_parse(name, &addr) == 0 && admit_ips_has(service, &addr);
}

static const char *label(const json_t *ip, const char *key)
{
	const char *value =
		json_string_value(json_object_get(json_path(ip, "metadata.labels"), key));

	return value ? value : "";
}

static bool is_managed(const json_t *ip)
{
	return strcmp(label(ip, LABEL_IP_MANAGED_BY), IP_ALLOCATOR_NAME) == 0;
}

static int64_t created(const json_t *object)
{
	int64_t wall = 0;

	(void)clock_parse(json_path_str(object, "metadata.creationTimestamp"), &wall);
	return wall;
}

static enum verdict judge_stray(const json_t *ip, const json_t *service)
{
	int64_t age = clock_wall() - created(ip);

	if (!is_managed(ip))
		return VERDICT_FINE; /* a user's: it reserves the address */
	if (!refers_to_service(ip))
		return VERDICT_MODIFIED;
	if (!service)
		return age < ORPHAN_AGE ? VERDICT_LATER : VERDICT_LEAKED;
	if (admit_type_is(service, "ExternalName") && age < ORPHAN_AGE)
		return VERDICT_LATER;
	return created(ip) > created(service) && age < WRONG_AGE ? VERDICT_LATER : VERDICT_WRONG;
}

static enum verdict judge(const struct server *server, const json_t *ip)
{
	const char *name = json_path_str(ip, "metadata.name");
	auto_json json_t *service = parent_of(server, ip);

	if (!has_ip(service, name))
		return judge_stray(ip, service);
	return is_managed(ip) && strcmp(label(ip, LABEL_IP_FAMILY),
	                                strchr(name, ':') ? "IPv6" : "IPv4") == 0
	               ? VERDICT_FINE
	               : VERDICT_LABELS;
}

static void deleted(struct deletion *d, const struct store_object *object)
{
	(void)object;
	if (d->refusal)
		log_warn("server", "cannot remove the IPAddress %s: %s", d->name,
		         json_path_str(d->refusal, "message"));
}

static void drop(struct server *server, const json_t *ip)
{
	struct deletion *d = deletion_new(server, &kind_ip_address, "",
	                                  json_path_str(ip, "metadata.name"));

	d->options = json_pack("{s:{s:s}}", "preconditions", "uid",
	                       json_path_str(ip, "metadata.uid"));
	d->done = deleted;
	deletion_start(d);
}

static void suspect(struct server *server, const char *name)
{
	struct addresses *a = server->addresses;
	struct suspect *s;

	/* With more of them some are found at the next start only. */
	if (a->n_suspects == SUSPECT_MAX || strlen(name) >= sizeof(s->name))
		return;
	s = xnew(struct suspect);
	s->due = clock_now() + WRONG_AGE;
	(void)stpcpy(s->name, name);
	list_add_tail(&a->suspects, &s->in_suspects);
	a->n_suspects++;
	if (!timer_pending(a->timer))
		timer_every(a->timer, PERIOD_NS);
}

/* Carries the verdict on a stored IPAddress out. */
static void act(struct server *server, const json_t *ip)
{
	const struct event event = { &kind_ip_address, ip, COMPONENT, "IPAddressNotAllocated",
		                     "IPAddressAllocation" };
	struct event wrong = event;
	const char *name = json_path_str(ip, "metadata.name");
	const char *parent_ns = json_path_str(ip, "spec.parentRef.namespace");
	const char *parent = json_path_str(ip, "spec.parentRef.name");

	wrong.reason = "IPAddressWrongReference";
	switch (judge(server, ip)) {
	case VERDICT_FINE:
		return;
	case VERDICT_LATER:
		suspect(server, name);
		return;
	case VERDICT_MODIFIED:
		event_warn(
			server, &event,
			"IPAddress %s appears to have been modified, not referencing a Service "
			"&ParentReference{Group:%s,Resource:%s,Namespace:%s,Name:%s,}: cleaning up",
			name, json_path_str(ip, "spec.parentRef.group"),
			json_path_str(ip, "spec.parentRef.resource"), parent_ns, parent);
		break;
	case VERDICT_LEAKED:
		event_warn(server, &event,
		           "IPAddress: %s for Service %s/%s appears to have leaked: cleaning up",
		           name, parent_ns, parent);
		break;
	case VERDICT_WRONG:
		event_warn(server, &wrong,
		           "IPAddress: %s for Service %s/%s has a wrong reference; cleaning up",
		           name, parent_ns, parent);
		break;
	case VERDICT_LABELS:
		break; /* gone, it is made anew */
	}
	drop(server, ip);
}

static void on_timer(void *arg)
{
	struct server *server = arg;
	struct addresses *a = server->addresses;
	struct list_node due;
	struct suspect *s;

	list_init(&due);
	while ((s = list_first(&a->suspects, struct suspect, in_suspects)) &&
	       s->due <= clock_now()) {
		list_remove(&s->in_suspects);
		list_add_tail(&due, &s->in_suspects);
		a->n_suspects--;
	}
	while ((s = list_first(&due, struct suspect, in_suspects))) {
		auto_json json_t *ip = stored(server, &kind_ip_address, "", s->name);

		list_remove(&s->in_suspects);
		free(s);
		if (ip)
			act(server, ip);
	}
	if (list_empty(&a->suspects))
		timer_stop(a->timer);
}

/* ---- a Service without its IPAddress ---- */

static void on_written(struct mutation *m, const struct store_object *object)
{
	(void)object;
	if (m->refusal)
		log_warn("server", "cannot write the IPAddress %s of a Service: %s", m->name,
		         json_path_str(m->refusal, "message"));
}

static void write_ip(struct server *server, const json_t *service, const char *name,
                     enum mutate_op op)
{
	json_t *object = admit_ips_object(name, service);
	struct mutation *m;

	/* On an update it keeps those it has. */
	json_path_del(object, "metadata.uid");
	json_path_del(object, "metadata.creationTimestamp");
	m = mutation_new(server, &kind_ip_address, "", name, op, object);
	m->own = true;
	m->done = on_written;
	mutation_start(m);
}

static const char *family_of(const char *name)
{
	return strchr(name, ':') ? "IPv6" : "IPv4";
}

static bool may_tell(struct server *server)
{
	return server->addresses->n_events++ < EVENTS_MAX;
}

static void make_ip(struct server *server, const json_t *service, const char *name)
{
	const struct event event = { &kind_service, service, COMPONENT, "ClusterIPNotAllocated",
		                     "ClusterIPAllocation" };

	if (may_tell(server))
		event_warn(server, &event, "Cluster IP [%s]: %s is not allocated; repairing",
		           family_of(name), name);
	write_ip(server, service, name, MUTATE_CREATE);
}

static void take_over_ip(struct server *server, const json_t *service, const json_t *ip)
{
	struct event event = { &kind_service, service, COMPONENT, "ClusterIPNotAllocated",
		               "ClusterIPAllocation" };
	const char *name = json_path_str(ip, "metadata.name");
	auto_json json_t *other = parent_of(server, ip);

	if (has_ip(other, name)) {
		event.reason = "ClusterIPAlreadyAllocated";
		if (may_tell(server))
			event_warn(server, &event,
			           "Cluster IP [%s]:%s was assigned to multiple services; please "
			           "recreate service",
			           family_of(name), name);
		return;
	}
	if (may_tell(server))
		event_warn(server, &event,
		           "the ClusterIP [%s]: %s for Service %s/%s has a wrong reference; "
		           "repairing",
		           family_of(name), name, json_path_str(service, "metadata.namespace"),
		           json_path_str(service, "metadata.name"));
	write_ip(server, service, name, MUTATE_UPDATE);
}

static void repair_ip(struct server *server, const json_t *service, const char *text)
{
	struct event event = { &kind_service, service, COMPONENT, "ClusterIPOutOfRange",
		               "ClusterIPAllocation" };
	struct ip_pool *pool = &server->admission->pool;
	auto_json json_t *ip = NULL;
	char name[IPADDR_TEXT_SIZE];
	struct ip_entry *entry;
	struct ipaddr addr;

	if (ipaddr_parse(text, &addr) < 0)
		return;
	ipaddr_format(&addr, name);
	if (!ip_pool_block(pool, &addr, false)) {
		if (may_tell(server))
			event_warn(server, &event,
			           "Cluster IP [%s]: %s is not within any configured Service CIDR; "
			           "please recreate service",
			           family_of(name), name);
		return;
	}
	ip = stored(server, &kind_ip_address, "", name);
	entry = ip_pool_get(pool, &addr);
	if (!ip)
		make_ip(server, service, name);
	else if (entry->parent != admit_ips_parent(service))
		take_over_ip(server, service, ip);
	else
		entry->confirmed = true;
}

static void repair_ports(struct server *server, const json_t *service, struct alloc *seen)
{
	struct event event = { &kind_service, service, OF_PORTS, "PortOutOfRange",
		               "PortAllocation" };
	const struct admission *admission = server->admission;
	struct holdings ports = { 0 };
	const json_t *entry;
	size_t k;

	json_array_foreach(json_path(service, "spec.ports"), k, entry) {
		int64_t port = json_path_int(entry, "nodePort", admission->port_min);

		if (port != 0 && (port < admission->port_min || port > admission->port_max) &&
		    may_tell(server))
			event_warn(server, &event,
			           "Port %d is not within the port range %u-%u; please recreate "
			           "service",
			           (int)port, admission->port_min, admission->port_max);
	}
	(void)admit_ports_holdings(server->admission, service, &ports);
	event.reason = "PortAlreadyAllocated";
	for (size_t i = 0; i < ports.n; i++)
		if (alloc_take(seen, ports.list[i].number) < 0 && may_tell(server))
			event_warn(server, &event,
			           "Port %u was assigned to multiple services; please recreate "
			           "service",
			           admission->port_min + ports.list[i].number);
	free(ports.list);
}

static void repair_services(struct server *server)
{
	auto_free const struct store_object **objects = NULL;
	size_t n = store_list(server->store, &kind_service, NULL, NULL, &objects), k;
	struct alloc seen; /* nodePorts */

	alloc_init(&seen, server->admission->ports.size, 0);
	for (size_t i = 0; i < n; i++) {
		auto_json json_t *service = store_object_json(objects[i]);
		const json_t *ip;

		repair_ports(server, service, &seen);
		if (!admit_ips_wanted(service))
			continue;
		json_array_foreach(json_path(service, "spec.clusterIPs"), k, ip)
			if (json_is_string(ip))
				repair_ip(server, service, json_string_value(ip));
	}
	alloc_done(&seen);
}

/* IPAddresses that no Service has confirmed. */
static void repair_strays(struct server *server)
{
	auto_free const struct store_object **objects = NULL;
	size_t n = store_list(server->store, &kind_ip_address, NULL, NULL, &objects);

	for (size_t i = 0; i < n; i++) {
		auto_json json_t *ip = NULL;
		struct ip_entry *entry = NULL;
		struct ipaddr addr;

		if (ipaddr_parse(objects[i]->name, &addr) == 0)
			entry = ip_pool_get(&server->admission->pool, &addr);
		if (entry && entry->confirmed)
			continue;
		ip = store_object_json(objects[i]);
		act(server, ip);
	}
}

void addresses_repair(struct server *server)
{
	struct addresses *a = server->addresses;

	a->n_events = 0;
	repair_services(server);
	repair_strays(server);
	if (a->n_events)
		log_warn("server",
		         "%zu clusterIPs or nodePorts of stored Services were not allocated, are "
		         "outside the ranges or in two Services; \"kubectl get events -A\" names "
		         "them",
		         a->n_events);
	a->n_events = 0;
}

/* ---- what the store tells ---- */

static void on_cidr(void *arg, struct store_event *event)
{
	struct server *server = arg;
	auto_json json_t *cidr = store_object_json(event->object);

	if (event->type == STORE_DELETED)
		ip_pool_drop_blocks(&server->admission->pool, event->object->name);
	else
		admission_put_cidr(server->admission, cidr);
}

/* A Service keeps its address, whoever deletes the IPAddress of it. */
static void restore(struct server *server, const json_t *ip)
{
	auto_json json_t *service = parent_of(server, ip);
	const char *name = json_path_str(ip, "metadata.name");

	if (!server->closing && has_ip(service, name)) {
		server->addresses->n_events = 0;
		make_ip(server, service, name);
	}
}

static void on_ip(void *arg, struct store_event *event)
{
	struct server *server = arg;
	struct admission *admission = server->admission;
	auto_json json_t *ip = NULL;
	struct ip_entry *entry;
	struct ipaddr addr;

	if (ipaddr_parse(event->object->name, &addr) < 0)
		return;
	entry = ip_pool_get(&admission->pool, &addr);
	if (event->type == STORE_ADDED && entry && entry->claimed && entry->confirmed) {
		/* It comes with a Service, and is told before it: nothing else can be said. */
		ip_pool_put(&admission->pool, &addr, entry->parent);
		return;
	}
	ip = store_object_json(event->object);
	if (event->type == STORE_DELETED) {
		admission_remove_ip(admission, event->object->name);
		restore(server, ip);
		return;
	}
	admission_put_ip(admission, ip);
	act(server, ip);
}

static int follow(struct server *server, const struct kind *kind, store_watch_fn fn,
                  struct store_watch **ret, struct err *err)
{
	uint64_t oldest;
	int r = store_watch_new(server->store, kind, store_revision(server->store), fn, server, ret,
	                        &oldest);

	return r < 0 ? err_set(err, r, "cannot follow the %s of the store", kind->plural) : 0;
}

int addresses_init(struct server *server, struct err *err)
{
	struct addresses *a = xnew(struct addresses);
	int r;

	server->addresses = a;
	list_init(&a->suspects);
	a->timer = timer_new(server->loop, on_timer, server);
	r = follow(server, &kind_service_cidr, on_cidr, &a->cidrs, err);
	if (r < 0)
		return r;
	return follow(server, &kind_ip_address, on_ip, &a->ips, err);
}

void addresses_done(struct server *server)
{
	struct addresses *a = server->addresses;
	struct suspect *s;

	if (!a)
		return;
	while ((s = list_first(&a->suspects, struct suspect, in_suspects))) {
		list_remove(&s->in_suspects);
		free(s);
	}
	timer_free(a->timer);
	store_watch_free(a->cidrs);
	store_watch_free(a->ips);
	free(a);
	server->addresses = NULL;
}
