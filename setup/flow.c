/*
 * The order of the guided first run: ask, write, prove, start, sign in, Postfix, a message. Holds no step's own
 * knowledge. Called by the command setup.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/settings.h"
#include "setup/ask.h"
#include "setup/debt.h"
#include "setup/files.h"
#include "setup/flow.h"
#include "setup/homework.h"
#include "setup/mta.h"
#include "setup/plan.h"
#include "setup/service.h"
#include "setup/write.h"

#define CONF_MAX (16 * 1024 * 1024)
#define PATH_TEXT_MAX 4096
#define HOMEWORK_MAX (64 * 1024)

static const char greeting[] =
    "Enter takes what stands in brackets. Ctrl-C ends this at any time; run again, it goes on\n"
    "where it was. What each answer means: mailbearer-setup(7).\n\n";

struct flow {
	const struct setup_request *request;
	const struct setup_doors *doors;
	struct setup_answers *answers;
	char folder[PATH_TEXT_MAX]; /* of the configuration */
	struct buf conf;            /* as it was at first */
	struct setup_written written;
	bool changed; /* anything, by any step */
	struct err *err;
};

/* 0, or -1 with flow->err set. */
typedef int step(struct flow *flow);

static int say(const struct flow *flow, const char *text)
{
	struct buf out = BUF_INIT(HOMEWORK_MAX);
	int result;

	buf_puts(&out, text);
	result = flow->doors->say(flow->doors->arg, &out, flow->err);
	buf_free(&out);
	return result;
}

static const char *mailbox(const struct flow *flow)
{
	return setup_text(flow->answers, SETUP_MAILBOX);
}

/* --- what is there --- */

static int find_folder(struct flow *flow)
{
	char *slash;

	if (flow->request->config[0] != '/' ||
	    snprintf(flow->folder, sizeof flow->folder, "%s", flow->request->config) >= (int)sizeof flow->folder)
		return err_set(flow->err, ERR_SYNTAX, "-c must name the configuration by an absolute path");
	slash = strrchr(flow->folder, '/');
	slash[slash == flow->folder] = '\0';
	return 0;
}

/* What it makes belongs to root and to tokend's user. */
static int prove_rights(const struct flow *flow, const char *user)
{
	const struct passwd *us = getpwuid(geteuid());

	if (geteuid() == 0 || (us != NULL && strcmp(us->pw_name, user) == 0))
		return 0;
	return err_set(flow->err, ERR_DENIED, "it writes root's files; run it with sudo");
}

/* A configuration that is wrong already is nothing to build upon. */
static int read_configuration(struct flow *flow)
{
	struct settings *settings = NULL;
	int result;

	if (find_folder(flow) != 0)
		return -1;
	if (file_read(flow->request->config, &flow->conf, flow->err) != 0)
		return flow->err->code == ERR_NOT_FOUND ? prove_rights(flow, "mailbearer") : -1;
	if (settings_load(flow->request->config, &settings, flow->err) != 0)
		return err_prefix(flow->err,
				  "the configuration that is there has an error; repair it, or move it away");
	result = prove_rights(flow, settings->tokend.user);
	settings_free(settings);
	return result;
}

/* --- the steps --- */

static int write_everything(struct flow *flow)
{
	struct setup_plan plan;
	int result;

	if (file_make_folder(flow->folder, flow->err) != 0 || file_lock_folder(flow->folder, flow->err) != 0)
		return -1;
	result = setup_plan(&flow->conf, flow->folder, flow->answers, &plan);
	if (result != 0)
		err_set(flow->err, ERR_MEMORY, "out of memory");
	else
		result = setup_write(flow->doors, flow->request->config, &flow->conf, flow->answers, &plan,
				     &flow->written, flow->err);
	setup_plan_free(&plan);
	flow->changed = flow->written.conf || flow->written.secret || flow->written.seal_key;
	return result;
}

/* For a person there is time to have it done, before it is needed. */
static int wait_for_homework(const struct flow *flow)
{
	struct buf enter = BUF_INIT(SETUP_ANSWER_MAX);
	int result = flow->doors->ask(flow->doors->arg, "Enter goes on", "", &enter, flow->err);

	buf_free(&enter);
	return result;
}

static int tell_homework(struct flow *flow)
{
	struct buf text = BUF_INIT(HOMEWORK_MAX);
	bool any;
	int result = 0;

	if (!flow->answers->asking && !flow->written.conf)
		return 0;
	buf_puts(&text, "\n");
	homework(flow->answers, &text);
	any = text.len > 1;
	buf_puts(&text, "\n");
	if (any)
		result = flow->doors->say(flow->doors->arg, &text, flow->err);
	buf_free(&text);
	if (result == 0 && any && flow->answers->asking && flow->written.conf)
		result = wait_for_homework(flow);
	return result;
}

