/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control - the controllers.  Each is a client of the API: it watches, computes, writes.
 */
#pragma once

#include "client/client.h"

struct control;

struct control_config {
	/*
	 * PEM text of the CA that signed the API server's certificate, for Pods to know it by
	 * (kube-root-ca.crt); copied.  NULL: not known, none is published.
	 */
	const char *root_ca;
};

/* Starts all controllers on 'client' (borrowed). */
struct control *control_new(struct client *client, const struct control_config *config);
void control_free(struct control *control);
