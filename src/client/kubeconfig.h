/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig - where the API is and who we are, from a kubeconfig file (client-go clientcmd v1).
 */
#pragma once

#include "base/err.h"

struct kubeconfig {
	char *server;          /* "https://127.0.0.1:6443", "http://..", "unix:///run/x.sock" */
	char *namespace;       /* of the context; "default" if none */
	char *ca, *cert, *key; /* PEM text or NULL (from *-data or the files named) */
	char *token;           /* or NULL; from token or tokenFile */
	char *token_file;      /* path, or NULL: a client reads it anew, tokens in it are rotated */
	char *tls_server_name; /* or NULL */
	int insecure;          /* insecure-skip-tls-verify */
};

void kubeconfig_done(struct kubeconfig *config);

/*
 * The current context (or 'context' if not NULL) of the file at 'path'.  Files it names are relative to
 * its folder.  -EINVAL: something is missing, odd or not supported (exec plugins, auth providers, basic
 * auth, proxies, impersonation), and the message names the file and the part.
 */
int kubeconfig_load(const char *path, const char *context, struct kubeconfig *ret, struct err *err);

/* The bearer token in the file at 'path', without the blanks around it; heap. */
int kubeconfig_read_token(const char *path, char **ret, struct err *err);

/* The text of a kubeconfig with one cluster, user and context named 'name', PEMs embedded; heap. */
char *kubeconfig_text(const struct kubeconfig *config, const char *name);
