/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admit_service.h"

#include <string.h>

#include "kube/json.h"
#include "kube/service_families.h"
#include "kube/status.h"
#include "server/admit_ips.h"
#include "server/admit_ports.h"

bool admit_type_is(const json_t *service, const char *type)
{
	return strcmp(json_path_str(service, "spec.type"), type) == 0;
}

json_t *admit_internal_error(const char *text)
{
	json_t *status = status_new(500, "InternalError", "Internal error occurred: %s", text);

	json_path_set(status, "details.causes", json_pack("[{s:s}]", "message", text));
	return status;
}

static json_t *admit_all(struct admit_txn *txn)
{
	struct admission *admission = txn->admission;
	json_t *status = NULL;

	service_default_families(txn->object, txn->old, admission->families, admission->n_ranges,
	                         &txn->errs);
	if (!txn->errs.n && admit_ips_wanted(txn->object))
		status = admit_ips(txn);
	if (!status && !txn->errs.n)
		status = admit_ports(txn);
	if (!status && !txn->errs.n && txn->old && !txn->claim->dry_run)
		admit_ips_note_gone(admission, txn->object, txn->old, txn->claim);
	return status;
}

json_t *admit_service(struct admission *admission, json_t *object, const json_t *old,
                      struct admit_claim *claim)
{
	struct admit_txn txn = {
		.admission = admission,
		.object = object,
		.old = old,
		.claim = claim,
	};
	json_t *status = admit_all(&txn);

	if (!status && txn.errs.n)
		status = status_invalid(&kind_service, json_path_str(object, "metadata.name"),
		                        &txn.errs);
	field_errors_done(&txn.errs);
	return status;
}
