/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event - what the two versions of Event share: core/v1, which is stored, and events.k8s.io/v1.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "kube/kind.h"

/* The rules of both (core/validation legacyValidateEvent); 'controller' is how errors name it. */
void event_validate(const json_t *object, const char *controller, struct field_errors *errs);
void event_row(const json_t *object, int64_t now, json_t *cells);

#define EVENT_COLUMNS 10
extern const struct table_column event_columns[EVENT_COLUMNS];
