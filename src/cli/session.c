/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"

#define SYSTEM_KUBECONFIG "/var/lib/fairlead/admin.kubeconfig"

/* As kubectl looks for it, and last the one that 'fairlead up' writes. */
static char *find_kubeconfig(const struct args *args)
{
	const char *home = getenv("HOME"), *env = getenv("KUBECONFIG");
	char *path;

	if (args_get(args, "kubeconfig"))
		return xstrdup(args_get(args, "kubeconfig"));
	if (env && *env)
		return xstrdup(env);
	path = xasprintf("%s/.kube/config", home ? home : "/root");
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return xstrdup(SYSTEM_KUBECONFIG);
}

int session_open(struct session *session, const struct args *args, struct err *err)
{
	auto_free char *path = find_kubeconfig(args);
	int r;

	*session = (struct session){ 0 };
	r = kubeconfig_load(path, args_get(args, "context"), &session->config, err);
	if (r == -ENOENT && strcmp(path, SYSTEM_KUBECONFIG) == 0)
		return err_set(err, r,
		               "no kubeconfig: start 'fairlead up', or name one with --kubeconfig "
		               "FILE or $KUBECONFIG (looked for ~/.kube/config and %s)",
		               path);
	if (r < 0)
		return r;
	session->namespace = session->config.namespace;
	if (args_knows(args, "namespace"))
		session->namespace = args_get_or(args, "namespace", session->namespace);
	session->loop = loop_new();
	r = client_new(session->loop, &session->config, &session->client, err);
	return r < 0 ? err_wrap(err, r, "%s", path) : 0;
}

void session_close(struct session *session)
{
	client_free(session->client);
	if (session->loop)
		loop_free(session->loop);
	kubeconfig_done(&session->config);
	*session = (struct session){ 0 };
}

struct await {
	struct loop *loop;
	int status;
	json_t *answer;
	struct err err;
};

static void got_answer(void *arg, int status, json_t *answer, const struct err *err)
{
	struct await *await = arg;

	await->status = status;
	await->answer = json_incref(answer);
	if (err)
		await->err = *err;
	loop_stop(await->loop);
}

static int explain(const struct await *await, struct err *err)
{
	const char *reason = json_path_str(await->answer, "reason");
	const char *message = json_path_string(await->answer, "message");

	if (!message)
		message = await->err.msg;
	if (strcmp(reason, "Invalid") == 0)
		err_set(err, -EINVAL, "The %s", message);
	else
		err_set(err, -EREMOTEIO, "Error from server%s%s%s: %s", *reason ? " (" : "", reason,
		        *reason ? ")" : "", message);
	return await->status;
}

int session_request(struct session *session, const struct client_request *request, json_t **ret,
                    struct err *err)
{
	struct await await = { .loop = session->loop };
	struct client_request call = *request;

	*ret = NULL;
	call.done = got_answer;
	call.arg = &await;
	(void)client_request(session->client, &call);
	loop_run(session->loop);
	*ret = await.answer;
	if (await.status == 0)
		return err_set(err, await.err.code ? await.err.code : -EIO, "%s", await.err.msg);
	if (await.status >= 400)
		return explain(&await, err);
	return await.status;
}

int session_get(struct session *session, const struct kind *kind, const char *ns, const char *name,
                json_t **ret, struct err *err)
{
	auto_free char *path = kind_path(kind, ns, name);
	struct client_request request = { .method = "GET", .path = path };
	json_t *answer = NULL;
	int status = session_request(session, &request, &answer, err);

	if (status >= 200 && status < 300) {
		*ret = answer;
		return 1;
	}
	json_decref(answer);
	if (status == 404)
		return 0;
	return status < 0 ? status : -EREMOTEIO;
}

const char *session_namespace(const struct session *session, const struct kind *kind)
{
	return kind->namespaced ? session->namespace : NULL;
}

const struct kind *session_kind(const char *word, struct err *err)
{
	const struct kind *kind = kind_by_word(word);
	char list[ERR_MSG_SIZE / 2] = "";

	if (kind)
		return kind;
	for (size_t i = 0; kinds[i]; i++) {
		size_t n = strlen(list);

		if (!kinds[i]->stored_as)
			(void)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
			               kinds[i]->plural);
	}
	err_set(err, -EINVAL, "there is no kind '%s': expected one of %s", word, list);
	return NULL;
}
