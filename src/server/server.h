/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server - the Kubernetes-compatible API over the store: HTTPS for kubectl, a Unix socket for the
 * roles of the same process.
 *
 * The first start makes a CA, a server certificate, an admin client certificate and
 * 'admin.kubeconfig' (mode 0600) in the data directory; later starts use them again.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "io/loop.h"

struct server;

struct server_config {
	const char *data_dir;
	struct ipaddr listen;                  /* family 0: 127.0.0.1 */
	uint16_t port;                         /* 0: 6443 */
	const char *service_cidr;              /* NULL: 10.96.0.0/16; one or two, comma-separated */
	uint16_t node_port_min, node_port_max; /* 0: 30000, 32767 */
	const char *const
		*tls_sans; /* further names of the server certificate; NULL-terminated, or NULL */
	const char *token_auth_file; /* token,user,uid,"group1,group2" a line; NULL: none */
};

#define SERVER_SOCKET_NAME     "server.sock"      /* in the data directory */
#define SERVER_KUBECONFIG_NAME "admin.kubeconfig" /* likewise */
#define SERVER_CA_NAME         "pki/ca.crt"       /* likewise */

/* Opens the store, makes what is missing, listens.  Serves once 'loop' runs. */
int server_new(struct loop *loop, const struct server_config *config, struct server **ret,
               struct err *err);

/*
 * Ends watches, answers what is under way and lets the answers go out (in the loop, which this runs for
 * up to five seconds), closes the store.
 */
void server_free(struct server *server);
