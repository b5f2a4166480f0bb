/* The step about the milter in Postfix: is it asked, before those that sign, and for all mail? Called by check.c's
 * table. */
#include <string.h>

#include "check/mta.h"
#include "check/steps.h"
#include "postfix/milters.h"
#include "postfix/wished.h"

/* Our socket as main.cf has it, out of what we would write there. */
static void find_socket(const struct world *world, struct buf *out)
{
	for (size_t i = 0; i < world->wished->parameter_count; i++)
		if (strcmp(world->wished->parameters[i].name, "smtpd_milters") == 0)
			milters_socket(world->wished->parameters[i].value, out);
}

static void judge_lists(const struct world *world, const char *socket, struct finding *finding)
{
	const char *smtpd = installation_value(world->postfix, "smtpd_milters");
	const char *local = installation_value(world->postfix, "non_smtpd_milters");
	const char *action = installation_value(world->postfix, "milter_default_action");

	finding_set(finding, FINDING_OK, "%s, before all that sign", socket);
	if (smtpd == NULL || !milters_has(smtpd, socket))
		finding_set(finding, FINDING_FAILED, "smtpd_milters has no %s: no sender is aligned", socket);
	else if (milters_follows_signer(smtpd, socket))
		finding_set(finding, FINDING_FAILED, "%s comes after a milter that signs, and changes what was signed",
			    socket);
	else if (local == NULL || !milters_has(local, socket))
		finding_set(finding, FINDING_WARNING, "non_smtpd_milters has no %s: mail by sendmail(1) is not aligned",
			    socket);
	else if (!milters_has_options(smtpd, socket) && action != NULL && strcmp(action, "accept") == 0)
		finding_set(finding, FINDING_WARNING,
			    "milter_default_action = accept: mail passes as it is while the milter is away");
	else
		return;
	finding_advise(finding, "write what mailbearer.conf asks for into main.cf (with a backup)");
	mta_apply_all(world, finding);
}

void step_milter(struct world *world, struct finding *finding)
{
	struct buf socket = BUF_INIT(4096);

	if (world->settings->milter.line == 0) {
		finding_set(finding, FINDING_OK, "none: %s has no section for it", world->options->config);
	} else if (world->wished->milter_unreachable) {
		finding_set(finding, FINDING_FAILED, "Postfix cannot reach %s from the folder of its queue",
			    world->settings->milter.listen);
		finding_advise(finding, "let the milter listen there, in %s, and restart it", world->options->config);
		finding_line(finding, "listen = \"unix:%s/run/mailbearer/milter.sock\"",
			     installation_value(world->postfix, "queue_directory"));
	} else {
		find_socket(world, &socket);
		judge_lists(world, socket.data != NULL ? socket.data : "", finding);
	}
	buf_free(&socket);
}
