/* SPDX-License-Identifier: Apache-2.0 */
#include "client/kubeconfig.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "client/base64.h"
#include "kube/decode.h"
#include "kube/json.h"

#define FILE_MAX (1 << 20) /* bytes of a kubeconfig, and of each file it names */

void kubeconfig_done(struct kubeconfig *config)
{
	free(config->server);
	free(config->namespace);
	free(config->ca);
	free(config->cert);
	free(config->key);
	free(config->token);
	free(config->token_file);
	free(config->tls_server_name);
	*config = (struct kubeconfig){ 0 };
}

/* A part of the file: the object, and what messages call it (cluster "a"). */
struct part {
	const json_t *object;
	char label[256];
};

/*
 * The element of 'list' with this name: {"name": .., "<member>": {..}}.  A user with nothing in it is
 * a legal one: it has no credentials.
 */
static int find_part(const json_t *root, const char *list, const char *member, const char *name,
                     struct part *ret, struct err *err)
{
	static const struct part nothing;
	const json_t *entry;
	size_t i;

	*ret = nothing;
	(void)snprintf(ret->label, sizeof(ret->label), "%s \"%s\"", member, name);
	json_array_foreach(json_path(root, list), i, entry) {
		if (strcmp(json_path_str(entry, "name"), name) == 0) {
			ret->object = json_path(entry, member);
			return 0;
		}
	}
	return err_set(err, -EINVAL, "there is no %s in \"%s\"", ret->label, list);
}

/* Names in a kubeconfig may be of any YAML type; only strings mean something to us. */
static int check_strings(const struct part *part, const char *const *fields, struct err *err)
{
	for (; *fields; fields++) {
		const json_t *value = json_path(part->object, *fields);

		if (value && !json_is_string(value))
			return err_set(err, -EINVAL, "%s: %s is not a string", part->label,
			               *fields);
	}
	return 0;
}

static char *beside(const char *folder, const char *path)
{
	return *path == '/' || !*folder ? xstrdup(path) : xasprintf("%s/%s", folder, path);
}

/* PEM text from "<field>-data" or the file named by "<field>"; NULL where there is neither. */
static int load_pem(const struct part *part, const char *field, const char *folder, char **ret,
                    struct err *err)
{
	auto_free char *data_field = xasprintf("%s-data", field);
	const char *data = json_path_str(part->object, data_field);
	const char *name = json_path_str(part->object, field);
	auto_free char *path = NULL;
	int r;

	if (*data) {
		if (base64_decode(data, ret, NULL) < 0)
			return err_set(err, -EINVAL, "%s: %s is not base64", part->label,
			               data_field);
		return 0;
	}
	if (!*name)
		return 0;
	path = beside(folder, name);
	r = file_read(path, FILE_MAX, ret, NULL, err);
	return r < 0 ? err_wrap(err, r, "%s: %s", part->label, field) : 0;
}

static int check_token(const char *token, struct err *err)
{
	if (!*token)
		return err_set(err, -EINVAL, "the token is empty");
	/* it goes into a header: a line break would begin another one */
	for (; *token; token++)
		if (!isgraph((unsigned char)*token))
			return err_set(err, -EINVAL,
			               "the token has blanks or other characters "
			               "that no bearer token has");
	return 0;
}

