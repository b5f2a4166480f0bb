/*
 * The command login: starts a sign-in in tokend, tells the person what to do, and asks tokend each second how it goes,
 * which also tells tokend that somebody is still there. Interrupted, it cancels. No token and no verifier comes here; a
 * code does with --paste only, on its way in. Called by main.c through the table of commands.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/browser.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/read_line.h"
#include "daemon/jsondoc.h"
#include "lib/wire.h"

#define ID_SIZE 64
#define PASTED_MAX 8192 /* bytes of an address: what tokend takes */
#define PAUSE_MS 1000
#define PASTE_TRIES 3

/* A sign-in that runs in tokend. */
struct signin {
	const struct cli_call *call;
	char path[ASK_PATH_SIZE];
	char id[ID_SIZE];
	enum cli_way way;
	bool counting; /* a countdown stands on the terminal */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signo)
{
	(void)signo;
	interrupted = 1;
}

/* Once: who presses Ctrl-C again does not want to wait for tokend. */
static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* --- asking tokend --------------------------------------------------------------------------------------------------
 */

/* "login ACCOUNT VERB ARGUMENT MORE"; the answer as an object that is to be freed with json_decref, or NULL with
 * *result and *err set. More may be NULL. */
static json_t *ask_login(const struct signin *signin, const char *verb, const char *argument, const struct buf *more,
			 enum cli_exit *result, struct err *err)
{
	struct buf key = BUF_INIT(WIRE_REQUEST_MAX), answer = BUF_INIT(WIRE_REPLY_MAX);
	json_t *object = NULL;

	buf_printf(&key, "%s %s %s", signin->call->account, verb, argument);
	if (more != NULL) {
		buf_puts(&key, " ");
		buf_append(&key, more->data, more->len);
	}
	*result = CLI_FAILED;
	if (key.failed)
		err_set(err, ERR_MEMORY, "out of memory");
	else
		*result = ask_at(signin->path, signin->call, "login", &key, &answer, err);
	if (*result == CLI_DONE) {
		object = jsondoc_parse_object(answer.data != NULL ? answer.data : "", answer.len, err);
		if (object == NULL)
			*result = CLI_FAILED;
	}
	buf_free(&key);
	buf_free(&answer);
	return object;
}

static bool has_state(const json_t *object, const char *state)
{
	const char *text = jsondoc_string(object, "state");

	return text != NULL && strcmp(text, state) == 0;
}

/* tokend's answer is no object; and whether it gets this is all the same: it notices by itself that nobody asks any
 * more. */
static void cancel(const struct signin *signin)
{
	struct buf key = BUF_INIT(WIRE_REQUEST_MAX), answer = BUF_INIT(WIRE_REPLY_MAX);

	buf_printf(&key, "%s cancel %s", signin->call->account, signin->id);
	if (!key.failed)
		(void)ask_at(signin->path, signin->call, "login", &key, &answer, NULL);
	buf_free(&key);
	buf_free(&answer);
}

/* --- telling the person ---------------------------------------------------------------------------------------------
 */

static int print(struct buf *text, struct err *err)
{
	int status = output_print(text, err);

	buf_free(text);
	return status;
}

