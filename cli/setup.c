/*
 * The command setup: opens the doors that the guided first run goes through, which are the terminal and the other
 * commands. What is asked and done, and in which order, is the folder setup's. Called by main.c through the table.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/advice.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/read_line.h"
#include "cli/read_secret.h"
#include "daemon/explain.h"
#include "daemon/jsondoc.h"
#include "daemon/settings_state.h"
#include "lib/wire.h"
#include "setup/flow.h"

#define PAUSE_MS 1000

static volatile sig_atomic_t interrupted;

static void on_signal(int signo)
{
	(void)signo;
	interrupted = 1;
}

static void handle_signals(void (*handler)(int))
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = handler};

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &action, NULL);
}

static int say_interrupted(struct err *err)
{
	return err_set(err, ERR_DENIED, "interrupted; run mailbearer setup again, and it goes on from here");
}

/* Other commands' words of it are those of one that has changed nothing. -1. */
static int in_our_words(struct err *err)
{
	return strncmp(err->text, "interrupted", strlen("interrupted")) == 0 ? say_interrupted(err) : -1;
}

/* --- the person --- */

static int keep_waiting(void *arg, struct err *err)
{
	(void)arg;
	return interrupted ? say_interrupted(err) : 0;
}

static int read_answer(struct buf *out, struct err *err)
{
	const struct read_line_pause pause = {PAUSE_MS, keep_waiting, NULL};

	switch (read_line(out, &pause, err)) {
	case READ_LINE_DONE:
		return 0;
	case READ_LINE_END:
		return err_set(err, ERR_DENIED, "no answer; run mailbearer setup again, and it goes on from here");
	case READ_LINE_FAILED:
		break;
	}
	return interrupted ? say_interrupted(err) : -1;
}

/* Only while the terminal is not as it was may a signal not end us at once: all else may be left at any moment. */
static int ask_person(void *arg, const char *prompt, const char *preset, struct buf *out, struct err *err)
{
	int result;

	(void)arg;
	handle_signals(on_signal);
	if (*preset != '\0')
		fprintf(stderr, "%s [%s]: ", prompt, preset);
	else
		fprintf(stderr, "%s: ", prompt);
	result = read_answer(out, err);
	handle_signals(SIG_DFL);
	return result;
}

static int ask_secret(void *arg, const char *prompt, const char *file, struct buf *out, struct err *err)
{
	const struct read_secret_kind kind = {"client secret", prompt, false, file == NULL};

	(void)arg;
	return read_secret(&kind, file != NULL ? file : "-", out, err) == 0 ? 0 : in_our_words(err);
}

static int say(void *arg, const struct buf *text, struct err *err)
{
	struct buf safe = BUF_INIT(OUTPUT_MAX);
	const char *line = text->data != NULL ? text->data : "";
	int result;

	(void)arg;
	for (size_t len; *line != '\0'; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		output_safe(&safe, line, len);
		buf_puts(&safe, line[len] == '\n' ? "\n" : "");
	}
	safe.failed |= text->failed;
	result = output_print(&safe, err);
	buf_free(&safe);
	return result;
}

static void warn(void *arg, const char *text)
{
	char line[ERR_TEXT_MAX];

	(void)arg;
	snprintf(line, sizeof line, "warning: %s", text);
	output_complain(line);
}

static void explain(void *arg, const char *text, const char *mailbox, struct buf *out)
{
	const struct explain_values values = {.mailbox = mailbox};
	struct explain_found found;

	(void)arg;
	explain_text(text, strlen(text), &found);
	if (found.known)
		advice_append(out, &found.cause, &values, 2, output_width());
}

/* --- the other commands --- */

/* It becomes tokend's user, from which there is no way back: so not we. */
static int check_config(void *arg, struct err *err)
{
	const struct cli_call *call = arg;
	pid_t child;
	int status = 0;

	fflush(stdout);
	child = fork();
	if (child < 0)
		return err_sys(err, errno, "cannot check the configuration");
	if (child == 0) {
		enum cli_exit result = cli_check_config(call, err);

		if (result != CLI_DONE)
			output_complain(err->text);
		fflush(stdout);
		_exit((int)result);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CLI_DONE)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "the configuration is not right yet; correct it, and run mailbearer setup again");
}

static int tokend(void *arg, bool again, bool *running, struct err *err)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	const struct cli_call *call = arg;
	enum cli_exit result = ask(call, again ? "reload" : "version", NULL, &answer, err);

	buf_free(&answer);
	*running = result != CLI_NO_TOKEND;
	return result == CLI_FAILED ? -1 : 0;
}

