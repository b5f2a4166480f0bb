/*
 * The order of the guided first run: ask, write, prove, start, sign in, milter, Postfix, a message. Holds no step's own
 * knowledge. Called by the command setup.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "daemon/milter_knock.h"
#include "daemon/settings.h"
#include "setup/ask.h"
#include "setup/conf_edit.h"
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
#define MILTER_MS 10000 /* for the milter to answer */
#define PAUSE_MS 100

static const char greeting[] = "Enter takes what stands in brackets. Ctrl-C ends this at any time; run again, it\n"
			       "goes on where it was. What each answer means: mailbearer-setup(7).\n\n";

struct flow {
	const struct setup_request *request;
	const struct setup_doors *doors;
	struct setup_answers *answers;
	char folder[PATH_TEXT_MAX]; /* of the configuration */
	struct buf conf;            /* as it was at first */
	struct setup_written written;
	struct mta_outcome mta;
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

/* Where Postfix has its queue, appended; nothing: there is no Postfix, or it cannot be asked. */
static void find_queue(const struct flow *flow, struct buf *out)
{
	struct installation *installation;
	const char *queue;

	if (setup_is(flow->answers, SETUP_POSTFIX, "no") || setup_is(flow->answers, SETUP_MILTER, "off") ||
	    conf_has_section(&flow->conf, "milter", NULL) ||
	    installation_read(&flow->request->place, &installation, NULL) != 0)
		return;
	queue = installation_value(installation, "queue_directory");
	buf_puts(out, queue != NULL ? queue : "");
	installation_free(installation);
}

static int write_everything(struct flow *flow)
{
	struct buf queue = BUF_INIT(PATH_TEXT_MAX);
	struct setup_site site = {.folder = flow->folder};
	struct setup_plan plan;
	int result;

	if (file_make_folder(flow->folder, flow->err) != 0 || file_lock_folder(flow->folder, flow->err) != 0)
		return -1;
	find_queue(flow, &queue);
	site.queue = queue.len > 0 ? queue.data : NULL;
	result = setup_plan(&flow->conf, &site, flow->answers, &plan);
	buf_free(&queue);
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

static int start(struct flow *flow, enum service_wish wish, const char *name)
{
	struct buf told = BUF_INIT(HOMEWORK_MAX);
	struct service_paths paths;
	struct service_machine machine;
	int result;

	service_look(flow->request->is_usual ? NULL : flow->request->config, &paths, &machine);
	result = service_run(&machine, wish, &told, flow->err);
	flow->changed = true;
	if (told.len > 0 && flow->doors->say(flow->doors->arg, &told, result == 0 ? flow->err : NULL) != 0)
		result = -1;
	buf_clear(&told);
	buf_printf(&told, "  %s was started; have this machine start it at boot, too.\n", name);
	if (result == 0 && machine.manager == SERVICE_NONE)
		result = flow->doors->say(flow->doors->arg, &told, flow->err);
	buf_free(&told);
	return result == 0 ? 0 : err_prefix(flow->err, "%s cannot be started", name);
}

static int gives_no_answer(const struct flow *flow, const char *name, const char *why)
{
	return err_set(flow->err, ERR_UNREACHABLE, "%s was started, and gives no answer%s; its log says more%s%s", name,
		       why, flow->request->is_usual ? ": journalctl -n 20 -u " : "",
		       flow->request->is_usual ? name : "");
}

/* One that is started reads its files anyway. */
static int bring_tokend_up(struct flow *flow)
{
	const char *config = flow->request->config;
	bool running = false, behind, again;

	if (flow->doors->check_config(flow->doors->arg, flow->err) != 0)
		return -1;
	behind = flow->doors->is_behind(flow->doors->arg);
	flow->changed |= behind;
	again = behind || debt_is_owed(config, DEBT_TOKEND);
	if (flow->doors->tokend(flow->doors->arg, again, &running, flow->err) != 0)
		return -1;
	if (!running && (start(flow, SERVICE_START_TOKEND, "mailbearer-tokend") != 0 ||
			 flow->doors->tokend(flow->doors->arg, false, &running, flow->err) != 0))
		return -1;
	if (!running)
		return gives_no_answer(flow, "mailbearer-tokend", "");
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

/* --- the milter --- */

/* It may take a moment: only where a service manager starts it is it known when it is ready. */
static int wait_for_milter(const struct flow *flow, const char *listen)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	struct deadline deadline = deadline_after(MILTER_MS);
	struct err problem = {.code = ERR_NONE};
	char why[ERR_TEXT_MAX + 8];

	while (milter_knock(listen, deadline, &problem) != 0) {
		if (deadline_left(deadline) == 0) {
			snprintf(why, sizeof why, " (%s)", problem.text);
			return gives_no_answer(flow, "mailbearer-milter", why);
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Before Postfix is told of it, which would put mail off until it is there. It reads a new configuration by itself. */
static int bring_milter_up(struct flow *flow)
{
	struct settings *settings;
	struct err problem;
	int result = settings_load(flow->request->config, &settings, flow->err);

	if (result != 0)
		return -1;
	if (settings->milter.line != 0 &&
	    milter_knock(settings->milter.listen, deadline_after(MILTER_MS), &problem) != 0) {
		result = start(flow, SERVICE_START_MILTER, "mailbearer-milter");
		if (result == 0)
			result = wait_for_milter(flow, settings->milter.listen);
	}
	settings_free(settings);
	return result;
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
	result = mta_bring_into_line(&wish, &flow->mta, flow->err);
	flow->changed |= flow->mta.changed;
	settings_free(settings);
	return result;
}

/* What does not know of us would send it another way. */
static int say_no_test(const struct flow *flow, const char *from, const char *to)
{
	struct buf text = BUF_INIT(HOMEWORK_MAX);
	int result;

	buf_printf(&text, "No test message is sent, since %s. Without it:\n    mailbearer check %s --to %s\n",
		   flow->mta.absent ? "that is Postfix's to do" : "Postfix does not send by the account yet", from, to);
	result = flow->doors->say(flow->doors->arg, &text, flow->err);
	buf_free(&text);
	return result;
}

/* Does the milter make every stranger's mail this mailbox's? Then the message proves it. */
static bool gets_strangers_mail(const struct flow *flow, const char *address)
{
	struct settings *settings;
	const struct settings_milter *milter;
	bool result;

	if (settings_load(flow->request->config, &settings, NULL) != 0)
		return false;
	milter = &settings->milter;
	result = milter->line != 0 && strcmp(milter->mode, "rewrite") == 0 && settings->rule_count == 0 &&
		 milter->default_account != NULL && strcasecmp(milter->default_account, address) == 0;
	settings_free(settings);
	return result;
}

/* Of a domain's mailboxes, the one that gets the message sends it, too. */
static int send_test(struct flow *flow)
{
	const char *to = setup_text(flow->answers, SETUP_TEST_TO), *from = mailbox(flow);
	struct mta_test test = {.doors = flow->doors, .place = &flow->request->place, .recipient = to};

	if (strcmp(to, "none") == 0)
		return 0;
	test.mailbox = from[0] == '*' ? to : from;
	if (flow->mta.absent || flow->mta.left)
		return say_no_test(flow, test.mailbox, to);
	test.as_stranger = gets_strangers_mail(flow, test.mailbox);
	return mta_send_test(&test, flow->err);
}

static int finish(struct flow *flow)
{
	return say(flow, flow->changed ? "Done.\n" : "nothing to change\n");
}

int setup_run(const struct setup_request *request, struct err *err)
{
	static step *const steps[] = {write_everything, tell_homework,           bring_tokend_up, get_token,
				      bring_milter_up,  bring_postfix_into_line, send_test,       finish};
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
