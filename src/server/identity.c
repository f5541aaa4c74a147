/* SPDX-License-Identifier: Apache-2.0 */
#include "server/identity.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kube/json.h"

void identity_init(struct identity *who, const char *user, const char *uid)
{
	*who = (struct identity){
		.user = xstrdup(user),
		.uid = xstrdup(uid),
		.groups = json_array(),
	};
}

void identity_done(struct identity *who)
{
	free(who->user);
	free(who->uid);
	json_decref(who->groups);
	json_decref(who->extra);
	*who = (struct identity){ 0 };
}

void identity_add_group(struct identity *who, const char *group)
{
	if (!identity_in_group(who, group))
		json_array_append_new(who->groups, json_string_of(group));
}

bool identity_in_group(const struct identity *who, const char *group)
{
	json_t *one;
	size_t i;

	json_array_foreach(who->groups, i, one)
		if (strcmp(json_string_value(one), group) == 0)
			return true;
	return false;
}

void identity_add_extra(struct identity *who, const char *key, const char *value)
{
	if (!who->extra)
		who->extra = json_object();
	if (!json_object_get(who->extra, key))
		json_object_set_new(who->extra, key, json_array());
	json_array_append_new(json_object_get(who->extra, key), json_string_of(value));
}

const char *identity_node(const struct identity *who)
{
	static const char prefix[] = USER_NODE_PREFIX;
	size_t n = sizeof(prefix) - 1;

	if (strncmp(who->user, prefix, n) != 0 || !who->user[n] ||
	    !identity_in_group(who, GROUP_NODES))
		return NULL;
	return who->user + n;
}

json_t *identity_user_info(const struct identity *who)
{
	json_t *info = json_pack("{s:o}", "username", json_string_of(who->user));

	if (who->uid[0])
		json_object_set_new(info, "uid", json_string_of(who->uid));
	json_object_set(info, "groups", who->groups);
	if (who->extra)
		json_object_set(info, "extra", who->extra);
	return info;
}
