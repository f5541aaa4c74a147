/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pki.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/tls.h"
#include "server/server.h"

#define PEM_MAX     (64 << 10)
#define SANS_MAX    64
#define HOST_SIZE   256
#define ISSUED_DAYS 365
#define RENEW_DAYS  30

/* The subjectAltNames of the server certificate. */
struct sans {
	char *list[SANS_MAX + 1]; /* owned, NULL-terminated */
	size_t n;
};

static void sans_done(struct sans *sans)
{
	for (size_t i = 0; i < sans->n; i++)
		free(sans->list[i]);
}

static void sans_add(struct sans *sans, const char *name)
{
	for (size_t i = 0; i < sans->n; i++)
		if (strcmp(sans->list[i], name) == 0)
			return;
	if (sans->n < SANS_MAX)
		sans->list[sans->n++] = xstrdup(name);
}

static void sans_add_addr(struct sans *sans, const struct ipaddr *addr)
{
	char text[IPADDR_TEXT_SIZE];

	if (addr->family == 0 || ipaddr_is_unspecified(addr))
		return;
	ipaddr_format(addr, text);
	sans_add(sans, text);
}

static int sans_collect(const struct pki_request *request, struct sans *ret, struct err *err)
{
	static const char *const always[] = {
		"localhost",
		"kubernetes",
		"kubernetes.default",
		"kubernetes.default.svc",
		"kubernetes.default.svc.cluster.local",
		"127.0.0.1",
		"::1",
	};
	char host[HOST_SIZE] = "";
	struct sans sans = { 0 };
	const char *const *more = request->tls_sans;

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		sans_add(&sans, always[i]);
	if (gethostname(host, sizeof(host) - 1) == 0 && host[0])
		sans_add(&sans, host);
	sans_add_addr(&sans, &request->listen);
	sans_add_addr(&sans, &request->service_ip);
	for (; more && *more; more++)
		sans_add(&sans, *more);
	if (sans.n == SANS_MAX) {
		sans_done(&sans);
		return err_set(err, -E2BIG, "more than %d names for the server certificate",
		               SANS_MAX - 1);
	}
	*ret = sans;
	return 0;
}

static char *pki_path(const char *data_dir, const char *name, const char *suffix)
{
	return xasprintf("%s/pki/%s%s", data_dir, name, suffix);
}

/* Reads NAME.crt and NAME.key; -ENOENT if either is missing. */
static int identity_read(const char *data_dir, const char *name, struct tls_identity *ret,
                         struct err *err)
{
	auto_free char *cert_path = pki_path(data_dir, name, ".crt");
	auto_free char *key_path = pki_path(data_dir, name, ".key");
	auto_free char *cert = NULL;
	int r;

	if (access(cert_path, F_OK) < 0 || access(key_path, F_OK) < 0)
		return -ENOENT;
	r = file_read(cert_path, PEM_MAX, &cert, NULL, err);
	if (r < 0)
		return r;
	r = file_read(key_path, PEM_MAX, &ret->key, NULL, err);
	if (r < 0)
		return r;
	ret->cert = take_ptr(&cert);
	return 0;
}

/* The key first: a certificate without its key would be taken for the pair being there. */
static int identity_write(const char *data_dir, const char *name,
                          const struct tls_identity *identity, struct err *err)
{
	auto_free char *cert_path = pki_path(data_dir, name, ".crt");
	auto_free char *key_path = pki_path(data_dir, name, ".key");
	int r;

	(void)unlink(cert_path);
	r = file_write(key_path, identity->key, strlen(identity->key), 0600, err);
	if (r < 0)
		return r;
	return file_write(cert_path, identity->cert, strlen(identity->cert), 0644, err);
}

static int ca_setup(const char *data_dir, struct tls_identity *ret, struct err *err)
{
	auto_free char *cert_path = pki_path(data_dir, "ca", ".crt");
	auto_free char *key_path = pki_path(data_dir, "ca", ".key");
	int r;

	r = identity_read(data_dir, "ca", ret, err);
	if (r != -ENOENT)
		return r;
	/* Half a CA: clients out there trust the other half, so that is not for us to replace. */
	if (access(cert_path, F_OK) == 0)
		return err_set(err, -ENOENT,
		               "%s is there but its key %s is not; put the key back, or remove "
		               "the pki folder to make a new CA",
		               cert_path, key_path);
	r = tls_make_ca("fairlead-ca", ret, err);
	if (r < 0)
		return r;
	r = identity_write(data_dir, "ca", ret, err);
	if (r < 0)
		tls_identity_done(ret);
	return r;
}

/* True if NAME's certificate is still good, and says what 'names' (its own list, or NULL) says. */
static bool still_good(const char *data_dir, const char *name, const char *names,
                       const struct tls_identity *identity)
{
	auto_free char *names_path = pki_path(data_dir, name, ".names");
	auto_free char *issued_for = NULL;
	int days;

	if (tls_cert_days_left(identity->cert, &days, NULL) < 0 || days < RENEW_DAYS)
		return false;
	if (!names)
		return true;
	return file_read(names_path, PEM_MAX, &issued_for, NULL, NULL) == 0 &&
	       strcmp(issued_for, names) == 0;
}

