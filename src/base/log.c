/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

static _Atomic int max_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {
	[LOG_LEVEL_ERR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

void log_set_level(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
	auto_buf struct buf line = BUF_INIT;
	char now[CLOCK_TEXT_SIZE];
	va_list ap;

	if ((int)level > atomic_load(&max_level))
		return;
	if (getenv("JOURNAL_STREAM")) {
		buf_printf(&line, "<%d>%s: ", (int)level, module);
	} else {
		clock_format(clock_wall(), now);
		buf_printf(&line, "%s %-7s %s: ", now, level_names[level], module);
	}
	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	buf_addc(&line, '\n');
	/* one write, so that lines of several threads do not mix; a full pipe loses the line */
	if (write(STDERR_FILENO, line.p, line.n) < 0)
		return;
}
