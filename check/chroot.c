/*
 * The step that asks tokend as smtp(8) does: in the chroot that the transport has, as Postfix's user and with its
 * groups, at the socket that the login names. In a child process, as there is no way back. Called by check.c's table.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check/mta.h"
#include "check/steps.h"
#include "daemon/child.h"
#include "client/tokenclient.h"
#include "lib/sock.h"

#define ASK_MS 20000

struct visit {
	const char *folder; /* or NULL: no chroot */
	const char *socket;
	const char *account; /* or NULL: it is the milter's socket, and connecting is enough */
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

/* A milter speaks when it is spoken to. */
static void knock_there(const struct visit *visit, struct buf *out)
{
	struct err err = {.code = ERR_NONE};
	int fd = sock_connect_unix(visit->socket, deadline_after(ASK_MS), &err);

	if (fd < 0) {
		buf_printf(out, "%s %s", away, err.text);
		return;
	}
	close(fd);
	buf_puts(out, good);
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

	if (enter(visit, out) != 0)
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

static void judge_milter(const struct visit *visit, const char *user, struct finding *finding)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	struct err err = {.code = ERR_NONE};

	finding_set(finding, FINDING_OK, "user %s reaches it", user);
	if (child_do(ask_there, (void *)visit, ASK_MS + 5000, &answer, &err) != 0)
		finding_set(finding, FINDING_FAILED, "%s", err.text);
	else if (answer.len > 0 && strcmp(answer.data, good) != 0) {
		finding_set(finding, FINDING_FAILED, "as user %s: %s", user,
			    answer.data + strcspn(answer.data, " ") + 1);
		finding_advise(finding,
			       "start it; if it does not stay, its log says why; until then new mail is put off");
		finding_line(finding, "systemctl enable --now mailbearer-milter");
		finding_line(finding, "journalctl -u mailbearer-milter -n 20");
	}
	buf_free(&answer);
}

void step_milter_up(struct world *world, struct finding *finding)
{
	const struct settings_milter *milter = &world->settings->milter;
	const struct passwd *pw = postfix_user(world, finding);
	struct visit visit = {.socket = strchr(milter->listen, ':') + 1};

	if (pw == NULL)
		return;
	if (milter->line == 0 || strncmp(milter->listen, "inet", 4) == 0) {
		finding_set(finding, FINDING_OK, "%s", milter->line == 0 ? "none" : "it listens to the network");
		return;
	}
	visit.uid = pw->pw_uid;
	visit.gid = pw->pw_gid;
	judge_milter(&visit, pw->pw_name, finding);
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
