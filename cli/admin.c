/*
 * The commands about the configuration: reload and check-config. Called by main.c through the table.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "daemon/privs.h"
#include "daemon/settings.h"

enum cli_exit cli_reload(const struct cli_call *call, struct err *err)
{
	return ask_and_tell(call, "reload", NULL, "reloaded", err);
}

/* tokend reads it again at each reload, when it is no longer root. */
static int check_readable(const char *path, const char *user, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return err_sys(err, errno, "%s cannot be read by user '%s', as who tokend reads it", path, user);
	close(fd);
	return 0;
}

/* What the loading of the settings cannot show: the files that they name, as tokend will see them. */
static int check_files(const struct settings *settings, struct err *err)
{
	const char *user = settings->tokend.user;

	if (geteuid() == 0 && (privs_become(user, err) != 0 || check_readable(settings->path, user, err) != 0))
		return -1;
	return settings_check_files(settings, SETTINGS_BY_ANOTHER, err);
}

static int report(const struct settings *settings, struct err *err)
{
	struct buf text = BUF_INIT(OUTPUT_MAX);
	int result;

	buf_printf(&text, "%s: %zu client%s, %zu account%s, %zu connector%s: all good\n", settings->path,
		   settings->client_count, settings->client_count == 1 ? "" : "s", settings->account_count,
		   settings->account_count == 1 ? "" : "s", settings->connector_count,
		   settings->connector_count == 1 ? "" : "s");
	result = output_print(&text, err);
	buf_free(&text);
	return result;
}

enum cli_exit cli_check_config(const struct cli_call *call, struct err *err)
{
	struct settings *settings;
	int result = settings_load(call->config ? call->config : CLI_CONFIG_DEFAULT, &settings, err);

	if (result != 0)
		return CLI_FAILED;
	result = check_files(settings, err);
	if (result == 0)
		result = report(settings, err);
	settings_free(settings);
	return result == 0 ? CLI_DONE : CLI_FAILED;
}
