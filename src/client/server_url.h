/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_url - the "server" of a kubeconfig taken apart: "https://10.0.0.1:6443",
 * "http://[::1]:8080/k8s/c1", "unix:///run/fairlead/server.sock".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipaddr.h"

struct server_url {
	bool tls;
	char *unix_path; /* NULL: TCP, with the following */
	char *host;      /* name or address, without brackets */
	char *authority; /* the Host header: host and port as written */
	uint16_t port;   /* 443 or 80 where none is written */
	char *prefix;    /* path all requests begin with, without a slash at its end; "" mostly */
};

/* -EINVAL: not such a URL. */
int server_url_parse(const char *text, struct server_url *ret, struct err *err);
void server_url_done(struct server_url *url);

/*
 * The address of the host; a name other than "localhost" is asked for through getaddrinfo(), which
 * blocks.  -EHOSTUNREACH: there is no such name, or nobody could tell.
 */
int server_url_resolve(const struct server_url *url, struct ipaddr *ret, struct err *err);
