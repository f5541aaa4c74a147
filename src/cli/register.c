/* SPDX-License-Identifier: Apache-2.0 */
/* Pods that exist already: a process, VM or container that is said where it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipaddr.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "kube/json.h"
#include "kube/types.h"

#define EXTERNAL_IMAGE "fairlead.dev/external" /* the container is none that anybody starts */

static const struct option_spec options[] = {
	OPTIONS_API,
	OPTION_NAMESPACE,
	{ "address", 0, "IP", "where it listens", OPTION_REQUIRED },
	{ "port", 0, "[NAME=]PORT[/PROTOCOL]", "a port it listens on (80, http=8080, dns=53/UDP)",
	  OPTION_REQUIRED | OPTION_LIST },
	{ "label", 'l', "KEY=VALUE", "a label that Services select it by", OPTION_LIST },
	{ "http-get", 0, "PATH", "it is ready while GET PATH on its first port answers 200 to 399",
	  0 },
	{ "tcp", 0, NULL, "it is ready while its first port accepts connections", 0 },
	{ "interval", 0, "SECONDS", "between two probes (default: 2)", 0 },
	{ "node", 0, "NAME", "the node that probes it (default: the only one, else this host)", 0 },
	{ 0 },
};

static int add_port(json_t *ports, const char *word, struct err *err)
{
	auto_free char *copy = xstrdup(word);
	char *equals = strchr(copy, '='), *slash = strchr(copy, '/');
	const char *number = equals ? equals + 1 : copy;
	json_t *port;
	uint64_t n;

	if (equals)
		*equals = '\0';
	if (slash)
		*slash = '\0';
	if (parse_u64(number, UINT16_MAX, &n) < 0 || n == 0)
		return err_set(err, -EINVAL, "--port %s: expected [NAME=]PORT with PORT 1-65535",
		               word);
	if (slash && !protocol_parse(slash + 1))
		return err_set(err, -EINVAL, "--port %s: the protocol is TCP, UDP or SCTP", word);
	port = json_pack("{s:i, s:s}", "containerPort", (int)n, "protocol",
	                 slash ? slash + 1 : "TCP");
	if (equals)
		(void)json_object_set_new(port, "name", json_string(copy));
	(void)json_array_append_new(ports, port);
	return 0;
}

static json_t *make_labels(const struct args *args, struct err *err)
{
	auto_json json_t *labels = json_object();

	for (const char *const *l = args_list(args, "label"); *l; l++) {
		const char *equals = strchr(*l, '=');
		auto_free char *key = equals ? xstrndup(*l, (size_t)(equals - *l)) : NULL;

		if (!equals || equals == *l) {
			err_set(err, -EINVAL, "--label %s: expected KEY=VALUE", *l);
			return NULL;
		}
		(void)json_object_set_new(labels, key, json_string(equals + 1));
	}
	return take_ptr(&labels);
}

static int add_probe(json_t *container, const struct args *args, struct err *err)
{
	const char *path = args_get(args, "http-get"), *interval = args_get(args, "interval");
	json_t *port = json_path(json_array_get(json_object_get(container, "ports"), 0),
	                         "containerPort");
	json_t *probe = json_object();
	uint64_t seconds = 2;

	(void)json_object_set_new(container, "readinessProbe", probe);
	if (interval && (parse_u64(interval, 3600, &seconds) < 0 || seconds == 0))
		return err_set(err, -EINVAL, "--interval %s: expected 1 to 3600 seconds", interval);
	if (path && *path != '/')
		return err_set(err, -EINVAL, "--http-get %s: a path begins with /", path);
	if (path)
		(void)json_object_set_new(probe, "httpGet",
		                          json_pack("{s:s, s:O}", "path", path, "port", port));
	else
		(void)json_object_set_new(probe, "tcpSocket", json_pack("{s:O}", "port", port));
	(void)json_object_set_new(probe, "periodSeconds", json_integer((json_int_t)seconds));
	/* kubelet's default of 3 would leave a dead process in the windows for three periods */
	(void)json_object_set_new(probe, "failureThreshold", json_integer(1));
	return 0;
}

