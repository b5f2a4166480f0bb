/*
 * The command explain: one text from the command line, or a log from standard input. Called by main.c through the
 * table. Asks nobody: neither tokend nor the provider.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/advice.h"
#include "cli/cli.h"
#include "cli/explain_log.h"
#include "cli/output.h"
#include "daemon/explain.h"

#define WORDS_BYTES (4 * 1024 * 1024) /* more than a command line can have */
#define LINE_MAX_BYTES 8192           /* what a line of a log is read to; the rest of a longer one is passed over */
#define INDENT 4
#define SPAN_MAX 160

/* --- one text --- */

static void append_part(struct buf *out, const char *name, struct explain_span span)
{
	if (span.len == 0)
		return;
	buf_printf(out, "%*s%-11s", INDENT, "", name);
	output_safe(out, span.at, span.len < SPAN_MAX ? span.len : SPAN_MAX);
	buf_puts(out, "\n");
}

/* What could be understood of a text that the tables do not know. */
static void append_parts(struct buf *out, const struct explain_found *found)
{
	const struct explain_reply *reply = &found->reply;

	if (found->aadsts != 0)
		buf_printf(out, "%*s%-11sAADSTS%ld (https://login.microsoftonline.com/error?code=%ld may know it)\n",
			   INDENT, "", "Entra", found->aadsts, found->aadsts);
	if (reply->basic != 0)
		buf_printf(out, "%*s%-11s%d: %s\n", INDENT, "", "reply", reply->basic,
			   reply->basic < 400   ? "no error"
			   : reply->basic < 500 ? "the server would have it tried again"
						: "the server does not want it tried again");
	if (reply->class_ != 0)
		buf_printf(out, "%*s%-11s%d.%d.%d\n", INDENT, "", "status", reply->class_, reply->subject,
			   reply->detail);
	append_part(out, "words", reply->text);
	append_part(out, "event", found->event);
	append_part(out, "account", found->account);
	append_part(out, "message", found->queue_id);
	append_part(out, "sender", found->sender);
	append_part(out, "server", found->relay);
}

static void append_variants(struct buf *out, const struct explain_found *found, size_t width)
{
	struct explain_cause cause;
	const char *words;

	for (unsigned i = 0; explain_variant(&found->reply, i, &cause, &words); i++) {
		buf_printf(out, "\nWith the words \"%s\":\n", words);
		advice_append(out, &cause, &(struct explain_values){.mailbox = NULL}, INDENT, width);
	}
}

static void append_known(struct buf *out, const struct explain_found *found, size_t width)
{
	char mailbox[SPAN_MAX + 1] = "";
	struct explain_span account = found->account.len > 0 ? found->account : found->sender;
	struct explain_values values = {.mailbox = NULL};

	if (account.len > 0 && account.len < sizeof mailbox) {
		memcpy(mailbox, account.at, account.len);
		values.mailbox = mailbox;
	}
	buf_printf(out, "%s\n", found->cause.name);
	advice_append(out, &found->cause, &values, INDENT, width);
	if (found->reply.text.len == 0)
		append_variants(out, found, width);
}

static enum cli_exit explain_one(const struct cli_call *call, struct err *err)
{
	struct buf text = BUF_INIT(WORDS_BYTES), out = BUF_INIT(OUTPUT_MAX);
	struct explain_found found;
	enum cli_exit result = CLI_DONE;

	for (unsigned i = 0; i < call->word_count; i++) {
		buf_puts(&text, i > 0 ? " " : "");
		buf_puts(&text, call->words[i]);
	}
	explain_text(text.data ? text.data : "", text.len, &found);
	if (found.known) {
		append_known(&out, &found, output_width());
	} else {
		buf_puts(&out, found.trouble
				   ? "Not known. What can be understood of it:\n"
				   : "Nothing in it tells of trouble that is known. What can be understood of it:\n");
		append_parts(&out, &found);
		err_set(err, ERR_NOT_FOUND, "the tables do not know it");
		result = CLI_FAILED;
	}
	if (output_print(&out, err) != 0)
		result = CLI_FAILED;
	buf_free(&out);
	buf_free(&text);
	return result;
}

/* --- a log --- */

/* Reads a line into `line`; what does not fit is passed over. False at the end. */
static bool read_line(FILE *file, char line[LINE_MAX_BYTES], size_t *len)
{
	int c = getc(file);

	for (*len = 0; c != EOF && c != '\n'; c = getc(file))
		if (*len < LINE_MAX_BYTES)
			line[(*len)++] = (char)c;
	return c != EOF || *len > 0;
}

static enum cli_exit explain_log(struct err *err)
{
	struct explain_log *log = explain_log_new();
	struct buf out = BUF_INIT(OUTPUT_MAX);
	char line[LINE_MAX_BYTES];
	enum cli_exit result = CLI_FAILED;
	size_t len;

	if (!log) {
		err_set(err, ERR_MEMORY, "out of memory");
		return CLI_FAILED;
	}
	if (isatty(STDIN_FILENO))
		fputs("Reading a log from the terminal; end it with Ctrl-D. See also: mailbearer explain --help\n",
		      stderr);
	while (read_line(stdin, line, &len))
		explain_log_line(log, line, len);
	if (ferror(stdin)) {
		err_sys(err, errno, "cannot read standard input");
	} else {
		explain_log_report(log, &out, output_width());
		result = output_print(&out, err) == 0 ? CLI_DONE : CLI_FAILED;
	}
	buf_free(&out);
	explain_log_free(log);
	return result;
}

enum cli_exit cli_explain(const struct cli_call *call, struct err *err)
{
	return call->word_count > 0 ? explain_one(call, err) : explain_log(err);
}
