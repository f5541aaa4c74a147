/* SPDX-License-Identifier: Apache-2.0 */
#include "base/prom.h"

void prom_head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void prom_value(struct buf *b, const char *name, const char *type, const char *help, double value)
{
	prom_head(b, name, type, help);
	buf_printf(b, "%s %.15g\n", name, value);
}