static json_t *make_pod(const struct args *args, const char *ns, const char *node, struct err *err)
{
	const char *name = args_operand(args, 0), *address = args_get(args, "address");
	auto_json json_t *labels = make_labels(args, err);
	auto_json json_t *container = NULL;
	json_t *ports = json_array();
	struct ipaddr addr;
	int r = 0;

	container = json_pack("{s:s, s:s, s:o}", "name", name, "image", EXTERNAL_IMAGE, "ports",
	                      ports);
	if (!labels)
		return NULL;
	if (ipaddr_parse(address, &addr) < 0) {
		err_set(err, -EINVAL, "--address %s is not an IP address", address);
		return NULL;
	}
	for (const char *const *p = args_list(args, "port"); *p && r == 0; p++)
		r = add_port(ports, *p, err);
	if (r == 0 && (args_get(args, "http-get") || args_flag(args, "tcp")))
		r = add_probe(container, args, err);
	if (r < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:O, s:{s:s}}, s:{s:s, s:[O]}}", "apiVersion",
	                 "v1", "kind", "Pod", "metadata", "name", name, "namespace", ns, "labels",
	                 labels, "annotations", ANNOTATION_ADDRESS, address, "spec", "nodeName",
	                 node, "containers", container);
}

/* The node to probe from: the one named, the only one there is, else this host. */
static int find_node(struct session *session, const struct args *args, char **ret, struct err *err)
{
	struct client_request request = { .method = "GET", .path = "/api/v1/nodes?limit=2" };
	auto_json json_t *answer = NULL;
	const json_t *items;
	char host[256] = "";
	int status;

	if (args_get(args, "node")) {
		*ret = xstrdup(args_get(args, "node"));
		return 0;
	}
	status = session_request(session, &request, &answer, err);
	if (status < 0 || status >= 400)
		return -EREMOTEIO;
	items = json_object_get(answer, "items");
	if (json_array_size(items) == 1) {
		*ret = xstrdup(json_path_str(json_array_get(items, 0), "metadata.name"));
		return 0;
	}
	if (gethostname(host, sizeof(host) - 1) < 0)
		return err_errno(err, "cannot tell this host's name; name a node with --node");
	*ret = xstrdup(host);
	return 0;
}

static int run_register(const struct args *args)
{
	auto_session struct session session = { 0 };
	auto_json json_t *pod = NULL, *answer = NULL;
	auto_free char *path = NULL, *node = NULL;
	struct client_request request = { .method = "POST" };
	struct err err = { 0 };
	int status;

	if (args_get(args, "http-get") && args_flag(args, "tcp"))
		return command_usage_error(&command_register,
		                           "--http-get and --tcp exclude each other");
	pod = make_pod(args, "", "", &err); /* bad words are reported before the server is asked */
	if (!pod)
		return command_usage_error(&command_register, "%s", err.msg);
	if (session_open(&session, args, &err) < 0 || find_node(&session, args, &node, &err) < 0)
		return command_fail("%s", err.msg);
	json_decref(pod);
	pod = make_pod(args, session.namespace, node, &err);
	path = kind_path(&kind_pod, session.namespace, NULL);
	request.path = path;
	request.body = pod;
	status = session_request(&session, &request, &answer, &err);
	if (status < 0 || status >= 400)
		return command_fail("%s", err.msg);
	(void)printf("pod/%s registered\n", args_operand(args, 0));
	return 0;
}

const struct command command_register = {
	.name = "register",
	.operands = "NAME",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "make a Pod of something that runs already",
	.description =
		"Makes a Pod of a process, VM or container that runs already, so that Services "
		"select it by\nlabel. The agent of its node probes it and says whether it is "
		"ready.\n"
		"  fairlead register web-1 --address 10.0.0.5 --port http=80 -l app=web "
		"--http-get /",
	.options = options,
	.run = run_register,
};

static const struct option_spec deregister_options[] = { OPTIONS_API, OPTION_NAMESPACE, { 0 } };

static int run_deregister(const struct args *args)
{
	auto_session struct session session = { 0 };
	struct err err = { 0 };
	int status = 0;

	if (session_open(&session, args, &err) < 0)
		return command_fail("%s", err.msg);
	for (int i = 0; i < args_count(args); i++) {
		auto_free char *path = kind_path(&kind_pod, session.namespace,
		                                 args_operand(args, i));
		auto_json json_t *answer = NULL;
		struct client_request request = { .method = "DELETE", .path = path };
		int r = session_request(&session, &request, &answer, &err);

		if (r < 0 || r >= 400)
			status = command_fail("%s", err.msg);
		else
			(void)printf("pod/%s deregistered\n", args_operand(args, i));
	}
	return status;
}

const struct command command_deregister = {
	.name = "deregister",
	.operands = "NAME...",
	.operands_min = 1,
	.operands_max = -1,
	.summary = "take registered Pods out again",
	.description =
		"Deletes Pods that 'fairlead register' made; what runs there goes on running.\n"
		"  fairlead deregister web-1",
	.options = deregister_options,
	.run = run_deregister,
};
