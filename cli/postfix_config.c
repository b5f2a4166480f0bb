/* The command postfix-config: prints what Postfix has to be told, from the configuration alone. Called by main.c. */
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/postfix.h"

/* What the lines cannot say. */
static void put_notes(const struct settings *settings, struct buf *out)
{
	bool routed = settings->account_count == 1 && settings->connector_count == 0;

	if (!routed && settings->milter.default_account == NULL)
		buf_puts(out, "# Senders that belong to no account, and bounces, go by default_transport and relayhost "
			      "as before;\n"
			      "# default_account in the milter section of mailbearer.conf gives them an account.\n");
	if (postfix_milter_unreachable(settings))
		buf_puts(
		    out,
		    "# The milter's lines are left out: Postfix cannot reach its socket; see mailbearer-milter(8).\n");
}

enum cli_exit cli_postfix_config(const struct cli_call *call, struct err *err)
{
	struct buf text = BUF_INIT(OUTPUT_MAX);
	struct settings *settings;
	int result;

	if (settings_load(call->config != NULL ? call->config : CLI_CONFIG_DEFAULT, &settings, err) != 0)
		return CLI_FAILED;
	buf_puts(&text, "# main.cf\n");
	put_notes(settings, &text);
	postfix_parameters(settings, &text);
	buf_puts(&text, "\n# master.cf\n");
	postfix_services(settings, &text);
	settings_free(settings);
	result = output_print(&text, err);
	buf_free(&text);
	return result == 0 ? CLI_DONE : CLI_FAILED;
}
