/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/types.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kube/json.h"
#include "kube/types_decode.h"

static const struct {
	enum protocol protocol;
	const char *name;
} protocols[] = {
	{ PROTOCOL_TCP, "TCP" },
	{ PROTOCOL_UDP, "UDP" },
	{ PROTOCOL_SCTP, "SCTP" },
};

const char *protocol_name(enum protocol protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].protocol == protocol)
			return protocols[i].name;
	return "";
}

enum protocol protocol_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strcmp(protocols[i].name, name) == 0)
			return protocols[i].protocol;
	return (enum protocol)0;
}

const char *types_string(const json_t *object, const char *path, struct arena *arena)
{
	const char *text = json_path_str(object, path);

	return text[0] ? arena_strdup(arena, text) : "";
}

uint16_t types_port(const json_t *object, const char *path)
{
	int64_t port = json_path_int(object, path, 0);

	return port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
}

struct meta types_meta(const json_t *object, struct arena *arena)
{
	const json_t *json = json_path(object, "metadata");
	struct meta meta = {
		.namespace = types_string(json, "namespace", arena),
		.name = types_string(json, "name", arena),
		.uid = types_string(json, "uid", arena),
		.labels = labels_from_json(json_path(json, "labels"), arena),
		.annotations = labels_from_json(json_path(json, "annotations"), arena),
		.generation = json_path_int(json, "generation", 0),
		.deleting = json_path_string(json, "deletionTimestamp") != NULL,
	};

	(void)parse_u64(json_path_str(json, "resourceVersion"), UINT64_MAX, &meta.revision);
	(void)clock_parse(json_path_str(json, "creationTimestamp"), &meta.created);
	return meta;
}

const char *types_label(const struct meta *meta, const char *key)
{
	const char *value = labels_get(&meta->labels, key);

	return value ? value : "";
}

const char *const *types_strings(const json_t *list, const char *member, struct arena *arena,
                                 size_t *ret_n)
{
	const char **texts = types_array(arena, const char *, json_array_size(list));
	const json_t *element;
	size_t i, n = 0;

	json_array_foreach(list, i, element) {
		const char *text = json_path_str(element, member);

		if (text[0])
			texts[n++] = arena_strdup(arena, text);
	}
	*ret_n = n;
	return texts;
}

struct ipaddr *types_addresses(const json_t *list, struct arena *arena, size_t *ret_n,
                               unsigned int *n_bad)
{
	struct ipaddr *addrs = types_array(arena, struct ipaddr, json_array_size(list));
	const json_t *element;
	size_t i, n = 0;

	json_array_foreach(list, i, element) {
		const char *text = json_is_string(element) ? json_string_value(element) : "";

		if (ipaddr_parse(text, &addrs[n]) == 0)
			n++;
		else
			(*n_bad)++;
	}
	*ret_n = n;
	return addrs;
}

/* Addresses of one type, after the 'n' there are already; names among them are left out. */
static size_t add_addresses(const json_t *list, const char *type, struct ipaddr *addrs, size_t n)
{
	const json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
		if (strcmp(json_path_str(element, "type"), type) == 0 &&
		    ipaddr_parse(json_path_str(element, "address"), &addrs[n]) == 0)
			n++;
	return n;
}

struct node *node_from_json(const json_t *object)
{
	const json_t *list = json_path(object, "status.addresses");
	struct arena arena = ARENA_INIT;
	struct node *node = arena_new(&arena, struct node);

	node->meta = types_meta(object, &arena);
	node->zone = types_label(&node->meta, LABEL_ZONE);
	node->hostname = types_label(&node->meta, LABEL_HOSTNAME);
	node->addresses = types_array(&arena, struct ipaddr, json_array_size(list));
	node->n_addresses = add_addresses(list, "InternalIP", node->addresses, 0);
	node->n_addresses = add_addresses(list, "ExternalIP", node->addresses, node->n_addresses);
	node->arena = arena;
	return node;
}

void node_free(struct node *node)
{
	struct arena arena;

	if (!node)
		return;
	/* The object is in its own arena. */
	arena = node->arena;
	arena_done(&arena);
}
