/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skel - the eBPF object as bpftool embeds it; its code does not pass our warnings.
 */
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wmissing-declarations"
#include "sock.skel.h"
#pragma GCC diagnostic pop
