/*
 * The command postfix-config: prints what Postfix has to be told, or changes an installation so, or changes it back.
 * What and how is postfix/'s; here is what is shown and asked. Called by main.c.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "postfix/apply.h"
#include "postfix/wished.h"

#define ANSWER_SIZE 16 /* bytes that a person types, with the NUL */

static int load(const struct cli_call *call, struct settings **out, struct err *err)
{
	return settings_load(call->config != NULL ? call->config : CLI_CONFIG_DEFAULT, out, err);
}

/* Each line of the text behind a mark, and broken where the terminal ends. */
static void put_notes(const struct buf *notes, const char *mark, struct buf *out)
{
	const char *line = notes->data != NULL ? notes->data : "";
	size_t len;

	for (; *line != '\0'; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		buf_puts(out, mark);
		output_safe(out, line, len);
		buf_puts(out, "\n");
	}
}

/* --- printing --- */

static void put_wished(const struct wished *wished, struct buf *out)
{
	struct buf notes = BUF_INIT(OUTPUT_MAX);

	wished_print_notes(wished, &notes);
	buf_puts(out, "# main.cf\n");
	put_notes(&notes, "# ", out);
	wished_print_parameters(wished, out);
	buf_puts(out, "\n# master.cf\n");
	wished_print_services(wished, out);
	out->failed |= notes.failed;
	buf_free(&notes);
}

static enum cli_exit print_wished(const struct settings *settings, struct err *err)
{
	struct wished_site site = {.queue_directory = NULL};
	struct buf text = BUF_INIT(OUTPUT_MAX);
	struct wished *wished;
	int result;

	if (wished_make(settings, &site, &wished, err) != 0)
		return CLI_FAILED;
	put_wished(wished, &text);
	wished_free(wished);
	result = output_print(&text, err);
	buf_free(&text);
	return result == 0 ? CLI_DONE : CLI_FAILED;
}

/* --- applying --- */

/* A text that is not ours, with its newlines and tabs, and nothing else that drives a terminal. */
static void put_text(const struct buf *text, struct buf *out)
{
	const char *at = text->data != NULL ? text->data : "";

	while (*at != '\0') {
		size_t plain = strspn(at, "\n\t"), len;

		buf_append(out, at, plain);
		len = strcspn(at + plain, "\n\t");
		output_safe(out, at + plain, len);
		at += plain + len;
	}
}

static int show(const struct apply_plan *plan, struct err *err)
{
	struct buf diff = BUF_INIT(OUTPUT_MAX), notes = BUF_INIT(OUTPUT_MAX), text = BUF_INIT(OUTPUT_MAX);
	int result;

	apply_diff(plan, &diff);
	apply_notes(plan, &notes);
	put_text(&diff, &text);
	put_notes(&notes, "note: ", &text);
	if (!apply_is_needed(plan))
		buf_puts(&text, "main.cf and master.cf have all that is needed; nothing was changed.\n");
	text.failed |= diff.failed || notes.failed;
	result = output_print(&text, err);
	buf_free(&text);
	buf_free(&notes);
	buf_free(&diff);
	return result;
}

static int confirm(struct err *err)
{
	char typed[ANSWER_SIZE];

	fprintf(stderr, "Change these files so? [y/N] ");
	if (fgets(typed, sizeof typed, stdin) == NULL || (strcmp(typed, "y\n") != 0 && strcmp(typed, "yes\n") != 0))
		return err_set(err, ERR_DENIED, "nothing was changed");
	return 0;
}

/* What was done, and what is left to do. */
static enum cli_exit tell(const struct cli_call *call, const struct buf *told, struct err *err)
{
	struct buf text = BUF_INIT(OUTPUT_MAX);
	int result;

	put_text(told, &text);
	buf_puts(&text, "Postfix takes it over with: postfix");
	if (call->config_dir != NULL)
		buf_printf(&text, " -c %s", call->config_dir);
	buf_puts(&text, " reload\n");
	result = output_print(&text, err);
	buf_free(&text);
	return result == 0 ? CLI_DONE : CLI_FAILED;
}

static enum cli_exit apply_shown(const struct cli_call *call, const struct apply_plan *plan, struct err *err)
{
	struct buf told = BUF_INIT(OUTPUT_MAX);
	enum cli_exit result = CLI_FAILED;

	if (show(plan, err) != 0)
		return CLI_FAILED;
	if (!apply_is_needed(plan))
		return CLI_DONE;
	if ((call->yes || confirm(err) == 0) && apply_commit(plan, &told, err) == 0)
		result = tell(call, &told, err);
	buf_free(&told);
	return result;
}

/* There, or with --undo back. */
static enum cli_exit change(const struct cli_call *call, const struct settings *settings, struct err *err)
{
	const struct installation_place place = {.postconf = call->postconf, .config_dir = call->config_dir};
	struct apply_plan *plan;
	enum cli_exit result;

	if ((call->undo ? apply_plan_undo(&place, &plan, err) : apply_plan(&place, settings, &plan, err)) != 0)
		return CLI_FAILED;
	result = apply_shown(call, plan, err);
	apply_plan_free(plan);
	return result;
}

static enum cli_exit prove_call(const struct cli_call *call, struct err *err)
{
	if (call->apply && call->undo)
		err_set(err, ERR_SYNTAX, "only one of --apply and --undo can be meant");
	else if (!call->apply && !call->undo && (call->yes || call->config_dir != NULL || call->postconf != NULL))
		err_set(err, ERR_SYNTAX, "--yes, --config-dir and --postconf go with --apply or --undo");
	else if ((call->apply || call->undo) && !call->yes && !isatty(STDIN_FILENO))
		err_set(err, ERR_SYNTAX, "nobody can be asked here, since standard input is no terminal; add --yes");
	else
		return CLI_DONE;
	return CLI_USAGE;
}

enum cli_exit cli_postfix_config(const struct cli_call *call, struct err *err)
{
	struct settings *settings;
	enum cli_exit result = prove_call(call, err);

	if (result != CLI_DONE)
		return result;
	if (call->undo)
		return change(call, NULL, err);
	if (load(call, &settings, err) != 0)
		return CLI_FAILED;
	result = call->apply ? change(call, settings, err) : print_wished(settings, err);
	settings_free(settings);
	return result;
}
