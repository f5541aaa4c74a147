/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/kernel.h"
#include "cli/printer.h"
#include "cli/session.h"
#include "kube/json.h"

#define ACCEPT_TABLE "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

static const struct option_spec options[] = {
	OPTIONS_API,
	OPTION_NAMESPACE,
	{ "all-namespaces", 'A', NULL, "list the objects of all namespaces", 0 },
	{ "selector", 'l', "SELECTOR", "only objects with these labels (app=web,tier!=test)", 0 },
	{ "output", 'o', "FORMAT", "wide, yaml, json or name", 0 },
	{ "no-headers", 0, NULL, "leave out the head of the table", 0 },
	{ "kernel", 0, NULL, "what the kernel of this node has, instead of the API", 0 },
	OPTION_PIN_DIR,
	{ 0 },
};

enum output {
	OUTPUT_TABLE,
	OUTPUT_WIDE,
	OUTPUT_YAML,
	OUTPUT_JSON,
	OUTPUT_NAME
};

struct get {
	struct session session;
	const struct args *args;
	enum output output;
	json_t *items;  /* of all kinds, for the outputs that are not tables */
	bool one;       /* a single object was asked for */
	bool several;   /* several kinds: names get their kind before them */
	bool cluster;   /* one of the kinds at least has no namespace */
	size_t printed; /* tables */
};

static int parse_output(const char *word, enum output *ret)
{
	static const char *const words[] = {
		[OUTPUT_WIDE] = "wide",
		[OUTPUT_YAML] = "yaml",
		[OUTPUT_JSON] = "json",
		[OUTPUT_NAME] = "name",
	};

	*ret = OUTPUT_TABLE;
	if (!word)
		return 0;
	for (size_t i = 1; i < ARRAY_SIZE(words); i++)
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum output)i;
			return 0;
		}
	return -EINVAL;
}

static char *get_path(const struct get *get, const struct kind *kind, const char *name,
                      const char *next)
{
	const char *ns = session_namespace(&get->session, kind);
	const char *selector = args_get(get->args, "selector");
	struct buf path = BUF_INIT;
	auto_free char *base = NULL;

	if (args_flag(get->args, "all-namespaces"))
		ns = NULL;
	base = kind_path(kind, ns, name);
	buf_adds(&path, base);
	if (name)
		return buf_take(&path);
	buf_adds(&path, "?limit=500");
	if (selector) {
		auto_free char *escaped = http_escape(selector);

		buf_printf(&path, "&labelSelector=%s", escaped);
	}
	if (next && *next) {
		auto_free char *escaped = http_escape(next);

		buf_printf(&path, "&continue=%s", escaped);
	}
	return buf_take(&path);
}

/* Items of a List leave out what the list says of all of them. */
static void take_items(struct get *get, const struct kind *kind, json_t *answer)
{
	json_t *items = json_object_get(answer, "items"), *item;
	size_t i;

	if (!json_is_array(items)) {
		(void)json_array_append(get->items, answer);
		return;
	}
	json_array_foreach(items, i, item) {
		json_t *whole = json_pack("{s:s, s:s}", "apiVersion", kind_api_version(kind),
		                          "kind", kind->name);

		(void)json_object_update(whole, item);
		(void)json_array_append_new(get->items, whole);
	}
}

static void print_table(struct get *get, const struct kind *kind, const json_t *table)
{
	auto_free char *prefix = NULL;
	struct printer_style style = {
		.wide = get->output == OUTPUT_WIDE,
		.namespaces = args_flag(get->args, "all-namespaces") && kind->namespaced,
		.no_headers = args_flag(get->args, "no-headers"),
	};

	if (json_array_size(json_object_get(table, "rows")) == 0)
		return;
	if (get->several)
		style.prefix = prefix = xasprintf("%s%s%s/", kind->singular,
		                                  *kind->group ? "." : "", kind->group);
	if (get->several && get->printed++ > 0 && !style.no_headers)
		(void)putchar('\n');
	printer_table(stdout, table, &style);
	get->printed += !get->several;
}

/* A list in pages becomes one table. */
static void join_tables(json_t **whole, json_t *page)
{
	if (!*whole) {
		*whole = json_incref(page);
		return;
	}
	(void)json_array_extend(json_object_get(*whole, "rows"), json_object_get(page, "rows"));
}

