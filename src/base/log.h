/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - one line an event on standard error.
 *
 *	log_warn("server", "cannot renew the certificate: %s; trying again in 60 s", err.msg);
 *
 * A line says what was tried, on what object, what happened, what is done now.  Only the top of a
 * call chain logs; libraries return errors.  Under systemd (JOURNAL_STREAM) lines carry a "<N>"
 * priority, elsewhere a time.  Safe from any thread.
 */
#pragma once

enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Lines above 'level' are not written; the start value is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
void log_write(enum log_level level, const char *module, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_err(module, ...)   log_write(LOG_LEVEL_ERR, module, __VA_ARGS__)
#define log_warn(module, ...)  log_write(LOG_LEVEL_WARN, module, __VA_ARGS__)
#define log_info(module, ...)  log_write(LOG_LEVEL_INFO, module, __VA_ARGS__)
#define log_debug(module, ...) log_write(LOG_LEVEL_DEBUG, module, __VA_ARGS__)
