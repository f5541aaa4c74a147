/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names - the formats of names, label keys and label values (apimachinery util/validation).
 *
 *	struct name_errors errs = { 0 };
 *
 *	name_check_label_key(key, &errs);
 *	for (size_t i = 0; i < errs.n; i++)
 *		field_invalid_string(found, path, key, errs.list[i]);
 *
 * What is wrong is given in Kubernetes' words, one string a rule broken.  The strings are constant.
 */
#pragma once

#include <stddef.h>

#define NAME_LABEL_MAX     63  /* bytes of a DNS label, a label value, the name part of a key */
#define NAME_SUBDOMAIN_MAX 253 /* bytes of a DNS subdomain, the prefix part of a key */
#define NAME_ERRORS_MAX    4   /* rules one value can break at once */

struct name_errors {
	size_t n;
	const char *list[NAME_ERRORS_MAX];
};

/* "app", "kubernetes.io/service-name": keys of labels, annotations and selectors. */
void name_check_label_key(const char *value, struct name_errors *errs);
void name_check_label_value(const char *value, struct name_errors *errs);

/* RFC 1123, lower case. */
void name_check_dns_label(const char *value, struct name_errors *errs);
void name_check_dns_subdomain(const char *value, struct name_errors *errs);

/* A step of a path of the API: not ".", "..", and without "/" and "%". */
void name_check_path_segment(const char *value, struct name_errors *errs);

/* A key of a ConfigMap or Secret. */
void name_check_data_key(const char *value, struct name_errors *errs);
