/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints, ServiceCIDRs, IPAddresses, Leases, and Events of both versions. */
#include "cmocka_all.h"

#include "kube/selector.h"
#include "refusals.h"

#define EVENT                                                                                     \
	"'metadata':{'name':'x','namespace':'default'},'involvedObject':{'namespace':'default'}," \
	"'eventTime':'2026-01-01T00:00:00.000000Z','reportingComponent':'a/b',"                   \
	"'reportingInstance':'i','action':'a','reason':'r'"

static void objects_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ &kind_endpoints, NULL,
		  "{'subsets':[{'addresses':[{'ip':'1.1.1.1'}],'ports':[{'port':80}]}]}", "[]", 0 },
		{ &kind_endpoints, NULL, "{'subsets':[{'ports':[{'port':80}]}]}",
		  "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
		  0 },
		{ &kind_endpoints, NULL,
		  "{'subsets':[{'addresses':[{'ip':'127.0.0.1'}],'notReadyAddresses':[{'ip':'x'}],"
		  "'ports':[{'port':0,'name':'a'},{'port':1,'protocol':'X'}]}]}",
		  "[subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the "
		  "loopback range (127.0.0.0/8, ::1/128), subsets[0].notReadyAddresses[0].ip: "
		  "Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or "
		  "2001:db8::ffff), subsets[0].notReadyAddresses[0].ip: Invalid value: \"x\": must "
		  "be a valid IP address, subsets[0].ports[0].port: Invalid value: 0: must be between 1 "
		  "and 65535, inclusive, subsets[0].ports[1].name: Required value, "
		  "subsets[0].ports[1].protocol: Unsupported value: \"X\": supported values: "
		  "\"SCTP\", \"TCP\", \"UDP\"]",
		  0 },
		{ &kind_endpoints, "{'subsets':[{'addresses':[{'ip':'0.0.0.0'}]}]}",
		  "{'subsets':[{'addresses':[{'ip':'0.0.0.0'}]}]}", "[]", 0 },
		{ &kind_service_cidr, NULL, "{'spec':{'cidrs':['10.0.0.0/8','fd00::/64']}}", "[]",
		  0 },
		{ &kind_service_cidr, NULL, "{}",
		  "spec.cidrs: Required value: at least one CIDR required", 0 },
		{ &kind_service_cidr, NULL,
		  "{'spec':{'cidrs':['1.0.0.0/8','2.0.0.0/8','3.0.0.0/8']}}",
		  "spec.cidrs: Invalid value: {\"CIDRs\":[\"1.0.0.0/8\",\"2.0.0.0/8\","
		  "\"3.0.0.0/8\"]}: may only hold up to 2 values",
		  0 },
		{ &kind_service_cidr, NULL, "{'spec':{'cidrs':['1.0.0.0/8','2.0.0.0/8']}}",
		  "spec.cidrs: Invalid value: [\"1.0.0.0/8\",\"2.0.0.0/8\"]: may specify no more "
		  "than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
		  0 },
		{ &kind_service_cidr, NULL, "{'spec':{'cidrs':['1.0.0.1/8','FD00::/64']}}",
		  "[spec.cidrs[0]: Invalid value: \"1.0.0.1/8\": must not have bits set beyond the "
		  "prefix length, spec.cidrs[1]: Invalid value: \"FD00::/64\": must be in canonical "
		  "form (\"fd00::/64\")]",
		  0 },
		{ &kind_service_cidr, "{'spec':{'cidrs':['1.0.0.0/8']}}",
		  "{'spec':{'cidrs':['1.0.0.0/8','fd00::/64']}}", "[]", 0 },
		{ &kind_service_cidr, "{'spec':{'cidrs':['1.0.0.0/8']}}",
		  "{'spec':{'cidrs':['2.0.0.0/8']}}",
		  "spec.cidrs[0]: Invalid value: \"2.0.0.0/8\": field is immutable", 0 },
		{ &kind_service_cidr, "{'spec':{'cidrs':['1.0.0.0/8','fd00::/64']}}",
		  "{'spec':{'cidrs':['1.0.0.0/8']}}",
		  "spec.cidrs: Invalid value: [\"1.0.0.0/8\"]: field is immutable", 0 },
		{ &kind_ip_address, NULL,
		  "{'metadata':{'name':'fd00::1'},'spec':{'parentRef':{'resource':'services',"
		  "'name':'a','namespace':'b'}}}",
		  "[]", 0 },
		{ &kind_ip_address, NULL, "{'metadata':{'name':'010.0.0.1'}}",
		  "[metadata.name: Invalid value: \"010.0.0.1\": must not have leading 0s, "
		  "spec.parentRef: Required value]",
		  0 },
		{ &kind_ip_address, NULL,
		  "{'metadata':{'name':'FD00::1'},'spec':{'parentRef':{'group':'A','name':'a/b'}}}",
		  "[metadata.name: Invalid value: \"FD00::1\": must be in canonical form "
		  "(\"fd00::1\"), spec.parentRef.group: Invalid value: \"A\": a lowercase RFC 1123 "
		  "subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
		  "start and end with an alphanumeric character (e.g. 'example.com', regex used for "
		  "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), "
		  "spec.parentRef.resource: Required value, spec.parentRef.name: Invalid value: "
		  "\"a/b\": may not contain '/']",
		  0 },
		{ &kind_ip_address,
		  "{'metadata':{'name':'1.1.1.1'},'spec':{'parentRef':{'resource':'r','name':'a'}}}",
		  "{'metadata':{'name':'1.1.1.1'},'spec':{'parentRef':{'resource':'r','name':'b'}}}",
		  "spec.parentRef: Invalid value: {\"Group\":\"\",\"Resource\":\"r\",\"Namespace\":"
		  "\"\",\"Name\":\"b\"}: field is immutable",
		  0 },
		{ &kind_lease, NULL, "{'spec':{'strategy':'x','preferredHolder':'p'}}",
		  "[]" /* both were dropped */, 0 },
		{ &kind_node, "{}",
		  "{'status':{'addresses':[{'type':'InternalIP','address':'1.2.3.4'},{'type':"
		  "'InternalIP','address':'1.2.3.4'}]}}",
		  "status.addresses[1]: Duplicate value: {\"Type\":\"InternalIP\",\"Address\":"
		  "\"1.2.3.4\"}",
		  KIND_UPDATE_STATUS },
		{ &kind_pod, "{'spec':{'containers':[{'name':'a','image':'i'}]}}",
		  "{'status':{'podIP':'x','podIPs':[{'ip':'x'},{'ip':'10.1.2.3'}]}}",
		  "[status.podIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 "
		  "or 2001:db8::ffff), status.podIPs: Internal error: failed to check for dual stack "
		  "with error:invalid IP[0]: x, status.podIPs: Invalid value: [{\"IP\":\"x\"},"
		  "{\"IP\":\"10.1.2.3\"}]: may specify no more than one IP for each IP family]",
		  KIND_UPDATE_STATUS },
		{ &kind_pod, "{'spec':{'containers':[{'name':'a','image':'i'}]}}",
		  "{'status':{'podIP':'10.1.2.3','podIPs':[{'ip':'10.9.9.9'},{'ip':'10.9.9.8'}]}}",
		  "[]" /* podIP counts */, KIND_UPDATE_STATUS },
		{ &kind_event, NULL, "{" EVENT "}", "[]", 0 },
		{ &kind_event, NULL,
		  "{'eventTime':'2026-01-01T00:00:00.000000Z',"
		  "'reportingComponent':'a'}",
		  "[reportingInstance: Required value, action: Required value, reason: Required "
		  "value]",
		  0 },
		{ &kind_events_event, NULL, "{" EVENT ",'type':'Normal'}", "[]", 0 },
		{ &kind_events_event, NULL,
		  "{" EVENT ",'type':'X','count':1,'source':{'host':'h'},"
		  "'series':{'count':1}}",
		  "[series.count: Invalid value: \"\": should be at least 2, "
		  "series.lastObservedTime: Required value, type: Invalid value: \"\": has invalid "
		  "value: X, count: Invalid value: \"\": needs to be unset, source: Invalid value: "
		  "\"\": needs to be unset]",
		  0 },
		{ &kind_events_event, NULL, "{'type':'Normal'}", "eventTime: Required value", 0 },
		{ &kind_events_event, "{" EVENT ",'type':'Normal'}",
		  "{" EVENT ",'type':'Normal','message':'m','series':{'count':2,'lastObservedTime':"
		  "'2026-01-01T00:00:00.000000Z'}}",
		  "message: Invalid value: \"m\": field is immutable", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(&cases[i]);
}

