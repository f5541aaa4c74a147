/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "server/admit_ips.h"
#include "server/admit_ports.h"
#include "server/admit_service.h"

#define PORT_BAND_STEP 32
#define PORT_BAND_MAX  128
#define RANGE_SIZE_MIN 2

static const struct admitter {
	const struct kind *kind;
	json_t *(*admit)(struct admission *admission, json_t *object, const json_t *old,
	                 struct admit_claim *claim);
	/* The numbers that 'object' has; returns how many of them the range has not. */
	size_t (*holdings)(struct admission *admission, const json_t *object, struct holdings *ret);
} admitters[] = {
	{ &kind_service, admit_service, admit_ports_holdings },
	{ &kind_ip_address, admit_ips_own, NULL },
};

static const struct admitter *admitter_of(const struct kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(admitters); i++)
		if (admitters[i].kind == kind)
			return &admitters[i];
	return NULL;
}

void holdings_add(struct holdings *holdings, struct alloc *alloc, uint32_t number)
{
	array_reserve(holdings->list, holdings->n, holdings->cap);
	holdings->list[holdings->n++] = (struct holding){ alloc, number };
}

bool holdings_has(const struct holdings *holdings, const struct alloc *alloc, uint32_t number)
{
	for (size_t i = 0; i < holdings->n; i++)
		if (holdings->list[i].alloc == alloc && holdings->list[i].number == number)
			return true;
	return false;
}

static void holdings_done(struct holdings *holdings)
{
	free(holdings->list);
	*holdings = (struct holdings){ 0 };
}

static void holdings_release(const struct holdings *holdings)
{
	for (size_t i = 0; i < holdings->n; i++)
		if (alloc_taken(holdings->list[i].alloc, holdings->list[i].number))
			alloc_release(holdings->list[i].alloc, holdings->list[i].number);
}

static int add_range(struct admission *admission, const char *text, struct err *err)
{
	struct ip_range *range = &admission->ranges[admission->n_ranges];

	if (admission->n_ranges == ARRAY_SIZE(admission->ranges))
		return err_set(err, -EINVAL, "service CIDRs: at most two are possible");
	if (ip_range_init(range, text) < 0)
		return err_set(err, -EINVAL,
		               "service CIDR \"%s\": want a network such as 10.96.0.0/16 or "
		               "fd00:96::/112, IPv6 not wider than /64",
		               text);
	if (range->size < RANGE_SIZE_MIN)
		return err_set(err, -EINVAL, "service CIDR %s: too small", text);
	admission->families[admission->n_ranges++] = range->cidr.addr.family;
	if (admission->n_ranges == 2 && admission->families[0] == admission->families[1])
		return err_set(err, -EINVAL,
		               "service CIDRs: two must be of different families, one IPv4 and "
		               "one IPv6");
	return 0;
}

int admission_new(const char *service_cidr, uint16_t port_min, uint16_t port_max,
                  struct admission **ret, struct err *err)
{
	struct admission *admission;
	auto_free char *text = xstrdup(service_cidr);
	char *rest = text, *part;
	uint32_t total;
	int r = 0;

	if (port_min == 0 || port_min > port_max)
		return err_set(err, -EINVAL, "node port range %u-%u: want FIRST-LAST, from 1 on",
		               port_min, port_max);
	total = (uint32_t)port_max - port_min + 1;
	admission = xnew(struct admission);
	admission->port_min = port_min;
	admission->port_max = port_max;
	alloc_init(&admission->ports, total, alloc_band(total, PORT_BAND_STEP, PORT_BAND_MAX));
	while (r == 0 && (part = strsep(&rest, ",")))
		r = add_range(admission, part, err);
	if (r < 0) {
		admission_free(admission);
		return r;
	}
	*ret = admission;
	return 0;
}

void admission_free(struct admission *admission)
{
	if (!admission)
		return;
	ip_pool_done(&admission->pool);
	alloc_done(&admission->ports);
	free(admission);
}

/* Addresses without an IPAddress are in use as well, until the repair has made one. */
static void load_ips(struct admission *admission, const json_t *service)
{
	const json_t *value;
	struct ipaddr addr;
	size_t i;

	if (!admit_ips_wanted(service))
		return;
	json_array_foreach(json_path(service, "spec.clusterIPs"), i, value)
		if (json_is_string(value) && ipaddr_parse(json_string_value(value), &addr) == 0 &&
		    !ip_pool_get(&admission->pool, &addr))
			ip_pool_put(&admission->pool, &addr, admit_ips_parent(service));
}

static void load_service(struct admission *admission, const struct store_object *object)
{
	auto_json json_t *tree = store_object_json(object);
	struct holdings holdings = { 0 };

	/* Those outside or in two Services stay: the repair of the start tells of them. */
	(void)admit_ports_holdings(admission, tree, &holdings);
	for (size_t i = 0; i < holdings.n; i++)
		(void)alloc_take(holdings.list[i].alloc, holdings.list[i].number);
	holdings_done(&holdings);
	load_ips(admission, tree);
}

