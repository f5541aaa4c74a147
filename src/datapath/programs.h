/* SPDX-License-Identifier: Apache-2.0 */
/*
 * programs - the eBPF programs: loaded against a set of maps, attached to a cgroup by links that
 * are pinned, so that they outlive the process.
 *
 * Where a link is pinned already its program is exchanged (bpf_link_update): that is one atomic
 * step per hook, and the way a restart, an upgrade and larger maps take effect without an
 * interruption.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "datapath/maps.h"

enum program_id {
	PROGRAM_GETPEERNAME4,
	PROGRAM_GETPEERNAME6,
	PROGRAM_RECVMSG4,
	PROGRAM_RECVMSG6,
	PROGRAM_SENDMSG4,
	PROGRAM_SENDMSG6,
	PROGRAM_CONNECT4,
	PROGRAM_CONNECT6,
	PROGRAMS,
};

/* In the order they are attached: who translates comes after who translates back. */
extern const char *const program_names[PROGRAMS];

struct programs {
	int fd[PROGRAMS]; /* owned */
};

struct programs_options {
	bool no_set_retval; /* behave as on a kernel before 6.1 */
};

void programs_init(struct programs *programs);
void programs_done(struct programs *programs);

/* Loads them against 'maps', whose missing ones (fd -1) are made with 'max' elements. */
int programs_load(struct programs *programs, struct maps *maps,
                  const struct programs_options *options, struct err *err);

/*
 * Attaches or exchanges each at the cgroup; links are pinned under 'dir'/links.  'other_dir' (may be
 * NULL) is that of another layout version, whose links are taken over.
 */
int programs_attach(const struct programs *programs, const char *dir, const char *other_dir,
                    int cgroup_fd, struct err *err);

/* True if each is effective at the cgroup; otherwise 'err' names the missing one. */
bool programs_attached(const struct programs *programs, int cgroup_fd, struct err *err);

/* Detaches all that is pinned under 'dir'/links and removes the pins. */
int programs_detach(const char *dir, struct err *err);
