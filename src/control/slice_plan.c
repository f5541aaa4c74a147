/* SPDX-License-Identifier: Apache-2.0 */
#include "control/slice_plan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hmap.h"
#include "base/mem.h"

/* An endpoint there is to be. */
struct wanted {
	struct hnode node;
	struct endpoint endpoint;
	bool placed; /* it is in a slice */
};

/* A slice as it is to become. */
struct draft {
	const struct endpoint_slice *slice; /* NULL: a new one */
	bool changed;
	const struct endpoint **endpoints; /* room for 'endpoints_max', or for those it has */
	size_t n;
};

/* All endpoints of one family with the same ports: they share slices. */
struct group {
	struct slice_port *ports;
	size_t n_ports;
	struct hmap by_endpoint; /* struct wanted */
	struct wanted **wanted;  /* in order of the Pods */
	size_t n, cap;
	size_t next, left; /* the next to be placed; how many still are */
	struct draft *drafts;
	size_t n_drafts, cap_drafts;
};

/* Working memory of one family; the lists are on the heap, what they point to in the plan's arena. */
struct work {
	const struct slice_plan_input *in;
	struct slice_plan *plan;
	uint8_t family;
	size_t max;
	struct group *groups;
	size_t n_groups, cap_groups;
	const struct endpoint_slice **gone; /* whose names new slices may take over */
	size_t n_gone, cap_gone;
};

/* Changes gathered over all families; counts say where each kind ends. */
struct changes {
	struct slice_change *list[3]; /* by enum slice_op */
	size_t n[3], cap[3];
};

static void add_change(struct changes *changes, const struct slice_change *change)
{
	enum slice_op op = change->op;

	array_reserve(changes->list[op], changes->n[op], changes->cap[op]);
	changes->list[op][changes->n[op]++] = *change;
}

static void add_delete(struct changes *changes, const struct endpoint_slice *slice)
{
	add_change(changes, &(struct slice_change){ .op = SLICE_DELETE, .slice = slice });
}

/* ---- what is wanted ---- */

static struct group *group_for(struct work *work, const struct slice_port *ports, size_t n)
{
	for (size_t i = 0; i < work->n_groups; i++)
		if (slice_ports_equal(work->groups[i].ports, work->groups[i].n_ports, ports, n))
			return &work->groups[i];
	return NULL;
}

static struct wanted *find_wanted(const struct group *group, const struct endpoint *endpoint,
                                  uint64_t hash)
{
	struct wanted *wanted;

	hmap_for_each_with_hash(wanted, node, hash, &group->by_endpoint)
		if (slice_endpoint_same(&wanted->endpoint, endpoint))
			return wanted;
	return NULL;
}

static void want(struct work *work, struct group *group, const struct slice_pod *pod)
{
	struct arena *arena = &work->plan->arena;
	struct wanted *wanted = arena_new(arena, struct wanted);
	uint64_t hash;

	wanted->endpoint = slice_endpoint_make(work->in->service, pod, work->family, arena);
	hash = slice_endpoint_hash(&wanted->endpoint);
	if (find_wanted(group, &wanted->endpoint, hash))
		return;
	hmap_insert(&group->by_endpoint, &wanted->node, hash);
	array_reserve(group->wanted, group->n, group->cap);
	group->wanted[group->n++] = wanted;
	group->left++;
}

static void collect_wanted(struct work *work)
{
	const struct service *service = work->in->service;
	struct slice_port *ports;
	struct group *group;

	for (size_t i = 0; i < work->in->n_pods; i++) {
		const struct slice_pod *pod = &work->in->pods[i];
		size_t n;

		if (!slice_pod_address(pod->pod, work->family) || !slice_pod_counts(service, pod))
			continue;
		n = slice_ports_make(service, pod->pod, &work->plan->arena, &ports);
		group = group_for(work, ports, n);
		if (!group) {
			array_reserve(work->groups, work->n_groups, work->cap_groups);
			group = &work->groups[work->n_groups++];
			*group = (struct group){ .ports = ports, .n_ports = n };
		}
		want(work, group, pod);
	}
}

/* ---- what is there ---- */

static struct draft *add_draft(struct work *work, struct group *group,
                               const struct endpoint_slice *slice)
{
	size_t room = slice && slice->n_endpoints > work->max ? slice->n_endpoints : work->max;
	struct draft *draft;

	array_reserve(group->drafts, group->n_drafts, group->cap_drafts);
	draft = &group->drafts[group->n_drafts++];
	*draft = (struct draft){ .slice = slice,
		                 .endpoints = arena_array(&work->plan->arena,
		                                          const struct endpoint *, room) };
	return draft;
}