void admission_load(struct admission *admission, const struct store *store)
{
	static const struct kind *const kinds_of[] = { &kind_service_cidr, &kind_ip_address,
		                                       &kind_service };

	for (size_t i = 0; i < ARRAY_SIZE(kinds_of); i++) {
		auto_free const struct store_object **objects = NULL;
		size_t n = store_list(store, kinds_of[i], NULL, NULL, &objects);

		for (size_t k = 0; k < n; k++) {
			auto_json json_t *tree = NULL;

			if (kinds_of[i] == &kind_service) {
				load_service(admission, objects[k]);
				continue;
			}
			tree = store_object_json(objects[k]);
			if (kinds_of[i] == &kind_ip_address)
				admission_put_ip(admission, tree);
			else
				admission_put_cidr(admission, tree);
		}
	}
}

/* Without a word on it, it is: somebody may run without the controller that says so. */
static bool is_ready(const json_t *cidr)
{
	const json_t *condition;
	size_t i;

	if (json_path_string(cidr, "metadata.deletionTimestamp"))
		return false;
	json_array_foreach(json_path(cidr, "status.conditions"), i, condition)
		if (strcmp(json_path_str(condition, "type"), "Ready") == 0)
			return strcmp(json_path_str(condition, "status"), "True") == 0;
	return true;
}

void admission_put_cidr(struct admission *admission, const json_t *object)
{
	const char *name = json_path_str(object, "metadata.name");
	const json_t *cidr;
	size_t i;

	ip_pool_drop_blocks(&admission->pool, name);
	json_array_foreach(json_path(object, "spec.cidrs"), i, cidr) {
		struct ip_range range;

		if (json_is_string(cidr) && ip_range_init(&range, json_string_value(cidr)) == 0)
			ip_pool_add_block(&admission->pool, name, &range, is_ready(object));
	}
}

void admission_put_ip(struct admission *admission, const json_t *object)
{
	const json_t *parent = json_path(object, "spec.parentRef");
	struct ipaddr addr;

	if (ipaddr_parse(json_path_str(object, "metadata.name"), &addr) == 0)
		ip_pool_put(&admission->pool, &addr,
		            ip_pool_parent(json_path_str(parent, "group"),
		                           json_path_str(parent, "resource"),
		                           json_path_str(parent, "namespace"),
		                           json_path_str(parent, "name")));
}

void admission_remove_ip(struct admission *admission, const char *name)
{
	struct ipaddr addr;

	if (ipaddr_parse(name, &addr) == 0)
		ip_pool_remove(&admission->pool, &addr);
}

/* Notes in 'claim' the numbers that 'old' has and 'object' (NULL: it goes) has not. */
static void note_dropped(struct admission *admission, const struct admitter *admitter,
                         const json_t *object, const json_t *old, struct admit_claim *claim)
{
	struct holdings before = { 0 }, after = { 0 };

	if (!admitter->holdings)
		return;
	(void)admitter->holdings(admission, old, &before);
	if (object)
		(void)admitter->holdings(admission, object, &after);
	for (size_t i = 0; i < before.n; i++)
		if (!holdings_has(&after, before.list[i].alloc, before.list[i].number))
			holdings_add(&claim->dropped, before.list[i].alloc, before.list[i].number);
	holdings_done(&before);
	holdings_done(&after);
}

json_t *admit_object(struct admission *admission, const struct kind *kind, json_t *object,
                     const json_t *old, enum kind_write write, struct admit_claim *claim)
{
	const struct admitter *admitter = admitter_of(kind);
	json_t *status;

	if (!admitter || write == KIND_UPDATE_STATUS)
		return NULL;
	status = admitter->admit(admission, object, old, claim);
	if (!status && old && !claim->dry_run)
		note_dropped(admission, admitter, object, old, claim);
	return status;
}

void admit_removal(struct admission *admission, const struct kind *kind, const json_t *object,
                   struct admit_claim *claim)
{
	const struct admitter *admitter = admitter_of(kind);

	if (!admitter)
		return;
	note_dropped(admission, admitter, NULL, object, claim);
	if (kind == &kind_service)
		admit_ips_note_gone(admission, NULL, object, claim);
}

void admit_companions(const struct admit_claim *claim, const json_t *object,
                      struct store_change *change)
{
	for (size_t i = 0; i < claim->n_ips && !claim->own; i++) {
		const struct admit_ip *ip = &claim->ips[i];

		change->companions[change->n_companions++] = (struct store_companion){
			.kind = &kind_ip_address,
			.name = ip->name,
			.object = ip->taken ? admit_ips_object(ip->name, object) : NULL,
		};
	}
}

void admit_settle(struct admission *admission, struct admit_claim *claim, bool written)
{
	holdings_release(written ? &claim->dropped : &claim->taken);
	holdings_done(&claim->taken);
	holdings_done(&claim->dropped);
	/* Where it was written, an IPAddress keeps the address from here on. */
	for (size_t i = 0; i < claim->n_ips; i++)
		if (claim->ips[i].taken)
			ip_pool_unclaim(&admission->pool, &claim->ips[i].addr);
		else if (written)
			ip_pool_remove(&admission->pool, &claim->ips[i].addr);
	claim->n_ips = 0;
}