/* Reads or issues an identity; what it was issued for is noted in NAME.names. */
static int identity_setup(const char *data_dir, const char *name, const struct tls_identity *ca,
                          const struct tls_cert_request *request, struct tls_identity *ret,
                          struct err *err)
{
	auto_free char *names_path = pki_path(data_dir, name, ".names");
	auto_buf struct buf names = BUF_INIT;
	int r;

	for (const char *const *san = request->names; san && *san; san++)
		buf_printf(&names, "%s\n", *san);
	r = identity_read(data_dir, name, ret, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && still_good(data_dir, name, request->names ? buf_str(&names) : NULL, ret))
		return 0;
	if (r == 0)
		tls_identity_done(ret);
	r = tls_issue(ca, request, ret, err);
	if (r < 0)
		return err_wrap(err, r, "certificate \"%s\"", name);
	r = identity_write(data_dir, name, ret, err);
	if (r == 0 && request->names)
		r = file_write(names_path, buf_str(&names), names.n, 0644, err);
	if (r < 0)
		tls_identity_done(ret);
	return r;
}

static void add_base64(struct buf *b, const char *key, const char *text)
{
	size_t n = strlen(text);
	auto_free unsigned char *out = xmalloc(n / 3 * 4 + 5);

	(void)EVP_EncodeBlock(out, (const unsigned char *)text, (int)n);
	buf_printf(b, "    %s: %s\n", key, (const char *)out);
}

static int kubeconfig_write(const struct pki_request *request, const struct tls_identity *ca,
                            const struct tls_identity *admin, struct err *err)
{
	auto_free char *path = xasprintf("%s/%s", request->data_dir, SERVER_KUBECONFIG_NAME);
	auto_buf struct buf b = BUF_INIT;
	char address[IPADDR_TEXT_SIZE + 8];
	struct ipaddr addr = request->listen;

	if (ipaddr_is_unspecified(&addr))
		(void)ipaddr_parse(addr.family == 6 ? "::1" : "127.0.0.1", &addr);
	ipaddr_format_hostport(&addr, request->port, address);
	buf_printf(&b,
	           "apiVersion: v1\nkind: Config\nclusters:\n- name: fairlead\n  cluster:\n"
	           "    server: https://%s\n",
	           address);
	add_base64(&b, "certificate-authority-data", ca->cert);
	buf_adds(&b, "users:\n- name: admin\n  user:\n");
	add_base64(&b, "client-certificate-data", admin->cert);
	add_base64(&b, "client-key-data", admin->key);
	buf_adds(&b, "contexts:\n- name: fairlead\n  context:\n    cluster: fairlead\n"
	             "    user: admin\ncurrent-context: fairlead\n");
	return file_write(path, b.p, b.n, 0600, err);
}

/* The admin's certificate and the server's, under a CA that is there; '*ctx' NULL: a new one. */
static int issue_all(const struct pki_request *request, const struct tls_identity *ca,
                     const struct sans *sans, SSL_CTX **ctx, struct err *err)
{
	static const char *const masters[] = { "system:masters", NULL };
	const struct tls_cert_request for_admin = {
		.common_name = "admin",
		.organizations = masters,
		.days = ISSUED_DAYS,
	};
	const struct tls_cert_request for_server = {
		.common_name = "fairlead-server",
		.names = (const char *const *)sans->list,
		.server = 1,
		.days = ISSUED_DAYS,
	};
	struct tls_identity admin = { 0 }, server = { 0 };
	struct tls_pems pems;
	int r;

	r = identity_setup(request->data_dir, "admin", ca, &for_admin, &admin, err);
	if (r == 0)
		r = identity_setup(request->data_dir, "server", ca, &for_server, &server, err);
	if (r == 0)
		r = kubeconfig_write(request, ca, &admin, err);
	pems = (struct tls_pems){ ca->cert, server.cert, server.key };
	if (r == 0)
		r = *ctx ? tls_server_renew(*ctx, &pems, err) : tls_server_new(&pems, ctx, err);
	tls_identity_done(&admin);
	tls_identity_done(&server);
	return r;
}

static int setup(const struct pki_request *request, SSL_CTX **ctx, struct err *err)
{
	auto_free char *folder = xasprintf("%s/pki", request->data_dir);
	struct tls_identity ca = { 0 };
	struct sans sans = { 0 };
	int r;

	r = file_mkdirs(folder, 0700, err);
	if (r < 0)
		return r;
	r = sans_collect(request, &sans, err);
	if (r < 0)
		return r;
	r = ca_setup(request->data_dir, &ca, err);
	if (r == 0)
		r = issue_all(request, &ca, &sans, ctx, err);
	tls_identity_done(&ca);
	sans_done(&sans);
	return r;
}

int pki_setup(const struct pki_request *request, SSL_CTX **ret_ctx, struct err *err)
{
	SSL_CTX *ctx = NULL;
	int r = setup(request, &ctx, err);

	if (r == 0)
		*ret_ctx = ctx;
	return r;
}

int pki_renew(const struct pki_request *request, SSL_CTX *ctx, struct err *err)
{
	return setup(request, &ctx, err);
}