/* One stored object, two versions of it. */
static void events_have_two_versions(void **state)
{
	static const char seen[] =
		"{'apiVersion':'events.k8s.io/v1','kind':'Event','metadata':{'name':'x'},'note':'m',"
		"'regarding':{'kind':'Pod'},'reportingController':'c','deprecatedCount':2,"
		"'deprecatedSource':{'component':'s'},'eventTime':null}";
	static const char stored[] =
		"{'apiVersion':'v1','kind':'Event','metadata':{'name':'x'},'message':'m',"
		"'involvedObject':{'kind':'Pod'},'reportingComponent':'c','count':2,"
		"'source':{'component':'s'}}";
	auto_json json_t *object = parse_json(stored);

	(void)state;
	assert_ptr_equal(kind_stored(&kind_events_event), &kind_event);
	assert_ptr_equal(kind_stored(&kind_event), &kind_event);
	kind_events_event.from_stored(object);
	assert_json(object, seen);
	json_object_set_new(object, "message", json_string("not of this version"));
	kind_events_event.to_stored(object);
	json_object_del(object, "eventTime");
	assert_json(object, stored);
}

static void fields_select(void **state)
{
	static const struct {
		const struct kind *kind;
		const char *object, *selector;
		bool selected;
	} cases[] = {
		{ &kind_event, "{'source':{'component':'s'}}", "source=s", true },
		{ &kind_event, "{'reportingComponent':'c'}", "source=c", true },
		{ &kind_event, "{'source':{'component':'s'},'reportingComponent':'c'}", "source=c",
		  false },
		{ &kind_events_event, "{'regarding':{'kind':'Pod'}}", "regarding.kind=Pod", true },
		{ &kind_replica_set, "{}", "status.replicas=0", true },
		{ &kind_replica_set, "{'status':{'replicas':2}}", "status.replicas=2", true },
		{ &kind_secret, "{'type':'Opaque'}", "type!=Opaque", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = parse_json(cases[i].object);
		struct field_selector *selector = NULL;
		struct err err = { 0 };

		assert_int_equal(
			field_selector_parse(cases[i].kind, cases[i].selector, &selector, &err), 0);
		assert_int_equal(field_selector_matches(selector, object), cases[i].selected);
		field_selector_free(selector);
	}
}

static void odd_addresses_are_warned_of(void **state)
{
	static const struct {
		const struct kind *kind;
		const char *object, *warnings;
	} cases[] = {
		{ &kind_endpoints, "{'subsets':[{'addresses':[{'ip':'FD00::1'}]}]}",
		  "['subsets[0].addresses[0].ip: IPv6 address \\'FD00::1\\' should be in RFC 5952 "
		  "canonical format (\\'fd00::1\\')']" },
		{ &kind_endpoints,
		  "{'metadata':{'labels':{'endpoints.kubernetes.io/managed-by':"
		  "'endpoint-controller'}},'subsets':[{'addresses':[{'ip':'FD00::1'}]}]}",
		  "[]" },
		{ &kind_endpoint_slice, "{'addressType':'FQDN','endpoints':[]}",
		  "['spec.addressType: FQDN endpoints are deprecated']" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = parse_json(cases[i].object);
		auto_json json_t *warnings = json_array();

		cases[i].kind->warn(object, NULL, warnings);
		assert_json(warnings, cases[i].warnings);
	}
	assert_string_equal(kind_endpoints.deprecation_warning,
	                    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 "
	                    "EndpointSlice");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_refused),
		cmocka_unit_test(events_have_two_versions),
		cmocka_unit_test(fields_select),
		cmocka_unit_test(odd_addresses_are_warned_of),
	};

	return cmocka_run_group_tests_name("network_kinds", tests, NULL, NULL);
}
