/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept - which form of an answer a client takes: its Accept header against what we offer.
 *
 * Media ranges count by their q, then in the order given (RFC 9110 12.5.1); those with an "as"
 * parameter ask for a converted form (Kubernetes' "as=Table;v=v1;g=meta.k8s.io").
 */
#pragma once

enum accept {
	ACCEPT_NONE = 0,       /* 406 */
	ACCEPT_JSON = 1 << 0,  /* always offered */
	ACCEPT_TABLE = 1 << 1, /* a Table of meta.k8s.io/v1 */
	ACCEPT_YAML = 1 << 3,
	ACCEPT_DISCOVERY = 1 << 2, /* an APIGroupDiscoveryList of apidiscovery.k8s.io/v2 */
};

/* The best of 'offered' (bits of enum accept); 'header' NULL or "" takes JSON. */
enum accept accept_choose(const char *header, unsigned int offered);
