/*
 * The steps that go where Postfix is: ask tokend as smtp(8) does, in the chroot that the transport has, as Postfix's
 * user and with its groups, at the socket that the login names; and speak to the milter as smtpd(8) does. In a child
 * process, as there is no way back. Called by check.c's table.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check/mta.h"
#include "check/steps.h"
#include "client/tokenclient.h"
#include "daemon/child.h"
#include "daemon/milter_knock.h"

#define ASK_MS 20000

struct visit {
	const char *folder; /* or NULL: no chroot */
	const char *socket;
	const char *account; /* or NULL: it is the milter's, as its `listen` has it */
	bool as_ourselves;   /* by the network anybody may come */
	uid_t uid;
	gid_t gid;
};

/* The words that the child's answer begins with. */
static const char good[] = "good", refused[] = "refused", away[] = "away", broken[] = "broken";

static int enter(const struct visit *visit, struct buf *out)
{
	if (visit->folder != NULL && (chroot(visit->folder) != 0 || chdir("/") != 0))
		return buf_printf(out, "%s %s: %s", broken, visit->folder, strerror(errno)), -1;
	if (setgid(visit->gid) != 0 || setgroups(1, &visit->gid) != 0 || setuid(visit->uid) != 0)
		return buf_printf(out, "%s cannot become another user: %s", broken, strerror(errno)), -1;
	return 0;
}

static void knock_there(const struct visit *visit, struct buf *out)
{
	struct err err = {.code = ERR_NONE};

	if (milter_knock(visit->socket, deadline_after(ASK_MS), &err) == 0)
		buf_puts(out, good);
	else
		buf_printf(out, "%s %s", err.code == ERR_SYNTAX ? refused : away, err.text);
}

static void ask_there(void *arg, struct buf *out)
{
	const struct visit *visit = arg;
	struct tokenclient_question question = {.socket_path = visit->socket,
						.map = "relayhost",
						.key = visit->account,
						.key_len = visit->account != NULL ? strlen(visit->account) : 0,
						.reply_max = WIRE_REPLY_MAX,
						.deadline = deadline_after(ASK_MS)};
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	enum wire_result result;
	struct err err = {.code = ERR_NONE};

	if (!visit->as_ourselves && enter(visit, out) != 0)
		return;
	if (visit->account == NULL)
		knock_there(visit, out);
	else if (tokenclient_ask(&question, &result, &answer, &err) != 0)
		buf_printf(out, "%s %s", away, err.text);
	else if (result == WIRE_PERM)
		buf_printf(out, "%s %s", refused, answer.len > 0 ? answer.data : "");
	else
		buf_puts(out, good);
	buf_free(&answer);
}

/* The path in "static:USER:unix:PATH"; "static:USER:tokend" and maps mean the default socket, or the first. */
static const char *socket_of(const struct world *world, const char *login)
{
	const char *path = login != NULL && strncmp(login, "socketmap:", 10) != 0 ? strstr(login, ":unix:") : NULL;

	if (path != NULL)
		return path + strlen(":unix:");
	return login != NULL && strncmp(login, "static:", 7) == 0 ? WIRE_SOCKET_DEFAULT
								  : world->settings->tokend.listen.items[0];
}

static void say_away(const struct world *world, const struct visit *visit, const char *user, const char *text,
		     struct finding *finding)
{
	const struct settings_list *listen = &world->settings->tokend.listen;
	struct buf list = BUF_INIT(FINDING_TEXT_MAX);
	char wanted[4096];
	bool there = false;

	snprintf(wanted, sizeof wanted, "%s%s", visit->folder != NULL ? visit->folder : "", visit->socket);
	finding_set(finding, FINDING_FAILED, "as user %s in %s: %s", user,
		    visit->folder != NULL ? visit->folder : "no chroot", text);
	for (size_t i = 0; i < listen->count; i++) {
		there |= strcmp(listen->items[i], wanted) == 0;
		buf_printf(&list, "\"%s\", ", listen->items[i]);
	}
	if (there) {
		finding_advise(
		    finding, "tokend listens at %s: let that user pass the folders on the way, or restart it", wanted);
		finding_line(finding, "chmod a+x %.*s", (int)(strrchr(wanted, '/') - wanted), wanted);
	} else if (!list.failed && list.len > 0) {
		finding_advise(finding, "let tokend listen there too (section tokend of %s), and restart it",
			       world->options->config);
		finding_line(finding, "listen = { %s\"%s\" }", list.data, wanted);
	}
	buf_free(&list);
}

static bool judge_visit(const struct world *world, const struct visit *visit, const char *user, struct finding *finding)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	struct err err = {.code = ERR_NONE};
	const char *text;

	if (child_do(ask_there, (void *)visit, ASK_MS + 5000, &answer, &err) != 0)
		finding_set(finding, FINDING_FAILED, "%s", err.text);
	else if (answer.len > 0 && strcmp(answer.data, good) != 0) {
		text = answer.data + strcspn(answer.data, " ") + 1;
		if (strncmp(answer.data, refused, strlen(refused)) == 0) {
			finding_set(finding, FINDING_FAILED, "tokend does not answer user %s: %s", user, text);
			finding_advise(finding, "name it in section tokend of %s, and reload tokend",
				       world->options->config);
			finding_line(finding, "token_users = { \"%s\" }", user);
		} else {
			say_away(world, visit, user, text, finding);
		}
	}
	buf_free(&answer);
	return finding->mark == FINDING_OK;
}

