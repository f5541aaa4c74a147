/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token_file - bearer tokens from a file, as kube-apiserver's --token-auth-file: one a line,
 * token,user,uid and optionally "group1,group2", as CSV (RFC 4180); '#' begins no comment.
 */
#pragma once

#include "base/err.h"
#include "server/identity.h"

struct token_file;

/* -EBADMSG: a line is not as it should be, or a token is there twice; the message names the line. */
int token_file_load(const char *path, struct token_file **ret, struct err *err);
void token_file_free(struct token_file *file);

/* Fills '*ret' (without system:authenticated) if 'token' is in the file; 'file' may be NULL. */
bool token_file_find(const struct token_file *file, const char *token, struct identity *ret);
