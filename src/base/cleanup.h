/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup - variables that release what they hold when they go out of scope.
 *
 *	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
 *	auto_free char *line = NULL;
 *
 * Always initialise: the release runs on every way out, also on a return before the assignment.
 * To hand the content over, take it out: 'return take_fd(&fd);'.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

#define auto_free   __attribute__((cleanup(cleanup_free)))
#define auto_close  __attribute__((cleanup(cleanup_close)))
#define auto_fclose __attribute__((cleanup(cleanup_fclose)))

/* Empties '*p' and returns what it held. */
#define take_ptr(p)                   \
	({                            \
		__auto_type p_ = (p); \
		__auto_type v_ = *p_; \
		*p_ = NULL;           \
		v_;                   \
	})

static inline int take_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}
