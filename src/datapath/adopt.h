/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adopt - rebuilds what user space knows from the maps a process before us left.
 *
 * Reachable is what a frontend leads to; all else is free, also what that process had half done
 * when it was killed.  Every port found is an orphan until a plan confirms it.
 */
#pragma once

struct datapath;

/*
 * The pools, ports, claims and frontends of 'dp', whose maps are mapped.  Does nothing in new maps.
 */
void adopt_contents(struct datapath *dp);
