/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/manifest.h"
#include "cli/session.h"
#include "cli/threeway.h"
#include "kube/decode.h"
#include "kube/json.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define MANAGER      "fieldManager=kubectl-client-side-apply&fieldValidation=Strict"

static const struct option_spec options[] = {
	OPTIONS_API,
	OPTION_NAMESPACE,
	{ "filename", 'f', "FILE", "the manifest: a file, a folder, or - for standard input",
	  OPTION_REQUIRED | OPTION_LIST },
	{ 0 },
};

/* The manifest with itself, as text, in kubectl's annotation: the next apply compares with it. */
static json_t *with_last_applied(const json_t *manifest)
{
	json_t *whole = json_deep_copy(manifest);
	json_t *annotations = json_path(whole, "metadata.annotations");
	auto_free char *text = NULL, *line = NULL;

	if (!json_is_object(annotations)) {
		json_path_set(whole, "metadata.annotations", json_object());
		annotations = json_path(whole, "metadata.annotations");
	}
	(void)json_object_del(annotations, LAST_APPLIED);
	text = json_dumps(whole, JSON_COMPACT | JSON_SORT_KEYS);
	line = xasprintf("%s\n", text ? text : "{}");
	(void)json_object_set_new(annotations, LAST_APPLIED, json_string(line));
	return whole;
}

static json_t *last_applied(const json_t *live)
{
	const json_t *annotations = json_path(live, "metadata.annotations");
	const char *text = json_string_value(json_object_get(annotations, LAST_APPLIED));
	json_t *last = NULL;

	if (!text || decode_json(text, strlen(text), &last, NULL) < 0)
		return NULL;
	return last;
}

static int request_ok(struct session *session, const struct client_request *request,
                      struct err *err)
{
	auto_json json_t *answer = NULL;
	int status = session_request(session, request, &answer, err);

	return status < 0 || status >= 400 ? -EREMOTEIO : 0;
}

static int create(struct session *session, const struct kind *kind, const char *ns,
                  const json_t *manifest, struct err *err)
{
	auto_free char *collection = kind_path(kind, ns, NULL);
	auto_free char *path = xasprintf("%s?" MANAGER, collection);
	struct client_request request = { .method = "POST", .path = path, .body = manifest };

	return request_ok(session, &request, err);
}

static int update(struct session *session, const struct kind *kind, const char *ns,
                  const json_t *manifest, const json_t *live, const char **ret_what,
                  struct err *err)
{
	const char *name = json_path_str(manifest, "metadata.name");
	auto_json json_t *last = last_applied(live);
	auto_json json_t *patch = threeway_patch(last, manifest, live, kind->merge_keys);
	auto_free char *object = kind_path(kind, ns, name);
	auto_free char *path = xasprintf("%s?" MANAGER, object);
	struct client_request request = { .method = "PATCH",
		                          .path = path,
		                          .content_type = CLIENT_PATCH_STRATEGIC,
		                          .body = patch };

	*ret_what = json_object_size(patch) > 0 ? "configured" : "unchanged";
	return json_object_size(patch) > 0 ? request_ok(session, &request, err) : 0;
}

static int apply_one(struct session *session, const struct args *args, const json_t *object)
{
	const struct kind *kind = kind_of(object);
	const char *name = json_path_str(object, "metadata.name");
	const char *ns = json_path_string(object, "metadata.namespace");
	auto_json json_t *copy = json_deep_copy(object), *manifest = NULL, *live = NULL;
	const char *what = "created";
	struct err err = { 0 };
	int r;

	if (ns && args_get(args, "namespace") && strcmp(ns, args_get(args, "namespace")) != 0)
		return command_fail("the namespace of %s \"%s\" is %s, which is not --namespace %s",
		                    kind->singular, name, ns, args_get(args, "namespace"));
	if (!ns)
		ns = session_namespace(session, kind);
	if (ns && kind->namespaced)
		json_path_set(copy, "metadata.namespace", json_string(ns));
	manifest = with_last_applied(copy);
	r = session_get(session, kind, ns, name, &live, &err);
	if (r == 0)
		r = create(session, kind, ns, manifest, &err);
	else if (r > 0)
		r = update(session, kind, ns, manifest, live, &what, &err);
	if (r < 0)
		return command_fail("%s", err.msg);
	(void)printf("%s%s%s/%s %s\n", kind->singular, *kind->group ? "." : "", kind->group, name,
	             what);
	return 0;
}

static int run(const struct args *args)
{
	auto_session struct session session = { 0 };
	auto_json json_t *objects = NULL;
	struct err err = { 0 };
	json_t *object;
	int status = 0;
	size_t i;

	if (manifest_read_known(args_list(args, "filename"), &objects, &err) < 0 ||
	    session_open(&session, args, &err) < 0)
		return command_fail("%s", err.msg);
	json_array_foreach(objects, i, object)
		if (apply_one(&session, args, object) != 0)
			status = EXIT_FAILED;
	return status;
}

const struct command command_apply = {
	.name = "apply",
	.operands = "-f FILE",
	.summary = "create or change objects as a manifest says",
	.description = "Creates the objects of a manifest, or changes those that exist to what it "
		       "says, as kubectl\napply does; both may be used on the same objects.\n"
		       "  fairlead apply -f service.yaml",
	.options = options,
	.run = run,
};
