/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"

#define THREADS 4
#define POSTS   5000

struct poster {
	struct loop *loop;
	int thread;
	int *last;  /* of the thread, in the loop's thread: its latest number */
	int *total; /* likewise of all */
};

struct message {
	struct poster *poster;
	int number;
};

static void on_message(void *arg)
{
	struct message *message = arg;
	struct poster *poster = message->poster;

	assert_int_equal(message->number, *poster->last + 1); /* in order */
	*poster->last = message->number;
	if (++*poster->total == THREADS * POSTS)
		loop_stop(poster->loop);
	free(message);
}

static void *post_many(void *arg)
{
	struct poster *poster = arg;

	for (int i = 1; i <= POSTS; i++) {
		struct message *message = xnew(struct message);

		message->poster = poster;
		message->number = i;
		loop_post(poster->loop, on_message, message);
	}
	return NULL;
}

static void posts_from_threads(void **state)
{
	struct loop *loop = loop_new();
	struct poster posters[THREADS];
	pthread_t threads[THREADS];
	int last[THREADS] = { 0 }, total = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		posters[i] = (struct poster){ loop, i, &last[i], &total };
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
	}
	loop_run(loop);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(total, THREADS * POSTS);
	loop_free(loop);
}

static void *stop_it(void *arg)
{
	(void)usleep(20000);
	loop_stop(arg);
	return NULL;
}

static void count(void *arg)
{
	++*(int *)arg;
}

static void stops(void **state)
{
	struct loop *loop = loop_new();
	pthread_t thread;
	int posted = 0;

	(void)state;
	/* from another thread, while it sleeps */
	assert_int_equal(pthread_create(&thread, NULL, stop_it, loop), 0);
	loop_run(loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* before it runs: what was posted is done, and it returns; then it can run again */
	loop_post(loop, count, &posted);
	loop_stop(loop);
	loop_run(loop);
	assert_int_equal(posted, 1);
	loop_post(loop, count, &posted);
	loop_stop(loop);
	loop_run(loop);
	assert_int_equal(posted, 2);
	/* posts that never ran are forgotten with it */
	loop_post(loop, count, &posted);
	loop_free(loop);
	assert_int_equal(posted, 2);
}

struct clockwork {
	struct loop *loop;
	struct timer *timer;
	int fired, stop_at;
};

static void on_timer(void *arg)
{
	struct clockwork *c = arg;

	if (++c->fired == c->stop_at)
		loop_stop(c->loop);
}

static void on_timer_free(void *arg)
{
	struct clockwork *c = arg;

	c->fired++;
	timer_free(c->timer);
	c->timer = NULL;
	loop_stop(c->loop);
}

static void on_timer_again(void *arg)
{
	struct clockwork *c = arg;

	assert_false(timer_pending(c->timer));
	if (++c->fired < c->stop_at)
		timer_once(c->timer, NSEC_PER_MSEC);
	else
		loop_stop(c->loop);
}

static void timers(void **state)
{
	struct loop *loop = loop_new();
	struct clockwork c = { .loop = loop, .stop_at = 1 };
	int64_t start;

	(void)state;
	timer_free(NULL);
	c.timer = timer_new(loop, on_timer, &c);
	assert_false(timer_pending(c.timer));
	start = clock_now();
	timer_once(c.timer, 30 * NSEC_PER_MSEC);
	assert_true(timer_pending(c.timer));
	loop_run(loop);
	assert_int_equal(c.fired, 1);
	assert_false(timer_pending(c.timer));
	assert_true(clock_now() - start >= 30 * NSEC_PER_MSEC);

	c = (struct clockwork){ loop, c.timer, 0, 5 };
	start = clock_now();
	timer_every(c.timer, 4 * NSEC_PER_MSEC);
	loop_run(loop);
	assert_int_equal(c.fired, 5);
	assert_true(clock_now() - start >= 20 * NSEC_PER_MSEC);
	assert_true(timer_pending(c.timer));
	timer_stop(c.timer);
	assert_false(timer_pending(c.timer));

	/* a later start replaces an earlier one; no delay is the next turn */
	c = (struct clockwork){ loop, c.timer, 0, 1 };
	timer_every(c.timer, 3600 * NSEC_PER_SEC);
	timer_once(c.timer, 0);
	loop_run(loop);
	assert_false(timer_pending(c.timer));
	timer_free(c.timer);

	c = (struct clockwork){ loop, NULL, 0, 3 };
	c.timer = timer_new(loop, on_timer_again, &c);
	timer_once(c.timer, -1);
	loop_run(loop);
	assert_int_equal(c.fired, 3);
	timer_free(c.timer);

	for (int every = 0; every < 2; every++) {
		c = (struct clockwork){ .loop = loop };
		c.timer = timer_new(loop, on_timer_free, &c);
		if (every)
			timer_every(c.timer, NSEC_PER_MSEC);
		else
			timer_once(c.timer, NSEC_PER_MSEC);
		loop_run(loop);
		assert_int_equal(c.fired, 1);
	}
	loop_free(loop);
}

struct pipe_reader {
	struct loop *loop;
	struct fd_watch *watch;
	int fd, reads;
};

static void on_pipe(void *arg)
{
	struct pipe_reader *p = arg;
	char c;

	assert_int_equal(read(p->fd, &c, 1), 1);
	if (++p->reads < 3)
		return;
	fd_watch_free(p->watch);
	p->watch = NULL;
	loop_stop(p->loop);
}

static void watches_descriptors(void **state)
{
	struct loop *loop = loop_new();
	struct pipe_reader p = { .loop = loop };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	p.fd = fds[0];
	p.watch = fd_watch_new(loop, fds[0], on_pipe, &p);
	assert_int_equal(write(fds[1], "abcdef", 6), 6);
	loop_run(loop);
	assert_int_equal(p.reads, 3);
	(void)close(fds[0]);
	(void)close(fds[1]);
	loop_free(loop);
}

static void watches_signals(void **state)
{
	struct loop *loop = loop_new();
	struct clockwork c = { .loop = loop, .stop_at = 1 };
	struct signal_watch *watch = signal_watch_new(loop, SIGUSR1, on_timer, &c);

	(void)state;
	assert_int_equal(raise(SIGUSR1), 0);
	loop_run(loop);
	assert_int_equal(c.fired, 1);
	signal_watch_free(watch);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posts_from_threads),
		cmocka_unit_test(stops),
		cmocka_unit_test(timers),
		cmocka_unit_test(watches_descriptors),
		cmocka_unit_test(watches_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
