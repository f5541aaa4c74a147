/* SPDX-License-Identifier: Apache-2.0 */
#include "io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

struct post {
	struct post *next;
	loop_fn fn;
	void *arg;
};

struct loop {
	struct event_base *base;
	struct event wake; /* wake_fd is readable */
	int wake_fd;

	pthread_mutex_t lock; /* guards what follows, which other threads write */
	struct post *first;
	struct post **last;
	bool stop;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_log(int severity, const char *message)
{
	/* an EVENT_LOG_ERR is followed by exit() */
	if (severity == EVENT_LOG_ERR)
		log_err("libevent", "%s", message);
	else
		log_debug("libevent", "%s", message);
}

static void library_init(void)
{
	/* a peer that went away is an error of write(), not the end of the process */
	(void)signal(SIGPIPE, SIG_IGN);
	event_set_log_callback(library_log);
	(void)evthread_use_pthreads();
}

/* Takes all that was posted so far: what is posted meanwhile waits for the next turn. */
static struct post *take_posts(struct loop *loop, bool *ret_stop)
{
	struct post *first;

	pthread_mutex_lock(&loop->lock);
	first = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	*ret_stop = loop->stop;
	loop->stop = false;
	pthread_mutex_unlock(&loop->lock);
	return first;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct post *post, *next;
	uint64_t count;
	bool stop;

	(void)what;
	/* before the queue is taken, so that a post in between wakes the loop again */
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_err("loop", "cannot read the wake-up descriptor: %m");
	post = take_posts(loop, &stop);
	for (; post; post = next) {
		next = post->next;
		post->fn(post->arg);
		free(post);
	}
	if (stop)
		(void)event_base_loopexit(loop->base, NULL);
}

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (!config)
		return NULL;
	/*
	 * A timer of a millisecond means that, not a tick of the coarse clock (4 ms).  Changes for
	 * epoll are collected over a turn: half of evhttp's four a request cancel out.
	 */
	if (event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER |
	                                          EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct loop *loop_new(void)
{
	struct loop *loop = xnew(struct loop);

	(void)pthread_once(&library_once, library_init);
	loop->base = new_base();
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!loop->base || loop->wake_fd < 0) {
		/* the two or three descriptors of a role's loop: nothing works without them */
		log_err("loop", "cannot make an event loop: %m; giving up");
		abort();
	}
	(void)pthread_mutex_init(&loop->lock, NULL);
	loop->last = &loop->first;
	(void)event_assign(&loop->wake, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake,
	                   loop);
	(void)event_add(&loop->wake, NULL);
	return loop;
}

void loop_free(struct loop *loop)
{
	struct post *post, *next;
	bool stop;

	if (!loop)
		return;
	for (post = take_posts(loop, &stop); post; post = next) {
		next = post->next;
		free(post);
	}
	(void)event_del(&loop->wake);
	event_base_free(loop->base);
	(void)close(loop->wake_fd);
	(void)pthread_mutex_destroy(&loop->lock);
	free(loop);
}

void loop_run(struct loop *loop)
{
	(void)event_base_dispatch(loop->base);
}

static void wake(struct loop *loop)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, so that the loop is awake already */
	if (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_err("loop", "cannot wake an event loop: %m");
}

void loop_stop(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stop = true;
	/* under the lock: once the loop has seen 'stop', its owner may free it */
	wake(loop);
	pthread_mutex_unlock(&loop->lock);
}

void loop_post(struct loop *loop, loop_fn fn, void *arg)
{
	struct post *post = xnew(struct post);

	post->fn = fn;
	post->arg = arg;
	pthread_mutex_lock(&loop->lock);
	if (!loop->first)
		wake(loop);
	*loop->last = post;
	loop->last = &post->next;
	pthread_mutex_unlock(&loop->lock);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

struct timer {
	struct event event;
	struct loop *loop;
	loop_fn fn;
	void *arg;
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *timer = arg;

	(void)fd;
	(void)what;
	timer->fn(timer->arg); /* may free the timer */
}

struct timer *timer_new(struct loop *loop, loop_fn fn, void *arg)
{
	struct timer *timer = xnew(struct timer);

	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	(void)event_assign(&timer->event, loop->base, -1, 0, on_timer, timer);
	return timer;
}

void timer_free(struct timer *timer)
{
	if (!timer)
		return;
	(void)event_del(&timer->event);
	free(timer);
}

static void timer_start(struct timer *timer, int64_t delay_ns, short flags)
{
	/* rounded up: a timer never fires early */
	int64_t us = delay_ns > 0 ? (delay_ns + 999) / 1000 : 0;
	struct timeval tv = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 };

	(void)event_del(&timer->event);
	(void)event_assign(&timer->event, timer->loop->base, -1, flags, on_timer, timer);
	(void)event_add(&timer->event, &tv);
}

void timer_once(struct timer *timer, int64_t delay_ns)
{
	timer_start(timer, delay_ns, 0);
}

void timer_every(struct timer *timer, int64_t period_ns)
{
	timer_start(timer, period_ns, EV_PERSIST);
}

void timer_stop(struct timer *timer)
{
	(void)event_del(&timer->event);
}

bool timer_pending(const struct timer *timer)
{
	return event_pending(&timer->event, EV_TIMEOUT, NULL) != 0;
}

/* Descriptors and signals: an event, and whom to call. */
struct fd_watch {
	struct event event;
	loop_fn fn;
	void *arg;
};

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct fd_watch *watch = arg;

	(void)fd;
	(void)what;
	watch->fn(watch->arg); /* may free the watch */
}

static struct fd_watch *watch_new(struct loop *loop, int fd, short flags, loop_fn fn, void *arg)
{
	struct fd_watch *watch = xnew(struct fd_watch);

	watch->fn = fn;
	watch->arg = arg;
	(void)event_assign(&watch->event, loop->base, fd, flags, on_fd, watch);
	(void)event_add(&watch->event, NULL);
	return watch;
}

struct fd_watch *fd_watch_new(struct loop *loop, int fd, loop_fn fn, void *arg)
{
	return watch_new(loop, fd, EV_READ | EV_PERSIST, fn, arg);
}

void fd_watch_free(struct fd_watch *watch)
{
	if (!watch)
		return;
	(void)event_del(&watch->event);
	free(watch);
}

struct signal_watch {
	struct fd_watch watch;
};

struct signal_watch *signal_watch_new(struct loop *loop, int signo, loop_fn fn, void *arg)
{
	/* libevent takes the number of a signal where else the descriptor stands */
	return (struct signal_watch *)watch_new(loop, signo, EV_SIGNAL | EV_PERSIST, fn, arg);
}

void signal_watch_free(struct signal_watch *watch)
{
	fd_watch_free((struct fd_watch *)watch);
}