int kubeconfig_read_token(const char *path, char **ret, struct err *err)
{
	auto_free char *text = NULL;
	char *start;
	size_t n;
	int r;

	r = file_read(path, FILE_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	start = text + strspn(text, " \t\r\n");
	for (n = strlen(start); n > 0 && isspace((unsigned char)start[n - 1]);)
		start[--n] = '\0';
	r = check_token(start, err);
	if (r < 0)
		return err_wrap(err, r, "%s", path);
	*ret = xstrdup(start);
	return 0;
}

static int load_cluster(const struct part *part, const char *folder, struct kubeconfig *config,
                        struct err *err)
{
	static const char *const strings[] = { "server",          "certificate-authority",
		                               "tls-server-name", "certificate-authority-data",
		                               "proxy-url",       NULL };
	const json_t *insecure = json_path(part->object, "insecure-skip-tls-verify");
	int r;

	r = check_strings(part, strings, err);
	if (r < 0)
		return r;
	if (!*json_path_str(part->object, "server"))
		return err_set(err, -EINVAL, "%s has no server", part->label);
	if (*json_path_str(part->object, "proxy-url"))
		return err_set(err, -EINVAL, "%s: proxy-url is not supported", part->label);
	if (insecure && !json_is_boolean(insecure))
		return err_set(err, -EINVAL, "%s: insecure-skip-tls-verify is not true or false",
		               part->label);
	config->server = xstrdup(json_path_str(part->object, "server"));
	config->insecure = json_is_true(insecure);
	if (*json_path_str(part->object, "tls-server-name"))
		config->tls_server_name = xstrdup(json_path_str(part->object, "tls-server-name"));
	r = load_pem(part, "certificate-authority", folder, &config->ca, err);
	if (r < 0)
		return r;
	if (config->insecure && config->ca)
		return err_set(err, -EINVAL,
		               "%s: a certificate-authority and insecure-skip-tls-verify exclude "
		               "each other",
		               part->label);
	return 0;
}

/* What would need a program to be run or is gone from Kubernetes: said, never skipped. */
static int check_user(const struct part *part, struct err *err)
{
	static const struct {
		const char *field, *why;
	} refused[] = {
		{ "exec", "credential plugins (exec) are not supported" },
		{ "auth-provider", "auth-provider is not supported" },
		{ "username", "basic authentication is not supported" },
		{ "password", "basic authentication is not supported" },
		{ "as", "impersonation is not supported" },
		{ "as-uid", "impersonation is not supported" },
		{ "as-groups", "impersonation is not supported" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (json_path(part->object, refused[i].field))
			return err_set(err, -EINVAL, "%s: %s; use a client certificate or a token",
			               part->label, refused[i].why);
	return 0;
}

static int load_token(const struct part *part, const char *folder, struct kubeconfig *config,
                      struct err *err)
{
	const char *token = json_path_str(part->object, "token");
	const char *name = json_path_str(part->object, "tokenFile");
	int r = 0;

	/* a tokenFile wins over a token, as in client-go */
	if (*name) {
		config->token_file = beside(folder, name);
		r = kubeconfig_read_token(config->token_file, &config->token, err);
	} else if (*token) {
		config->token = xstrdup(token);
		r = check_token(token, err);
	}
	return r < 0 ? err_wrap(err, r, "%s", part->label) : 0;
}

static int load_user(const struct part *part, const char *folder, struct kubeconfig *config,
                     struct err *err)
{
	static const char *const strings[] = { "client-certificate",
		                               "client-certificate-data",
		                               "client-key",
		                               "client-key-data",
		                               "token",
		                               "tokenFile",
		                               NULL };
	int r;

	r = check_strings(part, strings, err);
	if (r < 0)
		return r;
	r = check_user(part, err);
	if (r < 0)
		return r;
	r = load_pem(part, "client-certificate", folder, &config->cert, err);
	if (r < 0)
		return r;
	r = load_pem(part, "client-key", folder, &config->key, err);
	if (r < 0)
		return r;
	if (!config->cert != !config->key)
		return err_set(err, -EINVAL, "%s has a client %s", part->label,
		               config->cert ? "certificate but no client-key"
		                            : "key but no client-certificate");
	return load_token(part, folder, config, err);
}

static int load_context(const json_t *root, const char *context, const char *folder,
                        struct kubeconfig *config, struct err *err)
{
	static const char *const strings[] = { "cluster", "user", "namespace", NULL };
	struct part part, cluster, user;
	const char *ns;
	int r;

	r = find_part(root, "contexts", "context", context, &part, err);
	if (r < 0)
		return r;
	r = check_strings(&part, strings, err);
	if (r < 0)
		return r;
	if (!*json_path_str(part.object, "cluster"))
		return err_set(err, -EINVAL, "%s names no cluster", part.label);
	r = find_part(root, "clusters", "cluster", json_path_str(part.object, "cluster"), &cluster,
	              err);
	if (r < 0)
		return err_wrap(err, r, "%s", part.label);
	r = load_cluster(&cluster, folder, config, err);
	if (r < 0)
		return r;
	ns = json_path_str(part.object, "namespace");
	config->namespace = xstrdup(*ns ? ns : "default");
	if (!*json_path_str(part.object, "user"))
		return 0;
	r = find_part(root, "users", "user", json_path_str(part.object, "user"), &user, err);
	if (r < 0)
		return err_wrap(err, r, "%s", part.label);
	return load_user(&user, folder, config, err);
}

static int load_root(const json_t *docs, const char *context, const char *folder,
                     struct kubeconfig *config, struct err *err)
{
	const json_t *root = json_array_get(docs, 0);

	if (json_array_size(docs) != 1 || !json_is_object(root))
		return err_set(err, -EINVAL, "not a kubeconfig (one object of kind Config)");
	if (json_path(root, "kind") && strcmp(json_path_str(root, "kind"), "Config") != 0)
		return err_set(err, -EINVAL, "not a kubeconfig: its kind is \"%s\"",
		               json_path_str(root, "kind"));
	if (!context)
		context = json_path_str(root, "current-context");
	if (!*context)
		return err_set(err, -EINVAL, "no current-context is set and no context was named");
	return load_context(root, context, folder, config, err);
}

int kubeconfig_load(const char *path, const char *context, struct kubeconfig *ret, struct err *err)
{
	struct kubeconfig config = { 0 };
	const char *slash = strrchr(path, '/');
	auto_free char *folder = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path))
	                               : xstrdup("");
	auto_free char *text = NULL;
	auto_json json_t *docs = NULL;
	size_t size;
	int r;

	r = file_read(path, FILE_MAX, &text, &size, err);
	if (r < 0)
		return r;
	r = decode_yaml(text, size, path, &docs, err);
	if (r < 0)
		return r;
	r = load_root(docs, context, folder, &config, err);
	if (r < 0) {
		kubeconfig_done(&config);
		return err_wrap(err, r, "%s", path);
	}
	*ret = config;
	return 0;
}

static void add_string(struct buf *b, const char *field, const char *value)
{
	if (!value)
		return;
	/* a JSON string is a YAML double-quoted scalar */
	buf_printf(b, "    %s: ", field);
	buf_add_json_string(b, value);
	buf_addc(b, '\n');
}

static void add_pem(struct buf *b, const char *field, const char *pem)
{
	auto_free char *text = pem ? base64_encode(pem, strlen(pem)) : NULL;

	if (text)
		buf_printf(b, "    %s: %s\n", field, text);
}

static void add_named(struct buf *b, const char *list, const char *member, const char *name)
{
	buf_printf(b, "%s:\n- name: ", list);
	buf_add_json_string(b, name);
	buf_printf(b, "\n  %s:\n", member);
}

char *kubeconfig_text(const struct kubeconfig *config, const char *name)
{
	auto_buf struct buf b = BUF_INIT;
	bool anonymous = !config->cert && !config->key && !config->token && !config->token_file;

	buf_adds(&b, "apiVersion: v1\nkind: Config\ncurrent-context: ");
	buf_add_json_string(&b, name);
	buf_addc(&b, '\n');
	add_named(&b, "clusters", "cluster", name);
	add_string(&b, "server", config->server);
	add_pem(&b, "certificate-authority-data", config->ca);
	add_string(&b, "tls-server-name", config->tls_server_name);
	if (config->insecure)
		buf_adds(&b, "    insecure-skip-tls-verify: true\n");
	add_named(&b, "contexts", "context", name);
	add_string(&b, "cluster", name);
	add_string(&b, "user", name);
	add_string(&b, "namespace", config->namespace);
	add_named(&b, "users", "user", name);
	add_pem(&b, "client-certificate-data", config->cert);
	add_pem(&b, "client-key-data", config->key);
	if (config->token_file)
		add_string(&b, "tokenFile", config->token_file);
	else
		add_string(&b, "token", config->token);
	if (anonymous)
		buf_adds(&b, "    {}\n");
	return buf_take(&b);
}
