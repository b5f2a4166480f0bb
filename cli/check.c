/*
 * The command check: prints what check/ finds, a line for each step, and below it what to do. Called by main.c through
 * the table of commands. What came from outside is made safe before it is printed.
 */
#include <jansson.h>
#include <string.h>

#include "check/check.h"
#include "cli/advice.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "daemon/jsondoc.h"

#define MARK_WIDTH 8
#define STEP_WIDTH 12
#define INDENT 4

#define UNTRIED_MAX 8

/* Steps that were not tried, by what they need; whatever comes after so many of these is put to the last. */
struct untried {
	const char *needs;
	unsigned count;
	char step[STEP_WIDTH + 1]; /* the first of them */
};

struct printer {
	const struct cli_call *call;
	char account[512]; /* whose steps are being printed */
	struct untried untried[UNTRIED_MAX];
	struct err *err;
	bool failed; /* standard output cannot be written */
};

/* --- for people --- */

/* Commands are never folded, so that they can be copied. */
static void append_lines(struct buf *out, const char *lines)
{
	size_t len;

	for (; *lines != '\0'; lines += len + (lines[len] == '\n')) {
		len = strcspn(lines, "\n");
		buf_printf(out, "%*s", 2 * INDENT, "");
		output_safe(out, lines, len);
		buf_puts(out, "\n");
	}
}

static void append_what_to_do(struct buf *out, const struct finding *finding, const struct explain_values *values)
{
	struct buf sentence = BUF_INIT(FINDING_TEXT_MAX + 2);

	if (finding->known && finding->leads_back)
		advice_append_meaning(out, &finding->cause, INDENT, output_width());
	else if (finding->known)
		advice_append(out, &finding->cause, values, INDENT, output_width());
	if (finding->advice[0] != '\0') {
		buf_printf(&sentence, "%s.", finding->advice);
		if (sentence.data[0] >= 'a' && sentence.data[0] <= 'z')
			sentence.data[0] = (char)(sentence.data[0] - 'a' + 'A');
		output_paragraph(out, sentence.data, INDENT, output_width());
	}
	if (finding->lines.len > 0)
		append_lines(out, finding->lines.data);
	buf_free(&sentence);
}

static void append_text(struct buf *out, const char *account, const char *step, const struct settings_client *client,
			const struct finding *finding)
{
	const struct explain_values values = {.mailbox = account,
					      .app = client != NULL ? client->client_id : NULL,
					      .tenant = client != NULL ? client->tenant : NULL};

	buf_printf(out, "%-*s%-*s", MARK_WIDTH, finding_mark_name(finding->mark), STEP_WIDTH, step);
	output_safe(out, finding->text, strlen(finding->text));
	buf_puts(out, "\n");
	if (finding->mark == FINDING_FAILED || finding->mark == FINDING_WARNING)
		append_what_to_do(out, finding, &values);
}

/* --- for programs --- */

static json_t *lines_as_array(const struct buf *lines)
{
	const char *at = lines->len > 0 ? lines->data : "";
	json_t *array = json_array();
	size_t len;

	for (; *at != '\0'; at += len + (at[len] == '\n')) {
		len = strcspn(at, "\n");
		json_array_append_new(array, json_stringn_nocheck(at, len));
	}
	return array;
}

static void append_json(struct buf *out, const char *account, const char *step, const struct finding *finding)
{
	json_t *object =
	    json_pack("{s:s, s:s?, s:s, s:s, s:s, s:o}", "step", step, "account", account, "mark",
		      finding_mark_name(finding->mark), "text", finding->text, "advice",
		      finding->known && !finding->leads_back ? finding->cause.advice->remedy : finding->advice, "lines",
		      lines_as_array(&finding->lines));

	/* Bytes that are no UTF-8 cannot be in JSON. */
	if (object == NULL || jsondoc_append(object, out) != 0)
		buf_printf(out, "{\"step\":\"%s\",\"mark\":\"%s\"}", step, finding_mark_name(finding->mark));
	buf_puts(out, "\n");
	json_decref(object);
}

/* --- steps that were not tried --- */

static void remember_untried(struct printer *printer, const char *step, const char *needs)
{
	struct untried *at = printer->untried, *last = at + UNTRIED_MAX - 1;

	while (at < last && at->count > 0 && strcmp(at->needs, needs) != 0)
		at++;
	if (at->count++ > 0)
		return;
	at->needs = needs;
	snprintf(at->step, sizeof at->step, "%s", step);
}

/* One line for all that need the same; a single one has its own. */
static void append_untried(struct printer *printer, struct buf *out)
{
	const char *mark = finding_mark_name(FINDING_SKIPPED);

	for (struct untried *at = printer->untried; at < printer->untried + UNTRIED_MAX && at->count > 0; at++) {
		const char *needs = strcmp(at->needs, "config") == 0 ? "the configuration" : at->needs;

		if (at->count == 1)
			buf_printf(out, "%-*s%-*sneeds %s\n", MARK_WIDTH, mark, STEP_WIDTH, at->step, needs);
		else
			buf_printf(out, "%-*s%u further steps not tried: they need %s\n", MARK_WIDTH, mark, at->count,
				   needs);
		at->count = 0;
	}
}

/* --- both --- */

static void begin_account(struct printer *printer, const char *account, struct buf *out)
{
	append_untried(printer, out);
	snprintf(printer->account, sizeof printer->account, "%s", account);
	buf_puts(out, "\n");
	output_safe(out, account, strlen(account));
	buf_puts(out, "\n");
}

static void print_step(void *arg, const char *step, const char *account, const struct settings_client *client,
		       const struct finding *finding)
{
	struct printer *printer = arg;
	struct buf out = BUF_INIT(OUTPUT_MAX);

	if (printer->call->json) {
		append_json(&out, account, step, finding);
	} else {
		if (account != NULL && strcmp(account, printer->account) != 0)
			begin_account(printer, account, &out);
		if (finding->needs != NULL)
			remember_untried(printer, step, finding->needs);
		else
			append_text(&out, account, step, client, finding);
	}
	if (output_print(&out, printer->err) != 0)
		printer->failed = true;
	buf_free(&out);
}

static void print_counts(struct printer *printer, const struct check_counts *counts)
{
	struct buf out = BUF_INIT(4096);

	append_untried(printer, &out);
	buf_printf(&out, "\n%u ok, %u warnings, %u failed, %u skipped\n", counts->ok, counts->warnings, counts->failed,
		   counts->skipped);
	if (output_print(&out, printer->err) != 0)
		printer->failed = true;
	buf_free(&out);
}

enum cli_exit cli_check(const struct cli_call *call, struct err *err)
{
	char program[1024];
	const struct check_options options = {
	    .program = program,
	    .config = call->config != NULL ? call->config : CLI_CONFIG_DEFAULT,
	    .account = call->account,
	    .recipient = call->recipient,
	    .config_dir = call->config_dir,
	    .postconf = call->postconf,
	    .no_network = call->no_network,
	};
	struct printer printer = {.call = call, .err = err};
	struct check_counts counts;

	snprintf(program, sizeof program, "mailbearer%s%s", call->config != NULL ? " -c " : "",
		 call->config != NULL ? call->config : "");
	counts = check_run(&options, print_step, &printer);

	if (!call->json)
		print_counts(&printer, &counts);
	if (printer.failed)
		return CLI_FAILED;
	if (counts.no_tokend)
		return CLI_NO_TOKEND;
	return counts.failed > 0 ? CLI_FAILED : CLI_DONE;
}
