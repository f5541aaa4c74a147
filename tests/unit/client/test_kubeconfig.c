/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "client/base64.h"
#include "client/kubeconfig.h"
#include "client/server_url.h"

static char folder[] = "/tmp/test-kubeconfig-XXXXXX";

static void write_file(const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", folder, name);

	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	write_file("ca.pem", "CA\n");
	write_file("cert.pem", "CERT\n");
	write_file("key.pem", "KEY\n");
	write_file("token", "  s3cr.et-token\n");
	write_file("bad-token", "two words\n");
	write_file("empty", "");
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "ca.pem",    "cert.pem", "key.pem", "token",
		                             "bad-token", "empty",    "config" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *path = xasprintf("%s/%s", folder, names[i]);

		(void)unlink(path);
	}
	return rmdir(folder);
}

/* One cluster "c", one user "u", one context "x" of both: with these members. */
static char *config_of(const char *cluster, const char *user)
{
	return xasprintf("apiVersion: v1\nkind: Config\ncurrent-context: x\n"
	                 "clusters: [{name: c, cluster: {%s}}]\n"
	                 "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
	                 "users: [{name: u, user: {%s}}]\n",
	                 cluster, user);
}

static int load(const char *text, const char *context, struct kubeconfig *ret, struct err *err)
{
	auto_free char *path = xasprintf("%s/config", folder);

	write_file("config", text);
	return kubeconfig_load(path, context, ret, err);
}

#define SERVER "server: 'https://127.0.0.1:6443'"

static void assert_text(const char *found, const char *wanted)
{
	if (!wanted)
		assert_null(found);
	else
		assert_string_equal(found, wanted);
}