static void put(struct group *group, struct draft *draft, struct wanted *wanted)
{
	wanted->placed = true;
	group->left--;
	draft->endpoints[draft->n++] = &wanted->endpoint;
}

static void give_up(struct work *work, const struct endpoint_slice *slice)
{
	array_reserve(work->gone, work->n_gone, work->cap_gone);
	work->gone[work->n_gone++] = slice;
}

/* (a) Endpoints no longer wanted go, those that changed are written again in their place. */
static void keep_endpoints(struct work *work, struct group *group,
                           const struct endpoint_slice *slice)
{
	struct draft *draft = add_draft(work, group, slice);

	for (size_t i = 0; i < slice->n_endpoints; i++) {
		const struct endpoint *old = &slice->endpoints[i];
		struct wanted *wanted = find_wanted(group, old, slice_endpoint_hash(old));

		if (!wanted || wanted->placed)
			continue;
		put(group, draft, wanted);
		draft->changed |= !slice_endpoint_state_equal(&wanted->endpoint, old);
	}
	draft->changed |= draft->n != slice->n_endpoints || slice->n_bad > 0 ||
	                  !labels_equal(&slice->meta.labels, &work->plan->labels);
	if (draft->n == 0) {
		group->n_drafts--;
		give_up(work, slice);
	}
}

static void collect_slices(struct work *work)
{
	for (size_t i = 0; i < work->in->n_slices; i++) {
		const struct endpoint_slice *slice = work->in->slices[i];
		struct group *group;

		if (slice->family != work->family ||
		    strcmp(slice->owner_uid, work->in->service->meta.uid) != 0)
			continue;
		group = group_for(work, slice->ports, slice->n_ports);
		if (group)
			keep_endpoints(work, group, slice);
		else
			give_up(work, slice);
	}
}

/* ---- placing what is left ---- */

static void fill(struct work *work, struct group *group, struct draft *draft)
{
	while (group->left > 0 && draft->n < work->max) {
		struct wanted *wanted = group->wanted[group->next++];

		if (!wanted->placed)
			put(group, draft, wanted);
	}
	draft->changed = true;
}

/* The fullest draft with room for 'more', among the changed or the unchanged ones; NULL if none. */
static struct draft *fullest(const struct work *work, struct group *group, bool changed,
                             size_t more)
{
	struct draft *best = NULL;

	for (size_t i = 0; i < group->n_drafts; i++) {
		struct draft *draft = &group->drafts[i];

		if (draft->changed == changed && draft->n + more <= work->max &&
		    (!best || draft->n > best->n))
			best = draft;
	}
	return best;
}

static void place_rest(struct work *work, struct group *group)
{
	struct draft *draft;

	/* (b) slices that change anyway; each is full afterwards, or nothing is left */
	while (group->left > 0 && (draft = fullest(work, group, true, 1)))
		fill(work, group, draft);
	/* (c) one unchanged slice that takes them all; (d) new ones */
	while (group->left > 0) {
		draft = fullest(work, group, false, group->left);
		fill(work, group, draft ? draft : add_draft(work, group, NULL));
	}
}

/* ---- changes ---- */

/* A slice to be deleted and one to be created are one write: an update. */
static void emit_new(struct work *work, struct changes *changes, struct slice_change *change)
{
	change->op = SLICE_CREATE;
	if (work->n_gone > 0) {
		change->op = SLICE_UPDATE;
		change->slice = work->gone[--work->n_gone];
	} else if (work->in->service->meta.deleting) {
		return;
	}
	add_change(changes, change);
}

static void emit_group(struct work *work, const struct group *group, struct changes *changes)
{
	for (size_t i = 0; i < group->n_drafts; i++) {
		const struct draft *draft = &group->drafts[i];
		struct slice_change change = { .op = SLICE_UPDATE,
			                       .slice = draft->slice,
			                       .family = work->family,
			                       .ports = group->ports,
			                       .n_ports = group->n_ports,
			                       .endpoints = draft->endpoints,
			                       .n_endpoints = draft->n };

		if (!draft->slice)
			emit_new(work, changes, &change);
		else if (draft->changed)
			add_change(changes, &change);
	}
}

/*
 * No endpoint at all is said by one slice that is empty: consumers then know that the controller has
 * seen the Service.
 */
static void emit_placeholder(struct work *work, struct changes *changes)
{
	struct slice_change change = { .family = work->family };

	for (size_t i = 0; i < work->n_gone; i++) {
		const struct endpoint_slice *slice = work->gone[i];

		if (slice->n_endpoints == 0 && slice->n_ports == 0 && slice->n_bad == 0 &&
		    labels_equal(&slice->meta.labels, &work->plan->labels)) {
			work->gone[i] = work->gone[--work->n_gone];
			return;
		}
	}
	emit_new(work, changes, &change);
}

