/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept - which form of an answer a client takes: its Accept header against what we offer.
 *
 * Media ranges count by their q, then the more specific ones, then in the order given; those with
 * an "as" parameter ask for a converted form (Kubernetes' "as=Table;v=v1;g=meta.k8s.io"), see
 * apiserver's endpoints/handlers/negotiation.
 */
#pragma once

#include <stdbool.h>

enum accept_as {
	ACCEPT_OBJECT = 0,             /* as it is; always offered */
	ACCEPT_TABLE = 1 << 0,         /* a Table of meta.k8s.io */
	ACCEPT_METADATA = 1 << 1,      /* a PartialObjectMetadata of meta.k8s.io */
	ACCEPT_METADATA_LIST = 1 << 2, /* a PartialObjectMetadataList of meta.k8s.io */
	ACCEPT_DISCOVERY = 1 << 3,     /* an APIGroupDiscoveryList of apidiscovery.k8s.io/v2 */
};

#define ACCEPT_NO_YAML (1U << 8) /* in 'offered': JSON only, as of watches */

struct accept {
	enum accept_as as;
	bool beta; /* meta.k8s.io/v1beta1 instead of v1 */
	bool yaml;
	bool pretty; /* indented JSON */
};

/*
 * The best of 'offered' (bits of enum accept_as); 'header' NULL or "" takes the object as JSON.
 * -ENOTSUP: the client takes no media type of ours, -EINVAL: none with such parameters.
 */
int accept_choose(const char *header, unsigned int offered, struct accept *ret);
