/* SPDX-License-Identifier: Apache-2.0 */
#include "control/service_cidrs.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/reflector.h"
#include "control/cidr_plan.h"
#include "control/workqueue.h"
#include "kube/json.h"
#include "kube/kind.h"

#define DELAY_MIN   (100 * NSEC_PER_MSEC)
#define RUNNING_MAX 8
#define MANAGED     "labelSelector=ipaddress.kubernetes.io%2Fmanaged-by%3Dipallocator.k8s.io"

struct entry {
	struct service_cidrs *controller;
	json_t *cidr; /* a reference */
	struct work_item work;
	struct client_call *call;
	struct timer *wait;
};

struct address {
	struct hnode node;
	struct ipaddr addr;
};

struct service_cidrs {
	struct client *client;
	struct workqueue queue;
	struct entry **entries; /* owned */
	size_t n, cap;
	struct reflector *cidrs;
	bool synced;

	/* While a ServiceCIDR waits for its deletion. */
	struct reflector *ips;
	bool ips_synced, ips_changed;
	struct hmap addresses;
	struct timer *tidy;
};

static const char *name_of(const struct entry *entry)
{
	return json_path_str(entry->cidr, "metadata.name");
}

static bool is_deleted(const struct entry *entry)
{
	return json_path_string(entry->cidr, "metadata.deletionTimestamp") != NULL;
}

static struct entry *find(const struct service_cidrs *controller, const char *name)
{
	for (size_t i = 0; i < controller->n; i++)
		if (strcmp(name_of(controller->entries[i]), name) == 0)
			return controller->entries[i];
	return NULL;
}

static void drain(struct service_cidrs *controller)
{
	if (controller->synced)
		workqueue_drain(&controller->queue);
}

/* ---- the addresses ---- */

static uint64_t hash_addr(const struct ipaddr *addr)
{
	return hash_bytes(addr->bytes, sizeof(addr->bytes));
}

static struct address *find_address(const struct service_cidrs *controller,
                                    const struct ipaddr *addr)
{
	struct address *address;

	hmap_for_each_with_hash(address, node, hash_addr(addr), &controller->addresses)
		if (ipaddr_equal(&address->addr, addr))
			return address;
	return NULL;
}

static void upsert_ip(void *arg, const json_t *object)
{
	struct service_cidrs *controller = arg;
	struct address *address;
	struct ipaddr addr;

	if (ipaddr_parse(json_path_str(object, "metadata.name"), &addr) < 0 ||
	    find_address(controller, &addr))
		return;
	address = xnew(struct address);
	address->addr = addr;
	hmap_insert(&controller->addresses, &address->node, hash_addr(&addr));
	controller->ips_changed = true;
}

static void remove_ip(void *arg, const char *ns, const char *name)
{
	struct service_cidrs *controller = arg;
	struct address *address;
	struct ipaddr addr;

	(void)ns;
	address = ipaddr_parse(name, &addr) == 0 ? find_address(controller, &addr) : NULL;
	if (!address)
		return;
	hmap_remove(&controller->addresses, &address->node);
	free(address);
	controller->ips_changed = true;
}

static void look_at_deleted(struct service_cidrs *controller)
{
	for (size_t i = 0; i < controller->n; i++)
		if (is_deleted(controller->entries[i]))
			workqueue_add(&controller->queue, &controller->entries[i]->work);
}

static void ips_synced(void *arg)
{
	struct service_cidrs *controller = arg;

	controller->ips_synced = controller->ips_changed = true;
}

static void ips_settled(void *arg)
{
	struct service_cidrs *controller = arg;

	if (controller->ips_changed && controller->ips_synced)
		look_at_deleted(controller);
	controller->ips_changed = false;
	drain(controller);
}

static void trouble(void *arg, const struct err *err, int64_t retry_ns)
{
	(void)arg;
	log_warn("control", "%s; trying again in %d ms", err->msg, (int)(retry_ns / NSEC_PER_MSEC));
}

static const struct reflector_handler ip_handler = { upsert_ip, remove_ip, ips_synced, ips_settled,
	                                             trouble };

static void forget_ips(struct service_cidrs *controller)
{
	struct address *address, *after;

	reflector_free(controller->ips);
	controller->ips = NULL;
	controller->ips_synced = false;
	hmap_for_each_safe(address, after, node, &controller->addresses) {
		hmap_remove(&controller->addresses, &address->node);
		free(address);
	}
}

/* From the loop: a reflector may not be freed from its own calls. */
static void on_tidy(void *arg)
{
	struct service_cidrs *controller = arg;

	for (size_t i = 0; i < controller->n; i++)
		if (is_deleted(controller->entries[i]))
			return;
	if (controller->ips)
		forget_ips(controller);
}

/* Whether addresses would be left without a ServiceCIDR. */
static enum cidr_addresses ask_addresses(struct service_cidrs *controller, const json_t *cidr)
{
	auto_free json_t **all = xcalloc(controller->n, sizeof(json_t *));
	const struct address *address;

