/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate - checks that several kinds share, in Kubernetes' words (apimachinery util/validation,
 * core/validation).  Each appends what is wrong with the value at 'path' to 'errs'.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hmap.h"
#include "base/ipaddr.h"
#include "kube/field_error.h"
#include "kube/names.h"

/* 'check' is one of names.h. */
void validate_name(struct field_errors *errs, const char *path, const char *value,
                   void (*check)(const char *value, struct name_errors *found));

/* An IANA service name, as port names in targetPort and containers are. */
void validate_port_name(struct field_errors *errs, const char *path, const char *value);

/* A JSON number from 1 to 65535; anything else, NULL too, counts as 0. */
void validate_port(struct field_errors *errs, const char *path, const json_t *value);

/* A port number, or a string that is a port name. */
void validate_port_or_name(struct field_errors *errs, const char *path, const json_t *value);

void validate_at_least(struct field_errors *errs, const char *path, const json_t *value,
                       int64_t min);

/* "" is missing ("Required value"); 'supported' is NULL-terminated. */
void validate_one_of(struct field_errors *errs, const char *path, const char *value,
                     const char *const *supported);
void validate_protocol(struct field_errors *errs, const char *path, const char *value);

/* Keys and values of a map of labels; 'map' may be NULL. */
void validate_labels(struct field_errors *errs, const char *path, const json_t *map);

/* Strict (KEP-4858): no leading zeros, not IPv4-mapped.  True, and the address, if it is one. */
bool validate_ip(struct field_errors *errs, const char *path, const char *value,
                 struct ipaddr *ret_addr);
void validate_cidr(struct field_errors *errs, const char *path, const char *value);

/* Not unspecified, loopback, link-local or link-local multicast. */
void validate_ordinary_ip(struct field_errors *errs, const char *path, const char *value,
                          const struct ipaddr *addr);

/* True if two values say the same: missing, null and empty lists and objects are all one. */
bool validate_same(const json_t *a, const json_t *b);

/* "field is immutable" where they do not. */
void validate_immutable(struct field_errors *errs, const char *path, const json_t *now,
                        const json_t *before);

/* IPv6 in another form than RFC 5952 is taken, but may not find its equal elsewhere. */
void validate_warn_ip(json_t *warnings, const char *path, const char *value);

/* True if the JSON array 'list' (or NULL) has the string 'value'. */
bool validate_has_string(const json_t *list, const char *value);

/* What was met so far, to tell what comes twice: { 0 } is an empty one. */
struct validate_set {
	struct hmap map;
};

/* True if (text, number) was met before; remembers it.  'text' must outlive the set. */
bool validate_set_has(struct validate_set *set, const char *text, int64_t number);
void validate_set_done(struct validate_set *set);
