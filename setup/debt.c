/*
 * The marks of what is still to be read again: empty files beside the configuration, which say by their names what they
 * are. Called by write.c, flow.c and mta.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "setup/debt.h"

#define PATH_TEXT_MAX 4096

static void make_path(const char *config, enum debt debt, char path[PATH_TEXT_MAX])
{
	static const char *const names[] = {
	    [DEBT_TOKEND] = "to-be-read-by-tokend", [DEBT_POSTFIX] = "postfix-to-be-reloaded"};

	snprintf(path, PATH_TEXT_MAX, "%.4000s.%s", config, names[debt]);
}

int debt_owe(const char *config, enum debt debt, struct err *err)
{
	char path[PATH_TEXT_MAX];
	int fd;

	make_path(config, debt, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(err, errno, "%s cannot be made", path);
	close(fd);
	return 0;
}

bool debt_is_owed(const char *config, enum debt debt)
{
	char path[PATH_TEXT_MAX];

	make_path(config, debt, path);
	return access(path, F_OK) == 0;
}

void debt_pay(const char *config, enum debt debt)
{
	char path[PATH_TEXT_MAX];

	make_path(config, debt, path);
	unlink(path);
}
