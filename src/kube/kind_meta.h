/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kind_meta - what the kinds do alike with metadata and status on the way in.
 */
#pragma once

#include <jansson.h>

#include "kube/kind.h"

/*
 * The part of 'prepare' all kinds share: of metadata what clients cannot set is dropped (create) or
 * taken from 'old' (update); KIND_UPDATE takes the status of 'old'; KIND_UPDATE_STATUS takes all
 * but metadata and status from it.  What becomes of a created object's status is its kind's to say.
 */
void kind_meta_prepare(json_t *object, const json_t *old, enum kind_write write);
