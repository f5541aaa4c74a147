/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace_defaults - what every active namespace has: the ServiceAccount "default" and the ConfigMap
 * "kube-root-ca.crt" with the CA that signed the API server's certificate (Kubernetes' serviceaccounts
 * and root-ca-certificate-publisher controllers).  Deleted or changed, they come back.
 */
#pragma once

#include "client/client.h"

struct namespace_defaults;

/* 'root_ca' is PEM text, copied; NULL: it is not known, and no ConfigMap is made. */
struct namespace_defaults *namespace_defaults_new(struct client *client, const char *root_ca);
void namespace_defaults_free(struct namespace_defaults *controller);