static void append_text(struct buf *out, const json_t *object, const char *key)
{
	const char *text = jsondoc_string(object, key);

	output_safe(out, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

static int show_address(const struct signin *signin, const json_t *started, struct err *err)
{
	const char *address = jsondoc_string(started, "address");
	struct buf text = BUF_INIT(OUTPUT_MAX);
	bool paste = signin->way == CLI_WAY_PASTE;

	if (address == NULL)
		return err_set(err, ERR_SYNTAX, "tokend's answer holds no address");
	buf_printf(&text, "Sign in as %s at this address", signin->call->account);
	buf_puts(&text, paste ? ", in a browser anywhere:\n\n  " : ", in a browser on this machine:\n\n  ");
	append_text(&text, started, "address");
	buf_puts(&text, "\n\n");
	if (paste)
		buf_puts(&text,
			 "At the end the browser says that it cannot open a page: that is right. Copy the\n"
			 "whole address that it shows then, and paste it here.\n\n");
	else if (browser_open(address))
		buf_puts(&text, "A browser was asked to open it. If it does not, open it by hand.\n\n");
	else
		buf_puts(&text, "If the browser is on another machine, use --paste.\n\n");
	return print(&text, err);
}

static int show_code(const json_t *started, struct err *err)
{
	struct buf text = BUF_INIT(OUTPUT_MAX);
	const char *warning = jsondoc_string(started, "warning");

	buf_puts(&text, "Open ");
	append_text(&text, started, "verification_uri");
	buf_puts(&text, " in a browser anywhere and type in this code:\n\n  ");
	append_text(&text, started, "user_code");
	buf_puts(&text, "\n\n");
	if (warning != NULL) {
		output_paragraph(&text, warning, 0, output_width());
		buf_puts(&text, "\n");
	}
	return print(&text, err);
}

static void show_countdown(struct signin *signin, const json_t *pending)
{
	int64_t left = 0;

	if (!isatty(STDERR_FILENO) || !jsondoc_integer(pending, "expires_in", &left))
		return;
	fprintf(stderr, "\rWaiting for the sign-in: %lld:%02lld left. Ctrl-C ends it. ", (long long)(left / 60),
		(long long)(left % 60));
	signin->counting = true;
}

static void end_countdown(struct signin *signin)
{
	if (signin->counting)
		fprintf(stderr, "\r%60s\r", "");
	signin->counting = false;
}

static int show_done(const struct signin *signin, const json_t *done, struct err *err)
{
	struct buf text = BUF_INIT(OUTPUT_MAX), warning = BUF_INIT(ERR_TEXT_MAX);
	const char *user = jsondoc_string(done, "signed_in_as");

	if (user != NULL && json_is_true(json_object_get(done, "other_mailbox"))) {
		buf_printf(&warning,
			   "warning: it was %s who signed in, not %s. The mail server takes such a token for the "
			   "mailbox of its own user only: sign in as %s, or name the account %s.",
			   user, signin->call->account, signin->call->account, user);
		output_complain(warning.data != NULL ? warning.data : "");
	}
	buf_printf(&text, "%s: ", signin->call->account);
	append_text(&text, done, "message");
	buf_puts(&text, "\n");
	buf_free(&warning);
	return print(&text, err);
}

/* --- the way through
 * -------------------------------------------------------------------------------------------------- */

static enum cli_exit end_interrupted(struct signin *signin, struct err *err)
{
	end_countdown(signin);
	cancel(signin);
	err_set(err, ERR_DENIED, "interrupted; nothing was changed");
	return CLI_FAILED;
}

/* Until there is an outcome. */
static enum cli_exit wait_for_it(struct signin *signin, struct err *err)
{
	enum cli_exit result;
	json_t *object;

	for (;;) {
		if (interrupted)
			return end_interrupted(signin, err);
		object = ask_login(signin, "wait", signin->id, NULL, &result, err);
		if (object == NULL || !has_state(object, "pending"))
			break;
		show_countdown(signin, object);
		json_decref(object);
	}
	end_countdown(signin);
	if (object != NULL && show_done(signin, object, err) != 0)
		result = CLI_FAILED;
	json_decref(object);
	return result;
}

/* Tells tokend that somebody is still here. Not 0: it is over. */
static int keep_alive(void *arg, struct err *err)
{
	const struct signin *signin = arg;
	enum cli_exit result;
	json_t *object;

	if (interrupted)
		return err_set(err, ERR_DENIED, "interrupted");
	object = ask_login(signin, "wait", signin->id, NULL, &result, err);
	json_decref(object);
	return result == CLI_DONE ? 0 : -1;
}

/* What was brought goes to tokend. True: it was what tokend waits for, or it is over; *result says which. */
static bool bring(const struct signin *signin, const struct buf *pasted, enum cli_exit *result, struct err *err)
{
	json_t *object = ask_login(signin, "answer", signin->id, pasted, result, err);
	bool again = object != NULL && has_state(object, "again");

	if (again) {
		const char *problem = jsondoc_string(object, "problem");

		err_set(err, ERR_SYNTAX, "%s", problem != NULL ? problem : "that is not the address");
		*result = CLI_FAILED;
	}
	json_decref(object);
	return !again;
}

/* One try. As bring(). */
static bool ask_for_address(struct signin *signin, enum cli_exit *result, struct err *err)
{
	const struct read_line_pause pause = {PAUSE_MS, keep_alive, signin};
	struct buf pasted = BUF_INIT(PASTED_MAX);
	bool over = true;

	if (isatty(STDIN_FILENO))
		fputs("Address: ", stderr);
	*result = CLI_FAILED;
	switch (read_line(&pasted, &pause, err)) {
	case READ_LINE_DONE:
		over = bring(signin, &pasted, result, err);
		break;
	case READ_LINE_END:
		err_set(err, ERR_SYNTAX, "no address came; nothing was changed");
		break;
	case READ_LINE_FAILED:
		break;
	}
	buf_free(&pasted);
	return over;
}

static enum cli_exit paste(struct signin *signin, struct err *err)
{
	enum cli_exit result = CLI_FAILED;

	for (int i = 0; i < PASTE_TRIES; i++) {
		if (ask_for_address(signin, &result, err))
			break;
		if (i + 1 < PASTE_TRIES)
			output_complain(err->text);
	}
	if (interrupted)
		return end_interrupted(signin, err);
	if (result == CLI_DONE)
		return wait_for_it(signin, err);
	cancel(signin);
	return result;
}

static enum cli_way choose_way(const struct cli_call *call)
{
	if (call->way != CLI_WAY_ANY)
		return call->way;
	return !browser_has_display() && isatty(STDIN_FILENO) ? CLI_WAY_PASTE : CLI_WAY_BROWSER;
}

/* What tokend said to `start`: whose sign-in it is from now on, and what the person is to do. */
static int begin(struct signin *signin, const json_t *started, struct err *err)
{
	const char *id = jsondoc_string(started, "id");

	if (id == NULL || strlen(id) >= sizeof signin->id)
		return err_set(err, ERR_SYNTAX, "tokend's answer names no sign-in");
	strcpy(signin->id, id);
	return signin->way == CLI_WAY_DEVICE ? show_code(started, err) : show_address(signin, started, err);
}

enum cli_exit cli_login(const struct cli_call *call, struct err *err)
{
	static const char *const ways[] = {
	    [CLI_WAY_BROWSER] = "browser", [CLI_WAY_PASTE] = "paste", [CLI_WAY_DEVICE] = "device"};
	struct signin signin = {.call = call, .way = choose_way(call)};
	enum cli_exit result;
	json_t *started;

	if (ask_find(call, signin.path, err) != 0)
		return CLI_FAILED;
	catch_signals();
	started = ask_login(&signin, "start", ways[signin.way], NULL, &result, err);
	if (started != NULL && begin(&signin, started, err) != 0) {
		cancel(&signin);
		result = CLI_FAILED;
	} else if (started != NULL) {
		result = signin.way == CLI_WAY_PASTE ? paste(&signin, err) : wait_for_it(&signin, err);
	}
	json_decref(started);
	return result;
}
