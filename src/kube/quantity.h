/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quantity - amounts of resources, "500m", "2Gi", "1e3" (apimachinery resource.Quantity).
 *
 * Exact to a billionth, finer is rounded up; more than fits into 63 bits counts as just that.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

#define QUANTITY_TEXT_SIZE 32

enum quantity_format {
	QUANTITY_DECIMAL,  /* "500m", "2G" */
	QUANTITY_BINARY,   /* "2Gi" */
	QUANTITY_EXPONENT, /* "2e9" */
};

struct quantity {
	__int128 nano; /* billionths */
	enum quantity_format format;
};

/* -EBADMSG with Kubernetes' text if it is none. */
int quantity_parse(const char *text, struct quantity *ret, struct err *err)
	__attribute__((warn_unused_result));

/* Up to thousandths, as lists of resources are kept; false if it is more than can be told. */
bool quantity_round(struct quantity *q);

/* The one text Kubernetes has for the amount: "1000m" becomes "1". */
void quantity_format(const struct quantity *q, char ret_text[static QUANTITY_TEXT_SIZE]);