static void plan_family(struct work *work, struct changes *changes)
{
	collect_wanted(work);
	collect_slices(work);
	for (size_t i = 0; i < work->n_groups; i++)
		place_rest(work, &work->groups[i]);
	for (size_t i = 0; i < work->n_groups; i++)
		emit_group(work, &work->groups[i], changes);
	if (work->n_groups == 0)
		emit_placeholder(work, changes);
	for (size_t i = 0; i < work->n_gone; i++)
		add_delete(changes, work->gone[i]);
}

static void work_done(struct work *work)
{
	for (size_t i = 0; i < work->n_groups; i++) {
		hmap_done(&work->groups[i].by_endpoint);
		free(work->groups[i].wanted);
		free(work->groups[i].drafts);
	}
	free(work->groups);
	free(work->gone);
}

/* ---- the Service ---- */

static bool takes_endpoints(const struct service *service)
{
	return service && service->type != SERVICE_EXTERNAL_NAME && service->has_selector &&
	       service->selector.n > 0;
}

/* Services stored before there were ipFamilies have the family of their clusterIP. */
static size_t families_of(const struct service *service, uint8_t ret[static 2])
{
	if (service->n_families == 0) {
		ret[0] = service->n_cluster_ips > 0 ? service->cluster_ips[0].family : 4;
		return 1;
	}
	memcpy(ret, service->families, service->n_families);
	return service->n_families;
}

static int label_cmp(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

static bool reserved(const char *key)
{
	return strcmp(key, LABEL_SERVICE_NAME) == 0 || strcmp(key, LABEL_MANAGED_BY) == 0 ||
	       strcmp(key, LABEL_HEADLESS) == 0;
}

static struct labels make_labels(const struct service *service, struct arena *arena)
{
	const struct labels *own = &service->meta.labels;
	struct labels labels = { .list = arena_array(arena, struct label, own->n + 3) };

	for (size_t i = 0; i < own->n; i++)
		if (!reserved(own->list[i].key))
			labels.list[labels.n++] = own->list[i];
	labels.list[labels.n++] = (struct label){ LABEL_SERVICE_NAME, service->meta.name };
	labels.list[labels.n++] = (struct label){ LABEL_MANAGED_BY, SLICE_MANAGER };
	if (service->headless)
		labels.list[labels.n++] = (struct label){ LABEL_HEADLESS, "" };
	qsort(labels.list, labels.n, sizeof(*labels.list), label_cmp);
	return labels;
}

/* Slices of a Service of the same name that was there before, and of families it has no more. */
static void delete_strays(const struct slice_plan_input *in, const uint8_t *families, size_t n,
                          struct changes *changes)
{
	for (size_t i = 0; i < in->n_slices; i++) {
		const struct endpoint_slice *slice = in->slices[i];

		if (n == 0 || strcmp(slice->owner_uid, in->service->meta.uid) != 0 ||
		    !memchr(families, slice->family, n))
			add_delete(changes, slice);
	}
}

static void finish(struct changes *changes, struct slice_plan *plan)
{
	size_t total = changes->n[0] + changes->n[1] + changes->n[2];

	plan->changes = arena_array(&plan->arena, struct slice_change, total);
	for (size_t op = 0; op < 3; op++) {
		if (changes->n[op] > 0)
			memcpy(plan->changes + plan->n, changes->list[op],
			       changes->n[op] * sizeof(*plan->changes));
		plan->n += changes->n[op];
		free(changes->list[op]);
	}
}

void slice_plan_make(const struct slice_plan_input *input, struct slice_plan *ret)
{
	struct changes changes = { 0 };
	uint8_t families[2];
	size_t n = 0;

	*ret = (struct slice_plan){ 0 };
	if (takes_endpoints(input->service)) {
		n = families_of(input->service, families);
		ret->labels = make_labels(input->service, &ret->arena);
	}
	for (size_t i = 0; i < n; i++) {
		struct work work = {
			.in = input,
			.plan = ret,
			.family = families[i],
			.max = input->endpoints_max ? input->endpoints_max : SLICE_ENDPOINTS_MAX,
		};

		plan_family(&work, &changes);
		work_done(&work);
	}
	delete_strays(input, families, n, &changes);
	finish(&changes, ret);
}

void slice_plan_done(struct slice_plan *plan)
{
	arena_done(&plan->arena);
	*plan = (struct slice_plan){ 0 };
}