/* Somebody has edited it since. One that cannot tell, or has another file, is not behind. */
static bool is_behind(void *arg)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	const struct cli_call *call = arg;
	struct settings *settings = NULL;
	struct settings_told theirs;
	struct err err;
	bool behind = ask(call, "configuration", NULL, &answer, &err) == CLI_DONE && answer.data != NULL &&
		      settings_load(call->config != NULL ? call->config : CLI_CONFIG_DEFAULT, &settings, NULL) == 0 &&
		      settings_state_compare(settings, answer.data, &theirs) == SETTINGS_CHANGED;

	settings_free(settings);
	buf_free(&answer);
	return behind;
}

static int state(void *arg, const char *account, struct buf *out, struct err *err)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	struct cli_call call = *(const struct cli_call *)arg;
	json_t *object = NULL;
	const char *text;

	call.account = account;
	if (ask(&call, "status", NULL, &answer, err) == CLI_DONE)
		object = jsondoc_parse_object(answer.data != NULL ? answer.data : "", answer.len, err);
	text = object != NULL ? jsondoc_string(object, "state") : NULL;
	buf_puts(out, text != NULL ? text : "");
	json_decref(object);
	buf_free(&answer);
	if (object == NULL)
		return -1;
	return text != NULL ? 0 : err_set(err, ERR_SYNTAX, "tokend's answer tells no state");
}

static int sign_in(void *arg, const char *account, const char *way, struct err *err)
{
	struct cli_call call = *(const struct cli_call *)arg;
	enum cli_exit result;

	call.account = account;
	call.way = strcmp(way, "browser") == 0  ? CLI_WAY_BROWSER
		   : strcmp(way, "paste") == 0  ? CLI_WAY_PASTE
		   : strcmp(way, "device") == 0 ? CLI_WAY_DEVICE
						: CLI_WAY_ANY;
	result = cli_login(&call, err);
	handle_signals(SIG_DFL); /* login has its own */
	return result == CLI_DONE ? 0 : in_our_words(err);
}

static int has_token(void *arg, const char *account, struct err *err)
{
	struct buf token = BUF_INIT(WIRE_REPLY_MAX); /* wipes itself */
	struct cli_call call = *(const struct cli_call *)arg;
	enum cli_exit result;

	call.account = account;
	result = ask(&call, "token", NULL, &token, err);
	buf_free(&token);
	return result == CLI_DONE ? 0 : -1;
}

/* --- the command --- */

static int take_answers(const struct cli_call *call, struct setup_answers *answers, struct err *err)
{
	for (unsigned id = 0; id < SETUP_QUESTIONS; id++)
		if (call->answers[id] != NULL && setup_answer(answers, id, call->answers[id]) != 0)
			return err_set(err, ERR_MEMORY, "out of memory");
	if (call->account == NULL)
		return 0;
	if (call->answers[SETUP_MAILBOX] != NULL)
		return err_set(err, ERR_SYNTAX, "the mailbox is given twice");
	return setup_answer(answers, SETUP_MAILBOX, call->account) == 0 ? 0 : err_set(err, ERR_MEMORY, "out of memory");
}

enum cli_exit cli_setup(const struct cli_call *call, struct err *err)
{
	struct cli_call ours = *call;
	struct setup_doors doors = {&ours,  ask_person, ask_secret, say,     warn,      check_config,
				    tokend, is_behind,  state,      sign_in, has_token, explain};
	struct setup_answers answers = {.asking = !call->yes};
	struct setup_request request = {
	    .config = call->config != NULL ? call->config : CLI_CONFIG_DEFAULT,
	    .is_usual = call->config == NULL || strcmp(call->config, CLI_CONFIG_DEFAULT) == 0,
	    .place = {.postconf = call->postconf, .config_dir = call->config_dir},
	    .doors = &doors,
	    .answers = &answers,
	};
	int result = take_answers(call, &answers, err);

	signal(SIGPIPE, SIG_IGN);
	if (result == 0 && answers.asking && !isatty(STDIN_FILENO))
		result = err_set(err, ERR_SYNTAX,
				 "nobody can be asked here, since standard input is no terminal; add --yes%s",
				 call->undo ? "" : ", and the answers as options");
	ours.account = NULL;
	if (result == 0)
		result = call->undo ? setup_undo(&request, err) : setup_run(&request, err);
	setup_answers_free(&answers);
	if (result == 0)
		return CLI_DONE;
	return err->code == ERR_SYNTAX ? CLI_USAGE : CLI_FAILED;
}
