/*
 * One question to tokend: finds the socket, asks, and turns the answer into an exit status and a text. Called by every
 * command but check-config. Prints nothing but a warning about a configuration that cannot be used.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/output.h"
#include "client/tokenclient.h"
#include "daemon/settings.h"

/*
 * The socket of a tokend that runs with this configuration. Without -c, a configuration that is absent or not for our
 * eyes means the default socket, and so does a broken one: somebody is editing it while tokend runs with the old one.
 */
int ask_find(const struct cli_call *call, char path[ASK_PATH_SIZE], struct err *err)
{
	const char *config = call->config;
	const char *file = config ? config : CLI_CONFIG_DEFAULT;
	struct settings *settings;
	struct err problem;

	if (settings_load(file, &settings, &problem) == 0) {
		snprintf(path, ASK_PATH_SIZE, "%s", settings->tokend.listen.items[0]);
		settings_free(settings);
		return 0;
	}
	if (config)
		return err_set(err, problem.code, "%s", problem.text);
	if (access(file, R_OK) == 0) {
		err_prefix(&problem,
			   "warning: asking at " WIRE_SOCKET_DEFAULT ", because of an error in the configuration");
		output_complain(problem.text);
	}
	snprintf(path, ASK_PATH_SIZE, "%s", WIRE_SOCKET_DEFAULT);
	return 0;
}

/* Does the answer say that this user may not ask? tokend words it "uid 1000 may not ask ...". */
static bool is_about_rights(const struct err *err)
{
	return strncmp(err->text, "uid ", 4) == 0 && strstr(err->text, " may not ask ") != NULL;
}

/* tokend's refusal as our error. */
static void explain(const struct cli_call *call, enum wire_result result, const struct buf *answer, struct err *err)
{
	err_set(err, ERR_DENIED, "%.*s", (int)answer->len, answer->len ? answer->data : "");
	if (is_about_rights(err)) {
		if (!strstr(err->text, "sudo"))
			err_set(err, ERR_DENIED, "%s; or run it with sudo", err->text);
		return;
	}
	if (answer->len == 0)
		err_set(err, ERR_DENIED, "%s",
			result == WIRE_NOTFOUND ? "tokend has no such account; \"mailbearer status\" lists those it has"
						: "tokend refused without a reason; its log may have one");
	if (call->account && !strstr(err->text, call->account))
		err_prefix(err, "%s", call->account);
}

enum cli_exit ask_at(const char *path, const struct cli_call *call, const char *map, const struct buf *key,
		     struct buf *answer, struct err *err)
{
	struct tokenclient_question question = {
	    .socket_path = path,
	    .map = map,
	    .key = call->account ? call->account : "",
	    .reply_max = answer->max,
	};
	enum wire_result result;

	question.key_len = strlen(question.key);
	if (key) {
		question.key = key->data;
		question.key_len = key->len;
	}
	question.deadline = deadline_after(ASK_DEADLINE_MS);
	if (tokenclient_ask(&question, &result, answer, err) != 0)
		return err->code == ERR_MEMORY ? CLI_FAILED : CLI_NO_TOKEND;
	if (result == WIRE_OK)
		return CLI_DONE;
	explain(call, result, answer, err);
	return CLI_FAILED;
}

enum cli_exit ask(const struct cli_call *call, const char *map, const struct buf *key, struct buf *answer,
		  struct err *err)
{
	char path[ASK_PATH_SIZE];

	return ask_find(call, path, err) == 0 ? ask_at(path, call, map, key, answer, err) : CLI_FAILED;
}

enum cli_exit ask_and_tell(const struct cli_call *call, const char *map, const struct buf *key, const char *about,
			   struct err *err)
{
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX), line = BUF_INIT(OUTPUT_MAX);
	enum cli_exit result = ask(call, map, key, &answer, err);

	if (result == CLI_DONE) {
		buf_printf(&line, "%s: ", about);
		output_safe(&line, answer.data, answer.len);
		buf_puts(&line, "\n");
		if (output_print(&line, err) != 0)
			result = CLI_FAILED;
	}
	buf_free(&line);
	buf_free(&answer);
	return result;
}
