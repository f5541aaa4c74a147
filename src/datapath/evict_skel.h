/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evict_skel - the eBPF object of evict as bpftool embeds it; its code does not pass our warnings.
 */
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wmissing-declarations"
#include "evict.skel.h"
#pragma GCC diagnostic pop
