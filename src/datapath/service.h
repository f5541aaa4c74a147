/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service - the ports of one Service as user space knows them; see internal.h for the struct.
 */
#pragma once

struct datapath;

/* Forgets all Services, ports and claims; the kernel keeps what it has. */
void services_done(struct datapath *dp);