/* NULL: it cannot be tried, and the finding says so. */
static const struct passwd *postfix_user(const struct world *world, struct finding *finding)
{
	const char *user = installation_value(world->postfix, "mail_owner");
	const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;

	if (geteuid() == 0 && pw != NULL)
		return pw;
	finding_set(finding, FINDING_SKIPPED, pw == NULL ? "Postfix's user is not there" : "only root can try it");
	return NULL;
}

/* What keeps Postfix from it, and what is to be done: `begin` says how it ended, the text why. */
static void say_no_milter(const struct world *world, const char *begin, const char *text, struct finding *finding)
{
	const char *listen = world->settings->milter.listen;

	finding_set(finding, FINDING_FAILED, "%s", text);
	if (strncmp(begin, refused, strlen(refused)) == 0) {
		finding_advise(finding,
			       "find out who is at %s; ours listens where listen in the milter section of %s says",
			       listen, world->options->config);
	} else if (strstr(text, strerror(EACCES)) != NULL) {
		finding_advise(finding, "let Postfix's user pass the folders on the way, and have the milter make its "
					"socket anew");
		finding_line(finding, "chmod a+x %.*s", (int)(strrchr(listen, '/') - strchr(listen, ':') - 1),
			     strchr(listen, ':') + 1);
		finding_line(finding, "systemctl restart mailbearer-milter");
		return;
	} else {
		finding_advise(finding,
			       "start it; if it does not stay, its log says why; until then new mail is put off");
		finding_line(finding, "systemctl enable --now mailbearer-milter");
	}
	finding_line(finding, "journalctl -u mailbearer-milter -n 20");
}

static void judge_milter(const struct world *world, const struct visit *visit, const char *user,
			 struct finding *finding)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	struct err err = {.code = ERR_NONE};

	if (visit->as_ourselves)
		finding_set(finding, FINDING_OK, "it answers at %s", visit->socket);
	else
		finding_set(finding, FINDING_OK, "it answers user %s in %s", user,
			    visit->folder != NULL ? visit->folder : "no chroot");
	if (child_do(ask_there, (void *)visit, ASK_MS + 5000, &answer, &err) != 0)
		say_no_milter(world, away, err.text, finding);
	else if (answer.len > 0 && strcmp(answer.data, good) != 0)
		say_no_milter(world, answer.data, answer.data + strcspn(answer.data, " ") + 1, finding);
	buf_free(&answer);
}

/* Who takes mail in asks the milters, and on Debian from the chroot; "unix:/PATH" as it is called there. */
static void find_milter(const struct world *world, struct visit *visit, char socket[WORLD_PATH_MAX])
{
	const struct installation_service *smtpd = installation_service(world->postfix, "smtp", "inet");
	const char *path = strchr(world->settings->milter.listen, ':') + 1;
	const char *queue = installation_value(world->postfix, "queue_directory");

	if (smtpd != NULL && installation_is_chrooted(world->postfix, smtpd) && queue != NULL &&
	    strncmp(path, queue, strlen(queue)) == 0 && path[strlen(queue)] == '/') {
		visit->folder = queue;
		path += strlen(queue);
	}
	snprintf(socket, WORLD_PATH_MAX, "unix:%s", path);
	visit->socket = socket;
}

void step_milter_up(struct world *world, struct finding *finding)
{
	const struct settings_milter *milter = &world->settings->milter;
	const struct passwd *pw;
	char socket[WORLD_PATH_MAX];
	struct visit visit = {.socket = milter->listen, .as_ourselves = strncmp(milter->listen, "inet", 4) == 0};

	if (milter->line == 0) {
		finding_set(finding, FINDING_OK, "none");
		return;
	}
	if (!visit.as_ourselves) {
		pw = postfix_user(world, finding);
		if (pw == NULL)
			return;
		visit.uid = pw->pw_uid;
		visit.gid = pw->pw_gid;
		find_milter(world, &visit, socket);
	}
	judge_milter(world, &visit, visit.as_ourselves ? NULL : pw->pw_name, finding);
}

void step_chroot(struct world *world, struct finding *finding)
{
	const struct passwd *pw = postfix_user(world, finding);
	const struct settings_account *account;
	char carrier[MTA_SERVICE_MAX];
	const char *user = pw != NULL ? pw->pw_name : NULL;

	if (pw == NULL)
		return;
	finding_set(finding, FINDING_OK, "tokend answers user %s there", user);
	for (size_t i = 0; (account = mta_account_at(world, i)) != NULL; i++) {
		const char *service = mta_carrier(account, carrier);
		struct visit visit = {
		    .folder =
			mta_is_chrooted(world, service) ? installation_value(world->postfix, "queue_directory") : NULL,
		    .socket = socket_of(world, mta_value(world, service, "smtp_sasl_password_maps")),
		    .account = account->name,
		    .uid = pw->pw_uid,
		    .gid = pw->pw_gid,
		};

		if (!judge_visit(world, &visit, user, finding))
			return;
	}
}
