/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/json.h"
#include "node/catalog.h"

static struct service *service(const char *ns, const char *name)
{
	auto_json json_t *j = json_pack("{s:{s:s, s:s}, s:{s:s}}", "metadata", "namespace", ns,
	                                "name", name, "spec", "clusterIP", "10.96.0.1");

	return service_from_json(j);
}

/* 'of' is the Service's name, "" for a slice without the label. */
static struct endpoint_slice *slice(const char *ns, const char *name, const char *of)
{
	auto_json json_t *j = json_pack("{s:{s:s, s:s}, s:s}", "metadata", "namespace", ns, "name",
	                                name, "addressType", "IPv4");

	if (of[0])
		json_path_set(j, "metadata.labels", json_pack("{s:s}", LABEL_SERVICE_NAME, of));
	return endpoint_slice_from_json(j);
}

/* What changed, in order: "ns/name:SLICES", "-" instead of the number where there is no Service. */
static void expect_changed(struct catalog *c, const char *expected)
{
	auto_buf struct buf text = BUF_INIT;
	struct catalog_entry *e;

	while ((e = catalog_take_changed(c))) {
		buf_printf(&text, "%s%s/%s:", text.n ? " " : "", e->namespace, e->name);
		if (e->service)
			buf_printf(&text, "%zu", e->n_slices);
		else
			buf_addc(&text, '-');
	}
	assert_string_equal(buf_str(&text), expected);
}

static void order_does_not_matter(void **state)
{
	struct catalog c;

	(void)state;
	catalog_init(&c);
	catalog_set_slice(&c, slice("a", "web-1", "web"));
	expect_changed(&c, "");
	catalog_set_service(&c, service("a", "web"));
	expect_changed(&c, "a/web:1");
	catalog_set_slice(&c, slice("a", "web-2", "web"));
	expect_changed(&c, "a/web:2");
	catalog_done(&c);
}

static void only_the_one_concerned(void **state)
{
	struct catalog c;

	(void)state;
	catalog_init(&c);
	catalog_set_service(&c, service("a", "web"));
	catalog_set_service(&c, service("b", "web"));
	catalog_set_service(&c, service("a", "api"));
	expect_changed(&c, "a/web:0 b/web:0 a/api:0");
	assert_int_equal(c.n_services, 3);
	catalog_set_slice(&c, slice("b", "web-1", "web"));
	expect_changed(&c, "b/web:1");
	catalog_set_slice(&c, slice("b", "web-1", "web"));
	catalog_set_slice(&c, slice("b", "web-1", "web"));
	expect_changed(&c, "b/web:1");
	expect_changed(&c, "");
	catalog_done(&c);
}

static void slices_move(void **state)
{
	struct catalog c;

	(void)state;
	catalog_init(&c);
	catalog_set_service(&c, service("a", "web"));
	catalog_set_service(&c, service("a", "api"));
	catalog_set_slice(&c, slice("a", "s", "web"));
	expect_changed(&c, "a/web:1 a/api:0");
	catalog_set_slice(&c, slice("a", "s", "api"));
	expect_changed(&c, "a/web:0 a/api:1");
	catalog_set_slice(&c, slice("a", "s", ""));
	expect_changed(&c, "a/api:0");
	catalog_set_slice(&c, slice("a", "s", "web"));
	catalog_remove_slice(&c, "a", "s");
	expect_changed(&c, "a/web:0");
	catalog_remove_slice(&c, "a", "s");
	expect_changed(&c, "");
	catalog_done(&c);
}

static void removal_is_told_once(void **state)
{
	struct catalog c;

	(void)state;
	catalog_init(&c);
	catalog_set_service(&c, service("a", "web"));
	catalog_set_slice(&c, slice("a", "web-1", "web"));
	expect_changed(&c, "a/web:1");
	catalog_remove_service(&c, "a", "web");
	assert_int_equal(c.n_services, 0);
	expect_changed(&c, "a/web:-");
	catalog_remove_service(&c, "a", "web");
	catalog_remove_service(&c, "a", "other");
	expect_changed(&c, "");
	/* its slice is still known */
	catalog_set_service(&c, service("a", "web"));
	expect_changed(&c, "a/web:1");
	catalog_remove_slice(&c, "a", "web-1");
	catalog_remove_service(&c, "a", "web");
	expect_changed(&c, "a/web:-");
	assert_int_equal(c.entries.n, 0);
	assert_int_equal(c.slices.n, 0);
	catalog_done(&c);
}

static void failures_wait(void **state)
{
	struct catalog_entry *e;
	struct catalog c;

	(void)state;
	catalog_init(&c);
	catalog_set_service(&c, service("a", "web"));
	catalog_set_service(&c, service("a", "api"));
	e = catalog_take_changed(&c);
	catalog_set_failed(&c, e);
	expect_changed(&c, "a/api:0");
	assert_true(catalog_retry(&c));
	expect_changed(&c, "a/web:0");
	assert_false(catalog_retry(&c));
	/* one that failed to be removed stays until it is */
	catalog_remove_service(&c, "a", "web");
	catalog_set_failed(&c, catalog_take_changed(&c));
	expect_changed(&c, "");
	assert_true(catalog_retry(&c));
	expect_changed(&c, "a/web:-");
	assert_int_equal(c.entries.n, 1);
	catalog_done(&c);
}

static void all_change(void **state)
{
	struct catalog_entry *e;
	struct catalog c;
	size_t n = 0;

	(void)state;
	catalog_init(&c);
	for (int i = 0; i < 100; i++) {
		char *name = xasprintf("s%d", i);

		catalog_set_service(&c, service("a", name));
		free(name);
	}
	catalog_set_slice(&c, slice("a", "orphan", "gone"));
	while (catalog_take_changed(&c))
		;
	catalog_change_all(&c);
	while ((e = catalog_take_changed(&c))) {
		assert_non_null(e->service);
		n++;
	}
	assert_int_equal(n, 100);
	catalog_done(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_does_not_matter), cmocka_unit_test(only_the_one_concerned),
		cmocka_unit_test(slices_move),           cmocka_unit_test(removal_is_told_once),
		cmocka_unit_test(failures_wait),         cmocka_unit_test(all_change),
	};

	return cmocka_run_group_tests_name("node catalog", tests, NULL, NULL);
}
