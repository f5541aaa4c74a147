/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host - what the machine offers: the cgroup v2 hierarchy, a bpffs, the rights to load programs.
 *
 * The errors name what is missing and the command that brings it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The mount point of the cgroup v2 hierarchy's root (heap); -ENOENT.  On hybrid systems it is not
 * /sys/fs/cgroup.
 */
int host_cgroup_root(char **ret_path, struct err *err);

/* Opens the folder 'path' of a cgroup v2 hierarchy (NULL: its root); returns the descriptor. */
int host_cgroup_open(const char *path, struct err *err);

/* True if 'path' exists and is on a bpffs. */
bool host_on_bpffs(const char *path);

/*
 * Makes the folder 'dir' on a bpffs; one is mounted on /sys/fs/bpf if 'dir' is below it, else on
 * 'dir'.
 */
int host_bpffs_folder(const char *dir, struct err *err);

/* Tries whether programs of our kind can be loaded: -EPERM, -EOPNOTSUPP, and says what to do. */
int host_check_bpf(struct err *err);

/* True if bpf_set_retval() can be called where a socket connects (6.1). */
bool host_has_set_retval(void);

/* The cookie of the calling thread's network namespace. */
int host_netns_cookie(uint64_t *ret_cookie, struct err *err);
