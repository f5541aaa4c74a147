/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - the parts of a running server, for its own modules.
 *
 * All of it is touched from the loop's thread only.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/ipaddr.h"
#include "base/list.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "store/store.h"

struct addresses;
struct admission;
struct metrics;
struct openapi;
struct token_file;

struct server {
	struct loop *loop;            /* the caller's */
	struct store *store;          /* owned, like the rest */
	struct fd_watch *store_ready; /* calls store_dispatch() */
	struct http_server *http;
	struct admission *admission;
	struct addresses *addresses;
	struct metrics *metrics;
	struct openapi *openapi;
	SSL_CTX *tls;           /* of the listener */
	struct timer *renewals; /* of the certificates */
	char *data_dir;
	char **tls_sans;           /* NULL-terminated */
	struct token_file *tokens; /* NULL: there is no such file */
	EVP_PKEY *account_key;     /* signs the tokens of ServiceAccounts */
	struct list_node watchers; /* struct watcher */
	struct timer *bookmarks;
	struct timer *backlogs; /* looks at what the watchers have not read */
	struct {
		uint64_t revision;
		json_t *object, *old;
	} event_trees;                /* of the event that was looked at last, as far as needed */
	bool backlogs_cut;            /* some were cut off: give their memory back */
	struct list_node terminating; /* struct terminating: namespaces on their way out */
	struct timer *sweeps;
	struct timer *reconciles;                     /* of the objects every cluster has */
	bool cidr_mismatch_told, cidr_not_ready_told; /* of the default ServiceCIDR, in an Event */
	bool closing;                                 /* nothing new is begun */
	struct ipaddr listen;
	uint16_t port;
};
