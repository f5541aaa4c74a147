/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "server/admit_service.h"

#define PORT_BAND_STEP 32
#define PORT_BAND_MAX  128

static const struct admitter {
	const struct kind *kind;
	json_t *(*admit)(struct admission *admission, json_t *object, const json_t *old,
	                 struct admit_claim *claim);
	/* What 'object' has; returns how many of its numbers no range has. */
	size_t (*holdings)(struct admission *admission, const json_t *object, struct holdings *ret);
} admitters[] = {
	{ &kind_service, admit_service, admit_service_holdings },
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
	int r;

	if (admission->n_ranges == ARRAY_SIZE(admission->ranges))
		return err_set(err, -EINVAL, "service CIDRs: at most two are possible");
	r = ip_range_init(range, text, err);
	if (r < 0)
		return r;
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
	for (size_t i = 0; i < admission->n_ranges; i++)
		ip_range_done(&admission->ranges[i]);
	alloc_done(&admission->ports);
	free(admission);
}

static size_t load_object(struct admission *admission, const struct admitter *admitter,
                          const struct store_object *object)
{
	auto_json json_t *tree = store_object_json(object);
	struct holdings holdings = { 0 };
	size_t bad = admitter->holdings(admission, tree, &holdings);

	for (size_t i = 0; i < holdings.n; i++)
		if (alloc_take(holdings.list[i].alloc, holdings.list[i].number) < 0)
			bad++;
	holdings_done(&holdings);
	return bad;
}

size_t admission_load(struct admission *admission, const struct store *store)
{
	size_t bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(admitters); i++) {
		auto_free const struct store_object **objects = NULL;
		size_t n = store_list(store, admitters[i].kind, NULL, NULL, &objects);

		for (size_t k = 0; k < n; k++)
			bad += load_object(admission, &admitters[i], objects[k]);
	}
	return bad;
}

/* Notes in 'claim' what 'old' has and 'object' has not. */
static void note_dropped(struct admission *admission, const struct admitter *admitter,
                         const json_t *object, const json_t *old, struct admit_claim *claim)
{
	struct holdings before = { 0 }, after = { 0 };

	(void)admitter->holdings(admission, old, &before);
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
	if (!status && old)
		note_dropped(admission, admitter, object, old, claim);
	return status;
}

void admit_settle(struct admit_claim *claim, bool written)
{
	holdings_release(written ? &claim->dropped : &claim->taken);
	holdings_done(&claim->taken);
	holdings_done(&claim->dropped);
}

void admit_removed(struct admission *admission, const struct kind *kind, const json_t *object)
{
	const struct admitter *admitter = admitter_of(kind);
	struct holdings holdings = { 0 };

	if (!admitter)
		return;
	(void)admitter->holdings(admission, object, &holdings);
	holdings_release(&holdings);
	holdings_done(&holdings);
}
