/* SPDX-License-Identifier: Apache-2.0 */
#include "node/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/rand.h"
#include "io/tls.h"
#include "node/check.h"

#define JITTER_NS (100 * NSEC_PER_MSEC) /* at most, of the first check */

struct prober {
	struct loop *loop;
	SSL_CTX *tls; /* verifies nothing */
	unsigned int n_checks;
	struct list_node waiting; /* workers whose time has come */
};

struct probe_worker {
	struct prober *prober;
	void (*decided)(void *arg, bool ready, const char *why);
	void *arg;
	struct check_target target;
	char *path; /* of the target */
	int64_t period_ns;
	uint32_t success_threshold, failure_threshold;

	struct timer *timer; /* the next check */
	struct list_node in_waiting;
	struct check *check;
	int64_t due; /* when the last check should have started */

	bool last; /* the last result, and how many like it in a row */
	uint32_t run;
	bool ready, told;
};

/* ---- what they share ---- */

int prober_new(struct loop *loop, struct prober **ret, struct err *err)
{
	struct prober *p = xnew(struct prober);
	int r;

	r = tls_client_new(&(struct tls_pems){ 0 }, 1, &p->tls, err);
	if (r < 0) {
		free(p);
		return err_wrap(err, r, "readiness probes");
	}
	p->loop = loop;
	list_init(&p->waiting);
	*ret = p;
	return 0;
}

void prober_free(struct prober *p)
{
	if (!p)
		return;
	SSL_CTX_free(p->tls);
	free(p);
}

static void on_checked(void *arg, bool ok, const char *why);

static void start_check(struct probe_worker *w)
{
	w->prober->n_checks++;
	w->check = check_start(w->prober->loop, &w->target, on_checked, w);
}

/* A check has ended: the next in the line starts. */
static void check_ended(struct prober *p)
{
	struct probe_worker *next = list_first(&p->waiting, struct probe_worker, in_waiting);

	p->n_checks--;
	if (!next)
		return;
	list_remove(&next->in_waiting);
	start_check(next);
}

/* ---- one worker ---- */

static void on_time(void *arg)
{
	struct probe_worker *w = arg;

	w->due = clock_now();
	if (w->prober->n_checks < PROBE_CHECKS_MAX)
		start_check(w);
	else
		list_add_tail(&w->prober->waiting, &w->in_waiting);
}

/* Periods are counted from start to start; one that took longer is followed at once. */
static void schedule_next(struct probe_worker *w)
{
	int64_t left = w->due + w->period_ns - clock_now();

	timer_once(w->timer, left > 0 ? left : 0);
}

static void on_checked(void *arg, bool ok, const char *why)
{
	struct probe_worker *w = arg;

	w->check = NULL;
	check_ended(w->prober);
	schedule_next(w);
	w->run = w->run > 0 && w->last == ok ? w->run + 1 : 1;
	w->last = ok;
	if (w->run < (ok ? w->success_threshold : w->failure_threshold))
		return;
	if (w->run > UINT32_MAX / 2)
		w->run = UINT32_MAX / 2; /* only that it is large matters */
	if (w->told && w->ready == ok)
		return;
	w->told = true;
	w->ready = ok;
	w->decided(w->arg, ok, why);
}

/* A path as it may stand in a request line: nothing in it ends the line or is cut off. */
static char *request_path(const char *path)
{
	struct buf b = BUF_INIT;

	if (path[0] != '/')
		buf_addc(&b, '/');
	for (const unsigned char *p = (const unsigned char *)path; *p && *p != '#'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			buf_printf(&b, "%%%02X", *p);
		else
			buf_addc(&b, (char)*p);
	return buf_take(&b);
}

/* Zero, which an old object may have, means the least. */
static uint32_t at_least_one(uint32_t n)
{
	return n > 0 ? n : 1;
}

static int64_t first_delay(const struct probe_worker *w, int64_t delay)
{
	int64_t jitter = w->period_ns / 10 < JITTER_NS ? w->period_ns / 10 : JITTER_NS;

	if (delay < 0)
		delay = 0;
	return delay + rand_below((uint32_t)jitter + 1);
}

struct probe_worker *probe_worker_new(struct prober *prober, const struct probe_spec *spec,
                                      void (*decided)(void *arg, bool ready, const char *why),
                                      void *arg)
{
	const struct probe *probe = spec->probe;
	struct probe_worker *w = xnew(struct probe_worker);

	w->prober = prober;
	w->decided = decided;
	w->arg = arg;
	w->path = request_path(probe->path);
	w->target = (struct check_target){
		.type = probe->type,
		.addr = spec->addr,
		.port = spec->port,
		.path = w->path,
		.tls = strcmp(probe->scheme, "HTTPS") == 0 ? prober->tls : NULL,
		.timeout_ns = at_least_one(probe->timeout_s) * NSEC_PER_SEC,
	};
	w->period_ns = at_least_one(probe->period_s) * NSEC_PER_SEC;
	w->success_threshold = at_least_one(probe->success_threshold);
	w->failure_threshold = at_least_one(probe->failure_threshold);
	w->ready = spec->ready;
	list_init(&w->in_waiting);
	w->timer = timer_new(prober->loop, on_time, w);
	timer_once(w->timer, first_delay(w, spec->delay_ns));
	return w;
}

void probe_worker_free(struct probe_worker *w)
{
	if (!w)
		return;
	list_remove(&w->in_waiting);
	if (w->check) {
		check_cancel(w->check);
		check_ended(w->prober);
	}
	timer_free(w->timer);
	free(w->path);
	free(w);
}

/* ---- where it goes ---- */

static int resolve_port(const struct pod *pod, uint16_t *ret_port, struct err *err)
{
	const struct probe *probe = &pod->probe;

	if (!probe->port_name[0]) {
		if (probe->port == 0)
			return err_set(err, -EINVAL, "the readiness probe has no port");
		*ret_port = probe->port;
		return 0;
	}
	for (size_t i = 0; i < pod->n_ports; i++)
		if (strcmp(pod->ports[i].name, probe->port_name) == 0) {
			*ret_port = pod->ports[i].port;
			return 0;
		}
	return err_set(err, -EINVAL, "no container port has the name \"%s\" of the readiness probe",
	               probe->port_name);
}

int probe_resolve(const struct pod *pod, struct ipaddr *ret_addr, uint16_t *ret_port,
                  struct err *err)
{
	const char *host = pod->probe.host[0] ? pod->probe.host : pod->address;
	struct ipaddr addr;

	if (ipaddr_parse(host, &addr) < 0)
		return err_set(err, -EINVAL,
		               "the readiness probe's host \"%s\" is not an IP address", host);
	if (resolve_port(pod, ret_port, err) < 0)
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}