static int get_kind(struct get *get, const struct kind *kind, const char *name, struct err *err)
{
	bool as_table = get->output == OUTPUT_TABLE || get->output == OUTPUT_WIDE;
	auto_json json_t *table = NULL;
	auto_free char *next = NULL;

	do {
		auto_free char *path = get_path(get, kind, name, next);
		auto_json json_t *answer = NULL;
		struct client_request request = { .method = "GET",
			                          .path = path,
			                          .accept = as_table ? ACCEPT_TABLE : NULL };
		int status = session_request(&get->session, &request, &answer, err);

		if (status < 0 || status >= 400)
			return -EREMOTEIO;
		if (as_table)
			join_tables(&table, answer);
		else
			take_items(get, kind, answer);
		free(next);
		next = xstrdup(json_path_str(answer, "metadata.continue"));
	} while (*next);
	if (table)
		print_table(get, kind, table);
	return 0;
}

static void print_names(const json_t *items)
{
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item) {
		const struct kind *kind = kind_of(item);

		(void)printf("%s%s%s/%s\n", kind ? kind->singular : json_path_str(item, "kind"),
		             kind && *kind->group ? "." : "", kind ? kind->group : "",
		             json_path_str(item, "metadata.name"));
	}
}

static void print_items(const struct get *get)
{
	auto_json json_t *list = NULL;
	json_t *value = json_array_get(get->items, 0);

	if (get->output == OUTPUT_NAME) {
		print_names(get->items);
		return;
	}
	if (!get->one)
		value = list = json_pack("{s:s, s:O, s:s, s:{s:s}}", "apiVersion", "v1", "items",
		                         get->items, "kind", "List", "metadata", "resourceVersion",
		                         "");
	if (get->output == OUTPUT_JSON)
		printer_json(stdout, value);
	else
		printer_yaml(stdout, value);
}

/* "svc,endpointslices" and "svc/web" as well as "svc web". */
static int get_words(struct get *get, struct err *err)
{
	auto_free char *words = xstrdup(args_operand(get->args, 0));
	const char *name = args_operand(get->args, 1);
	char *slash = strchr(words, '/'), *save = NULL;

	if (slash && !name) {
		*slash = '\0';
		name = slash + 1;
	}
	get->several = strchr(words, ',') != NULL;
	get->one = name && !get->several;
	if (name && args_flag(get->args, "all-namespaces"))
		return err_set(err, -EINVAL, "a name is of one namespace: leave out -A");
	if (name && args_get(get->args, "selector"))
		return err_set(err, -EINVAL, "give either a name or --selector");
	for (char *word = strtok_r(words, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		const struct kind *kind = session_kind(word, err);
		int r = kind ? get_kind(get, kind, name, err) : -EINVAL;

		if (r < 0)
			return r;
		get->cluster |= !kind->namespaced;
	}
	return 0;
}

static int finish(struct get *get)
{
	if (get->output != OUTPUT_TABLE && get->output != OUTPUT_WIDE) {
		print_items(get);
		return 0;
	}
	if (get->printed == 0 && (get->cluster || args_flag(get->args, "all-namespaces")))
		(void)fprintf(stderr, "No resources found\n");
	else if (get->printed == 0)
		(void)fprintf(stderr, "No resources found in %s namespace.\n",
		              get->session.namespace);
	return 0;
}

static int run(const struct args *args)
{
	struct get get = { .args = args };
	const char *word = args_operand(args, 0);
	struct err err = { 0 };
	int r;

	if (parse_output(args_get(args, "output"), &get.output) < 0)
		return command_usage_error(&command_get,
		                           "unknown output format '%s': expected wide, yaml, json "
		                           "or name",
		                           args_get(args, "output"));
	if (args_flag(args, "kernel") || kernel_is_kind(word))
		return kernel_get(args, word);
	r = session_open(&get.session, args, &err);
	get.items = json_array();
	if (r == 0)
		r = get_words(&get, &err);
	if (r == 0)
		r = finish(&get);
	else
		r = command_fail("%s", err.msg);
	json_decref(get.items);
	session_close(&get.session);
	return r;
}

const struct command command_get = {
	.name = "get",
	.operands = "KIND[,KIND...] [NAME]",
	.operands_min = 1,
	.operands_max = 2,
	.summary = "show objects of the API, or what the kernel has",
	.description = "Shows objects as a table, or whole with -o yaml or json.\n"
		       "  fairlead get svc\n"
		       "  fairlead get svc,endpointslices -o wide\n"
		       "  fairlead get pod web-1 -o yaml\n"
		       "What the kernel of this node really has, with the connections of each "
		       "backend. Needs root; the\nagent need not run.\n"
		       "  fairlead get frontends\n"
		       "  fairlead get backends -o json\n"
		       "  fairlead get services --kernel",
	.options = options,
	.run = run,
};
