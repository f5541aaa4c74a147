/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - keeps the bits that spare connections to no frontend the look-up (struct filter).
 *
 * Several frontends may share a bit, so they are counted.
 */
#pragma once

struct datapath;
struct frontend;

/* Before the frontend is set in the kernel, and after it was deleted there. */
void filter_add(struct datapath *dp, const struct frontend *frontend);
void filter_remove(struct datapath *dp, const struct frontend *frontend);

/* All frontends of an earlier process were added: bits of others go. */
void filter_adopted(struct datapath *dp);