	for (size_t i = 0; i < controller->n; i++)
		all[i] = controller->entries[i]->cidr;
	if (cidr_plan_covered(cidr, all, controller->n))
		return CIDR_ADDRESSES_NONE;
	if (!controller->ips) {
		auto_free char *path = kind_path(&kind_ip_address, NULL, NULL);

		controller->ips = reflector_new(controller->client, path, MANAGED, &ip_handler,
		                                controller);
	}
	if (!controller->ips_synced)
		return CIDR_ADDRESSES_UNKNOWN;
	hmap_for_each(address, node, &controller->addresses)
		if (cidr_plan_only_one(cidr, all, controller->n, &address->addr))
			return CIDR_ADDRESSES_LEFT;
	return CIDR_ADDRESSES_NONE;
}

/* ---- writes ---- */

/* What has gone meanwhile needs nothing; what was written comes back by the watch. */
static void written(void *arg, int status, json_t *answer, const struct err *err)
{
	struct entry *entry = arg;
	struct service_cidrs *controller = entry->controller;
	bool ok = status > 0 && (status < 300 || status == 404 || status == 409);
	int64_t delay;

	(void)answer;
	entry->call = NULL;
	delay = workqueue_finish(&controller->queue, &entry->work, ok);
	if (delay >= NSEC_PER_SEC)
		log_warn("control", "cannot write the ServiceCIDR %s: %s; trying again in %d s",
		         name_of(entry), err->msg, (int)(delay / NSEC_PER_SEC));
	drain(controller);
}

static void send_patch(struct entry *entry, const json_t *patch, bool status)
{
	auto_free char *object = kind_path(&kind_service_cidr, NULL, name_of(entry));
	auto_free char *path = xasprintf("%s%s", object, status ? "/status" : "");

	entry->call = client_request(entry->controller->client,
	                             &(struct client_request){
					     .method = "PATCH",
					     .path = path,
					     .content_type = CLIENT_PATCH_STRATEGIC,
					     .body = patch,
					     .done = written,
					     .arg = entry,
				     });
}

static void run(void *arg, struct work_item *item)
{
	struct service_cidrs *controller = arg;
	struct entry *entry = list_entry(item, struct entry, work);
	enum cidr_addresses addresses = is_deleted(entry) ? ask_addresses(controller, entry->cidr)
	                                                  : CIDR_ADDRESSES_NONE;
	auto_json json_t *patch = NULL;
	int64_t wait_ns;
	bool status;

	patch = cidr_plan(entry->cidr, addresses, clock_wall(), &status, &wait_ns);
	if (patch) {
		send_patch(entry, patch, status);
		return;
	}
	if (wait_ns)
		timer_once(entry->wait, wait_ns);
	(void)workqueue_finish(&controller->queue, &entry->work, true);
}

/* ---- what the watch brings ---- */

static void on_wait(void *arg)
{
	struct entry *entry = arg;

	workqueue_add(&entry->controller->queue, &entry->work);
	drain(entry->controller);
}

static void upsert_cidr(void *arg, const json_t *object)
{
	struct service_cidrs *controller = arg;
	struct entry *entry = find(controller, json_path_str(object, "metadata.name"));

	if (!entry) {
		entry = xnew(struct entry);
		entry->controller = controller;
		entry->wait = timer_new(client_loop(controller->client), on_wait, entry);
		work_item_init(&entry->work, &controller->queue);
		array_reserve(controller->entries, controller->n, controller->cap);
		controller->entries[controller->n++] = entry;
	}
	json_decref(entry->cidr);
	entry->cidr = json_deep_copy(object);
	workqueue_add(&controller->queue, &entry->work);
	/* It may have what another one is kept for. */
	look_at_deleted(controller);
}

static void free_entry(struct entry *entry)
{
	if (entry->call)
		client_cancel(entry->call);
	timer_free(entry->wait);
	work_item_done(&entry->work);
	json_decref(entry->cidr);
	free(entry);
}

static void remove_cidr(void *arg, const char *ns, const char *name)
{
	struct service_cidrs *controller = arg;
	struct entry *entry = find(controller, name);

	(void)ns;
	for (size_t i = 0; i < controller->n; i++)
		if (controller->entries[i] == entry)
			controller->entries[i] = controller->entries[--controller->n];
	if (entry)
		free_entry(entry);
	look_at_deleted(controller);
	timer_once(controller->tidy, 0);
}

static void synced(void *arg)
{
	struct service_cidrs *controller = arg;

	controller->synced = true;
}

static void settled(void *arg)
{
	drain(arg);
}

static const struct reflector_handler cidr_handler = { upsert_cidr, remove_cidr, synced, settled,
	                                               trouble };

struct service_cidrs *service_cidrs_new(struct client *client)
{
	struct service_cidrs *controller = xnew(struct service_cidrs);
	auto_free char *path = kind_path(&kind_service_cidr, NULL, NULL);

	controller->client = client;
	controller->tidy = timer_new(client_loop(client), on_tidy, controller);
	workqueue_init(&controller->queue, client_loop(client), run, controller);
	controller->queue.delay_min = DELAY_MIN;
	controller->queue.running_max = RUNNING_MAX;
	controller->cidrs = reflector_new(client, path, NULL, &cidr_handler, controller);
	return controller;
}

void service_cidrs_free(struct service_cidrs *controller)
{
	if (!controller)
		return;
	reflector_free(controller->cidrs);
	forget_ips(controller);
	hmap_done(&controller->addresses);
	for (size_t i = 0; i < controller->n; i++)
		free_entry(controller->entries[i]);
	free(controller->entries);
	timer_free(controller->tidy);
	free(controller);
}
