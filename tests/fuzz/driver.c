/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver - runs every file of the folder in argv[1] through a fuzz target.  Fails where a file cannot
 * be read or there is none: a corpus that went away must not look like a success.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "fuzz.h"

#define INPUT_MAX (16 << 20)

static int run_file(const char *folder, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", folder, name);
	auto_free char *text = NULL;
	auto_free uint8_t *input = NULL;
	struct err err = { 0 };
	size_t size;

	if (file_read(path, INPUT_MAX, &text, &size, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return -1;
	}
	/* a block of exactly that size, so that the sanitizer sees a read beyond it */
	input = xmalloc(size > 0 ? size : 1);
	memcpy(input, text, size);
	(void)LLVMFuzzerTestOneInput(input, size);
	return 0;
}

int main(int argc, char **argv)
{
	const char *folder = argc == 2 ? argv[1] : "";
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	int n = 0, failed = 0;

	if (!dir) {
		(void)fprintf(stderr, "cannot open the corpus \"%s\": %s\n", folder,
		              strerror(errno));
		return 1;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		n++;
		failed += run_file(folder, entry->d_name) < 0;
	}
	(void)closedir(dir);
	(void)printf("%d inputs, %d of them unreadable\n", n, failed);
	return n == 0 || failed > 0;
}
