/* SPDX-License-Identifier: Apache-2.0 */
#include "server/subresource.h"

#include <string.h>

#include "base/mem.h"
#include "kube/scale.h"
#include "server/pod_subresources.h"
#include "server/scale_subresource.h"
#include "server/service_account.h"
#include "server/virtual_kinds.h"
#include "server/write.h"

#define CREATE (1U << VERB_CREATE)
#define UPDATE (1U << VERB_UPDATE)
#define CHANGE ((1U << VERB_GET) | (1U << VERB_UPDATE) | (1U << VERB_PATCH))

/* Those of one resource stand in the order of discovery. */
static const struct subresource rows[] = {
	{ "", "namespaces", "finalize", UPDATE, NULL, write_finalize },
	{ "", "pods", "binding", CREATE, &kind_binding, pod_binding },
	{ "", "pods", "eviction", CREATE, &kind_eviction, pod_eviction },
	{ "", "serviceaccounts", "token", CREATE, &kind_token_request, service_account_token },
	{ NULL, NULL, "scale", CHANGE, &kind_scale, scale_subresource },
};

static bool is_of(const struct subresource *row, const struct kind *kind)
{
	if (!row->plural)
		return kind->has_scale;
	return strcmp(row->plural, kind->plural) == 0 && strcmp(row->group, kind->group) == 0;
}

const struct subresource *subresource_next(const struct kind *kind,
                                           const struct subresource *before)
{
	for (size_t i = before ? (size_t)(before - rows) + 1 : 0; i < ARRAY_SIZE(rows); i++)
		if (is_of(&rows[i], kind))
			return &rows[i];
	return NULL;
}

const struct subresource *subresource_find(const struct kind *kind, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_of(&rows[i], kind) && strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}
