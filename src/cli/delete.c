/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/manifest.h"
#include "cli/session.h"
#include "kube/json.h"

static const struct option_spec options[] = {
	OPTIONS_API,
	OPTION_NAMESPACE,
	{ "filename", 'f', "FILE",
	  "delete what this file (or folder, or - for standard input) names", OPTION_LIST },
	{ "ignore-not-found", 0, NULL, "an object that is not there is no error", 0 },
	{ 0 },
};

static int delete_one(struct session *session, const struct args *args, const struct kind *kind,
                      const char *ns, const char *name)
{
	auto_free char *path = kind_path(kind, ns, name);
	auto_json json_t *body = json_pack("{s:s, s:s, s:s}", "kind", "DeleteOptions", "apiVersion",
	                                   "v1", "propagationPolicy", "Background");
	auto_json json_t *answer = NULL;
	struct client_request request = { .method = "DELETE", .path = path, .body = body };
	struct err err = { 0 };
	int status = session_request(session, &request, &answer, &err);

	if (status == 404 && args_flag(args, "ignore-not-found"))
		return 0;
	if (status < 0 || status >= 400)
		return command_fail("%s", err.msg);
	(void)printf("%s%s%s \"%s\" deleted\n", kind->singular, *kind->group ? "." : "",
	             kind->group, name);
	return 0;
}

static int delete_files(struct session *session, const struct args *args)
{
	auto_json json_t *objects = NULL;
	struct err err = { 0 };
	json_t *object;
	int status = 0;
	size_t i;

	if (manifest_read_known(args_list(args, "filename"), &objects, &err) < 0)
		return command_fail("%s", err.msg);
	json_array_foreach(objects, i, object) {
		const struct kind *kind = kind_of(object);
		const char *ns = json_path_string(object, "metadata.namespace");

		if (!ns || args_get(args, "namespace"))
			ns = session_namespace(session, kind);
		if (delete_one(session, args, kind, ns, json_path_str(object, "metadata.name")) !=
		    0)
			status = EXIT_FAILED;
	}
	return status;
}

static int delete_words(struct session *session, const struct args *args)
{
	auto_free char *word = xstrdup(args_operand(args, 0));
	char *slash = strchr(word, '/');
	const struct kind *kind;
	struct err err = { 0 };
	int status = 0;

	if (slash)
		*slash = '\0';
	kind = session_kind(word, &err);
	if (!kind)
		return command_fail("%s", err.msg);
	if (slash)
		return delete_one(session, args, kind, session_namespace(session, kind), slash + 1);
	for (int i = 1; i < args_count(args); i++)
		if (delete_one(session, args, kind, session_namespace(session, kind),
		               args_operand(args, i)) != 0)
			status = EXIT_FAILED;
	return status;
}

static int run(const struct args *args)
{
	bool files = *args_list(args, "filename") != NULL;
	auto_session struct session session = { 0 };
	struct err err = { 0 };

	if (files == (args_count(args) > 0))
		return command_usage_error(&command_delete, "expected KIND NAME, or -f FILE");
	if (!files && args_count(args) == 1 && !strchr(args_operand(args, 0), '/'))
		return command_usage_error(&command_delete, "expected the name of the %s to delete",
		                           args_operand(args, 0));
	if (session_open(&session, args, &err) < 0)
		return command_fail("%s", err.msg);
	return files ? delete_files(&session, args) : delete_words(&session, args);
}

const struct command command_delete = {
	.name = "delete",
	.operands = "KIND NAME... | -f FILE",
	.operands_max = -1,
	.summary = "delete objects of the API",
	.description = "Deletes objects by kind and name, or those that a file names.\n"
		       "  fairlead delete svc web\n"
		       "  fairlead delete -f service.yaml",
	.options = options,
	.run = run,
};