static void good_ones(void **state)
{
	static const struct {
		const char *cluster, *user, *ca, *cert, *key, *token, *name;
		int insecure;
	} table[] = {
		{ SERVER, "", NULL, NULL, NULL, NULL, NULL, 0 },
		{ SERVER ", certificate-authority: ca.pem", "", "CA\n", NULL, NULL, NULL, NULL, 0 },
		{ SERVER ", certificate-authority-data: Q0E=", "", "CA", NULL, NULL, NULL, NULL,
		  0 },
		{ SERVER ", certificate-authority-data: Q0E=, certificate-authority: nowhere", "",
		  "CA", NULL, NULL, NULL, NULL, 0 },
		{ SERVER ", insecure-skip-tls-verify: true, tls-server-name: api.example",
		  "token: abc", NULL, NULL, NULL, "abc", "api.example", 1 },
		{ SERVER, "client-certificate: cert.pem, client-key: ./key.pem", NULL, "CERT\n",
		  "KEY\n", NULL, NULL, 0 },
		{ SERVER, "client-certificate-data: Q0VSVA==, client-key-data: S0VZ", NULL, "CERT",
		  "KEY", NULL, NULL, 0 },
		{ SERVER, "tokenFile: token", NULL, NULL, NULL, "s3cr.et-token", NULL, 0 },
		{ SERVER, "tokenFile: token, token: old", NULL, NULL, NULL, "s3cr.et-token", NULL,
		  0 },
		{ SERVER, "token: abc, exec: null", NULL, NULL, NULL, "abc", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		auto_free char *text = config_of(table[i].cluster, table[i].user);
		struct kubeconfig config = { 0 };
		struct err err = { 0 };

		if (load(text, NULL, &config, &err) < 0)
			fail_msg("%s: %s", text, err.msg);
		assert_string_equal(config.server, "https://127.0.0.1:6443");
		assert_string_equal(config.namespace, "default");
		assert_text(config.ca, table[i].ca);
		assert_text(config.cert, table[i].cert);
		assert_text(config.key, table[i].key);
		assert_text(config.token, table[i].token);
		assert_text(config.tls_server_name, table[i].name);
		assert_int_equal(config.insecure, table[i].insecure);
		kubeconfig_done(&config);
	}
}

static void bad_users_and_clusters(void **state)
{
	static const struct {
		const char *cluster, *user, *message;
	} table[] = {
		{ "", "", "cluster \"c\" has no server" },
		{ "server: 17", "", "cluster \"c\": server is not a string" },
		{ SERVER ", proxy-url: 'http://p'", "",
		  "cluster \"c\": proxy-url is not supported" },
		{ SERVER ", certificate-authority: nowhere.pem", "",
		  "cluster \"c\": certificate-authority: cannot open" },
		{ SERVER ", certificate-authority-data: '*'", "",
		  "cluster \"c\": certificate-authority-data is not base64" },
		{ SERVER ", certificate-authority: ca.pem, insecure-skip-tls-verify: true", "",
		  "exclude each other" },
		{ SERVER ", insecure-skip-tls-verify: maybe", "",
		  "insecure-skip-tls-verify is not true or false" },
		{ SERVER, "exec: {command: aws}",
		  "user \"u\": credential plugins (exec) are not supported" },
		{ SERVER, "auth-provider: {name: gcp}", "user \"u\": auth-provider is not" },
		{ SERVER, "username: a, password: b", "basic authentication is not supported" },
		{ SERVER, "token: t, as: root", "impersonation is not supported" },
		{ SERVER, "client-certificate: cert.pem",
		  "user \"u\" has a client certificate but no client-key" },
		{ SERVER, "client-key: key.pem",
		  "user \"u\" has a client key but no client-certificate" },
		{ SERVER, "tokenFile: nowhere", "user \"u\": cannot open" },
		{ SERVER, "tokenFile: empty", "empty: the token is empty" },
		{ SERVER, "tokenFile: bad-token", "the token has blanks" },
		{ SERVER, "token: \"a\\r\\nX-Evil: 1\"", "the token has blanks" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		auto_free char *text = config_of(table[i].cluster, table[i].user);
		struct kubeconfig config = { 0 };
		struct err err = { 0 };

		assert_true(load(text, NULL, &config, &err) < 0);
		if (!strstr(err.msg, table[i].message) || !strstr(err.msg, folder))
			fail_msg("%s: \"%s\" does not say \"%s\"", text, err.msg, table[i].message);
	}
}

static void bad_files(void **state)
{
	static const struct {
		const char *text, *context, *message;
	} table[] = {
		{ "", NULL, "not a kubeconfig" },
		{ "[1]", NULL, "not a kubeconfig" },
		{ "kind: Pod\n", NULL, "not a kubeconfig: its kind is \"Pod\"" },
		{ "kind: Config\n", NULL, "no current-context is set" },
		{ "kind: Config\n", "here", "there is no context \"here\" in \"contexts\"" },
		{ "current-context: x\ncontexts: [{name: x, context: {user: u}}]\n", NULL,
		  "context \"x\" names no cluster" },
		{ "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n", NULL,
		  "context \"x\": there is no cluster \"c\" in \"clusters\"" },
		{ "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
		  "clusters: [{name: c, cluster: {server: 'http://h'}}]\n",
		  NULL, "context \"x\": there is no user \"u\" in \"users\"" },
		{ "current-context: x\ncontexts: 5\n", NULL, "there is no context \"x\"" },
		{ "a:\n\tb: 1\n", NULL, "config:2:1:" },
		{ "{\"kind\": ", NULL, "config:" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct kubeconfig config = { 0 };
		struct err err = { 0 };

		assert_true(load(table[i].text, table[i].context, &config, &err) < 0);
		if (!strstr(err.msg, table[i].message))
			fail_msg("%s: \"%s\" does not say \"%s\"", table[i].text, err.msg,
			         table[i].message);
	}
}

static void missing_file(void **state)
{
	struct kubeconfig config = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(kubeconfig_load("/nowhere/config", NULL, &config, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nowhere/config"));
}

static void other_context(void **state)
{
	static const char text[] =
		"current-context: a\nclusters: [{name: c, cluster: {server: 'http://c'}}, {name: d, "
		"cluster: {server: 'http://d'}}]\ncontexts:\n- {name: a, context: {cluster: c}}\n"
		"- {name: b, context: {cluster: d, namespace: shop}}\n";
	struct kubeconfig config = { 0 };

	(void)state;
	assert_int_equal(load(text, "b", &config, NULL), 0);
	assert_string_equal(config.server, "http://d");
	assert_string_equal(config.namespace, "shop");
	kubeconfig_done(&config);
}

static void written_is_read(void **state)
{
	static const struct kubeconfig table[] = {
		{ .server = (char *)"unix:///run/x.sock", .namespace = (char *)"default" },
		{ .server = (char *)"https://[::1]:6443",
		  .namespace = (char *)"a b",
		  .ca = (char *)"-----BEGIN CERTIFICATE-----\nQ\n",
		  .cert = (char *)"C",
		  .key = (char *)"KK" },
		{ .server = (char *)"https://h",
		  .namespace = (char *)"default",
		  .token = (char *)"t",
		  .tls_server_name = (char *)"n",
		  .insecure = 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		auto_free char *text = kubeconfig_text(&table[i], "fair: \"lead\"");
		struct kubeconfig config = { 0 };
		struct err err = { 0 };

		if (load(text, NULL, &config, &err) < 0)
			fail_msg("%s: %s", text, err.msg);
		assert_string_equal(config.server, table[i].server);
		assert_string_equal(config.namespace, table[i].namespace);
		assert_text(config.ca, table[i].ca);
		assert_text(config.cert, table[i].cert);
		assert_text(config.key, table[i].key);
		assert_text(config.token, table[i].token);
		assert_text(config.tls_server_name, table[i].tls_server_name);
		assert_int_equal(config.insecure, table[i].insecure);
		kubeconfig_done(&config);
	}
}

static void base64_tables(void **state)
{
	static const struct {
		const char *text, *bytes; /* NULL: not base64 */
	} table[] = {
		{ "", "" },
		{ "Zg==", "f" },
		{ "Zm8=", "fo" },
		{ "Zm9v", "foo" },
		{ "Zm9v\nYmFy\r\n", "foobar" },
		{ "Zg", NULL },
		{ "Zg=", NULL },
		{ "=Zg=", NULL },
		{ "Z===", NULL },
		{ "Zm9v!", NULL },
		{ "Zm 9v", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		auto_free char *bytes = NULL;
		size_t size = 99;
		int r = base64_decode(table[i].text, &bytes, &size);

		assert_int_equal(r, table[i].bytes ? 0 : -EINVAL);
		assert_text(bytes, table[i].bytes);
		if (r == 0)
			assert_int_equal(size, strlen(table[i].bytes));
	}
}

static void server_urls(void **state)
{
	static const struct {
		const char *text;
		int r, tls;
		const char *host, *authority, *prefix, *unix_path;
		int port;
	} table[] = {
		{ "https://127.0.0.1:6443", 0, 1, "127.0.0.1", "127.0.0.1:6443", "", NULL, 6443 },
		{ "https://example", 0, 1, "example", "example", "", NULL, 443 },
		{ "http://[::1]:80/", 0, 0, "::1", "[::1]:80", "", NULL, 80 },
		{ "http://[::1]", 0, 0, "::1", "[::1]", "", NULL, 80 },
		{ "https://r/k8s/clusters/c1/", 0, 1, "r", "r", "/k8s/clusters/c1", NULL, 443 },
		{ "unix:///run/x.sock", 0, 0, NULL, NULL, "", "/run/x.sock", 0 },
		{ "unix://run", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "example:6443", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "https://", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "https://:80", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "https://h:0", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "https://h:65536", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "https://h:", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "https://[::1", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "https://[::1]x", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "https://u@h", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "https://h/a?b", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
		{ "https://h\r\nX: 1", -EINVAL, 0, NULL, NULL, NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct server_url url = { 0 };
		struct err err = { 0 };

		assert_int_equal(server_url_parse(table[i].text, &url, &err), table[i].r);
		if (table[i].r < 0) {
			assert_non_null(strstr(err.msg, "the server address"));
			continue;
		}
		assert_int_equal(url.tls, table[i].tls);
		assert_text(url.host, table[i].host);
		assert_text(url.authority, table[i].authority);
		assert_text(url.prefix, table[i].prefix);
		assert_text(url.unix_path, table[i].unix_path);
		assert_int_equal(url.port, table[i].port);
		server_url_done(&url);
	}
}

static void hosts_resolve(void **state)
{
	static const struct {
		char *host;
		const char *address;
	} table[] = {
		{ (char *)"localhost", "127.0.0.1" },
		{ (char *)"10.1.2.3", "10.1.2.3" },
		{ (char *)"fd00::1", "fd00::1" },
	};
	struct err err = { 0 };
	struct ipaddr addr;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct server_url url = { .host = table[i].host };
		char text[IPADDR_TEXT_SIZE];

		assert_int_equal(server_url_resolve(&url, &addr, NULL), 0);
		ipaddr_format(&addr, text);
		assert_string_equal(text, table[i].address);
	}
	assert_int_equal(server_url_resolve(&(struct server_url){ .host = (char *)"a..b" }, &addr,
	                                    &err),
	                 -EHOSTUNREACH);
	assert_non_null(strstr(err.msg, "a..b"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),     cmocka_unit_test(bad_users_and_clusters),
		cmocka_unit_test(bad_files),     cmocka_unit_test(missing_file),
		cmocka_unit_test(other_context), cmocka_unit_test(written_is_read),
		cmocka_unit_test(base64_tables), cmocka_unit_test(server_urls),
		cmocka_unit_test(hosts_resolve),
	};

	return cmocka_run_group_tests_name("client/kubeconfig", tests, make_folder, remove_folder);
}
