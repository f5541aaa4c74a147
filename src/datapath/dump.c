/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "datapath/datapath.h"
#include "datapath/view.h"

static json_t *addr_json(const struct ipaddr *addr, uint16_t port)
{
	char text[IPADDR_TEXT_SIZE];

	ipaddr_format(addr, text);
	return json_pack("{s:s, s:i}", "address", text, "port", port);
}

static json_t *backends_json(const struct view *view, const struct view_window *window)
{
	static const char *const states[] = { "dead", "active", "terminating" };
	json_t *array = json_array();

	for (size_t i = 0; window && i < window->n; i++) {
		const struct view_backend *b = &view->backends[window->backends[i]];
		json_t *object = addr_json(&b->addr, b->port);

		json_object_set_new(object, "state", json_string(states[b->state]));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *frontend_json(const struct view *view, const struct view_frontend *f)
{
	static const char *const windows[] = { "all", "local", "topology" };
	static const char *const types[] = { "ClusterIP", "NodePort", "ExternalIP",
		                             "LoadBalancer" };
	const char *protocol = f->protocol == PROTOCOL_TCP   ? "TCP"
	                       : f->protocol == PROTOCOL_UDP ? "UDP"
	                                                     : "SCTP";
	const struct view_window *window = NULL;
	json_t *object = addr_json(&f->addr, f->port);

	if (f->service != VIEW_NONE)
		window = &view->services[f->service].windows[f->internal];
	json_object_set_new(object, "protocol", json_string(protocol));
	json_object_set_new(object, "type",
	                    json_string(f->type < ARRAY_SIZE(types) ? types[f->type] : ""));
	json_object_set_new(object, "window",
	                    json_string(f->internal < ARRAY_SIZE(windows) ? windows[f->internal]
	                                                                  : ""));
	json_object_set_new(object, "backends", backends_json(view, window));
	return object;
}

int datapath_dump(const char *pin_dir, json_t **ret, struct err *err)
{
	struct view *view;
	json_t *array;
	int r;

	r = view_read(pin_dir, &view, err);
	if (r < 0)
		return r;
	array = json_array();
	for (size_t i = 0; i < view->n_frontends; i++)
		json_array_append_new(array, frontend_json(view, &view->frontends[i]));
	view_free(view);
	*ret = array;
	return 0;
}
