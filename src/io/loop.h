/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop - the event loop of one role, over libevent.
 *
 * A role (server, controllers, agent, a CLI command) owns one loop and runs it in one thread; all
 * its state is touched from there only.  Other threads reach it through loop_post() and loop_stop(),
 * the only two calls that are safe from outside.
 *
 * The first loop of a process sets SIGPIPE to be ignored and sends libevent's messages to the log.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct event_base;
typedef void (*loop_fn)(void *arg);

struct loop *loop_new(void);

/* What was posted and has not run is forgotten.  All that lives in the loop is freed before it. */
void loop_free(struct loop *loop);

/* Runs until loop_stop(), which may have come before; may be called again afterwards. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* any thread; the turn under way is finished */

/* Calls 'fn' in the loop's thread, in order of posting.  Any thread. */
void loop_post(struct loop *loop, loop_fn fn, void *arg);
struct event_base *loop_base(struct loop *loop);

/* A timer, once or again and again; not started when made.  Never early, of the monotonic clock. */
struct timer;
struct timer *timer_new(struct loop *loop, loop_fn fn, void *arg);
void timer_free(struct timer *timer); /* NULL allowed; also from its own 'fn' */
void timer_once(struct timer *timer, int64_t delay_ns);
void timer_every(struct timer *timer, int64_t period_ns);
void timer_stop(struct timer *timer);
bool timer_pending(const struct timer *timer);

/*
 * Calls 'fn' whenever 'fd' (the caller's) is readable.  Free the watch before closing 'fd', and let
 * 'fd' have no dup() that outlives it: epoll would go on reporting.
 */
struct fd_watch;
struct fd_watch *fd_watch_new(struct loop *loop, int fd, loop_fn fn, void *arg);
void fd_watch_free(struct fd_watch *watch); /* NULL allowed; also from its own 'fn' */

/* Calls 'fn' on a signal, in the loop's thread.  One loop of the process only. */
struct signal_watch;
struct signal_watch *signal_watch_new(struct loop *loop, int signo, loop_fn fn, void *arg);
void signal_watch_free(struct signal_watch *watch); /* NULL allowed */