static int start_tokend(struct flow *flow)
{
	struct buf path = BUF_INIT(PATH_TEXT_MAX), told = BUF_INIT(HOMEWORK_MAX);
	struct service_machine machine;
	int result;

	service_look(flow->request->is_usual ? NULL : flow->request->config, &path, &machine);
	result = service_run(&machine, SERVICE_START, &told, flow->err);
	flow->changed = true;
	if (told.len > 0 && flow->doors->say(flow->doors->arg, &told, result == 0 ? flow->err : NULL) != 0)
		result = -1;
	if (result == 0 && machine.manager == SERVICE_NONE)
		result = say(flow, "  tokend was started; have this machine start it at boot, too.\n");
	buf_free(&path);
	buf_free(&told);
	return result == 0 ? 0 : err_prefix(flow->err, "tokend cannot be started");
}

/* One that is started reads its files anyway. */
static int bring_tokend_up(struct flow *flow)
{
	const char *config = flow->request->config;
	bool running = false;

	if (flow->doors->check_config(flow->doors->arg, flow->err) != 0 ||
	    flow->doors->tokend(flow->doors->arg, debt_is_owed(config, DEBT_TOKEND), &running, flow->err) != 0)
		return -1;
	if (!running &&
	    (start_tokend(flow) != 0 || flow->doors->tokend(flow->doors->arg, false, &running, flow->err) != 0))
		return -1;
	if (!running)
		return err_set(flow->err, ERR_UNREACHABLE,
			       "tokend was started, and gives no answer; its log says why: %s",
			       flow->request->is_usual ? "journalctl -u mailbearer-tokend -n 20" : "see the system's");
	debt_pay(config, DEBT_TOKEND);
	return 0;
}

static int sign_in(struct flow *flow)
{
	const char *way = setup_text(flow->answers, SETUP_LOGIN);
	struct buf state = BUF_INIT(256), text = BUF_INIT(1024);
	int result = flow->doors->state(flow->doors->arg, mailbox(flow), &state, flow->err);

	if (result == 0 && strcmp(state.data != NULL ? state.data : "", "needs_login") != 0) {
		buf_free(&state);
		return flow->doors->has_token(flow->doors->arg, mailbox(flow), flow->err);
	}
	buf_free(&state);
	if (result != 0)
		return -1;
	if (strcmp(way, "later") != 0) {
		flow->changed = true;
		return flow->doors->sign_in(flow->doors->arg, mailbox(flow), way, flow->err);
	}
	buf_printf(&text, "%s is to be signed in: mailbearer login %s\n", mailbox(flow), mailbox(flow));
	result = flow->doors->say(flow->doors->arg, &text, flow->err);
	buf_free(&text);
	return result;
}

/* Which of a domain's mailboxes would a token be for? The first mail asks. */
static int get_token(struct flow *flow)
{
	if (!setup_is(flow->answers, SETUP_ACCESS, "application"))
		return sign_in(flow);
	return mailbox(flow)[0] == '*' ? 0 : flow->doors->has_token(flow->doors->arg, mailbox(flow), flow->err);
}

/* --- Postfix --- */

static int bring_postfix_into_line(struct flow *flow)
{
	struct settings *settings;
	struct mta_wish wish = {.doors = flow->doors,
				.answers = flow->answers,
				.place = &flow->request->place,
				.config = flow->request->config};
	int result = settings_load(flow->request->config, &settings, flow->err);

	if (result != 0)
		return -1;
	wish.settings = settings;
	result = mta_bring_into_line(&wish, &flow->changed, flow->err);
	settings_free(settings);
	return result;
}

/* Of a domain's mailboxes, the one that gets the message sends it, too. */
static int send_test(struct flow *flow)
{
	const char *to = setup_text(flow->answers, SETUP_TEST_TO), *from = mailbox(flow);

	if (strcmp(to, "none") == 0)
		return 0;
	return mta_send_test(flow->doors, &flow->request->place, from[0] == '*' ? to : from, to, flow->err);
}

static int finish(struct flow *flow)
{
	return say(flow, flow->changed ? "Done.\n" : "nothing to change\n");
}

int setup_run(const struct setup_request *request, struct err *err)
{
	static step *const steps[] = {write_everything,        tell_homework, bring_tokend_up, get_token,
				      bring_postfix_into_line, send_test,     finish};
	struct flow flow = {.request = request,
			    .doors = request->doors,
			    .answers = request->answers,
			    .conf = BUF_INIT(CONF_MAX),
			    .err = err};
	int result = read_configuration(&flow);

	if (result == 0 && flow.answers->asking)
		result = say(&flow, greeting);
	if (result == 0)
		result = setup_ask(flow.doors, &flow.conf, flow.answers, err);
	for (size_t i = 0; result == 0 && i < sizeof steps / sizeof steps[0]; i++)
		result = steps[i](&flow);
	buf_free(&flow.conf);
	return result;
}

int setup_undo(const struct setup_request *request, struct err *err)
{
	const struct mta_wish wish = {
	    .doors = request->doors, .answers = request->answers, .place = &request->place, .config = request->config};

	return mta_undo(&wish, err);
}
