/*
 * The command metrics: the accounts' state for Prometheus, on standard output or in a file that is replaced as a whole.
 * Called by main.c through the table.
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/metrics.h"
#include "cli/output.h"
#include "cli/status.h"
#include "daemon/file.h"
#include "daemon/jsondoc.h"

#define PREFIX "mailbearer_"

/* One figure of an account. False: the account has none. */
typedef bool figure(const json_t *account, int64_t *out);

static bool usable(const json_t *account, int64_t *out)
{
	int64_t left;

	*out = jsondoc_integer(account, "token_valid_for", &left) && left > 0;
	return true;
}

static bool token_left(const json_t *account, int64_t *out)
{
	if (!jsondoc_integer(account, "token_valid_for", out))
		*out = 0;
	return true;
}

static bool granted(const json_t *account, int64_t *out)
{
	return jsondoc_integer(account, "granted_at", out);
}

static bool refreshed(const json_t *account, int64_t *out)
{
	return jsondoc_integer(account, "last_refresh_at", out);
}

static bool failures(const json_t *account, int64_t *out)
{
	return jsondoc_integer(account, "failures", out);
}

static bool unsaved(const json_t *account, int64_t *out)
{
	*out = json_is_true(json_object_get(account, "unsaved"));
	return true;
}

static const struct family {
	const char *name, *help;
	figure *figure;
} families[] = {
    {"account_usable", "Whether the account has a token that is good.", usable},
    {"token_valid_seconds", "For how long the access token is good.", token_left},
    {"grant_timestamp_seconds", "When the mailbox was signed in.", granted},
    {"last_refresh_timestamp_seconds", "When the last access token came.", refreshed},
    {"failures_in_a_row", "Refreshes that failed since the last success.", failures},
    {"unsaved", "Whether the newest refresh token is not on disk.", unsaved},
};

static const char *const states[] = {"needs_login", "empty",   "refreshing",   "fresh",
				     "ageing",      "backoff", "misconfigured"};

static void append_head(struct buf *out, const char *name, const char *help)
{
	buf_printf(out, "# TYPE " PREFIX "%s gauge\n# HELP " PREFIX "%s %s\n", name, name, help);
}

/* NAME="VALUE", with the value escaped. */
static void append_label(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			buf_puts(out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_printf(out, "\\%c", *value);
		else
			buf_append(out, value, 1);
	}
	buf_puts(out, "\"");
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void append_sample(struct buf *out, const char *family, const json_t *account, const char *label,
			  const char *value, int64_t number)
{
	buf_printf(out, PREFIX "%s{", family);
	append_label(out, "account", text_of(account, "account"));
	if (label) {
		buf_puts(out, ",");
		append_label(out, label, value);
	}
	buf_printf(out, "} %lld\n", (long long)number);
}

static void append_states(struct buf *out, const json_t *accounts)
{
	const json_t *account;
	size_t i, state;

	append_head(out, "account_state", "The account's state: 1 for the one it is in.");
	json_array_foreach(accounts, i, account)
	{
		for (state = 0; state < sizeof states / sizeof states[0]; state++)
			append_sample(out, "account_state", account, "state", states[state],
				      strcmp(text_of(account, "state"), states[state]) == 0);
	}
}

/* The end of what tokend warns of: the client secret, the certificate, the grant. */
static void append_ends(struct buf *out, const json_t *accounts)
{
	const json_t *account, *warning;
	size_t i, j;
	int64_t ends;

	append_head(out, "ends_timestamp_seconds", "When something that is about to end does so.");
	json_array_foreach(accounts, i, account)
	{
		json_array_foreach(json_object_get(account, "warnings"), j, warning)
		{
			if (jsondoc_integer(warning, "ends_at", &ends))
				append_sample(out, "ends_timestamp_seconds", account, "what", text_of(warning, "what"),
					      ends);
		}
	}
}

void metrics_text(struct buf *out, const json_t *accounts)
{
	const json_t *account;
	size_t family, i;
	int64_t number;

	append_head(out, "up", "Whether tokend answers.");
	buf_printf(out, PREFIX "up %d\n", accounts != NULL);
	for (family = 0; accounts && family < sizeof families / sizeof families[0]; family++) {
		append_head(out, families[family].name, families[family].help);
		json_array_foreach(accounts, i, account)
		{
			if (families[family].figure(account, &number))
				append_sample(out, families[family].name, account, NULL, NULL, number);
		}
	}
	if (accounts) {
		append_states(out, accounts);
		append_ends(out, accounts);
	}
	buf_puts(out, "# EOF\n");
}

enum cli_exit cli_metrics(const struct cli_call *call, struct err *err)
{
	struct buf text = BUF_INIT(OUTPUT_MAX);
	struct err problem = {.code = ERR_NONE};
	json_t *accounts = NULL;
	enum cli_exit result = status_ask(call, &accounts, err);
	const struct file_owner owner = {0644, (uid_t)-1, (gid_t)-1};
	int written;

	if (result == CLI_DONE || result == CLI_NO_TOKEND) {
		metrics_text(&text, accounts);
		if (text.failed)
			written = err_set(&problem, ERR_LIMIT, "the text is too long");
		else if (call->text_file)
			written = file_write(call->text_file, FILE_REPLACE, &text, &owner, &problem);
		else
			written = output_print(&text, &problem);
		if (written != 0) {
			*err = problem;
			result = CLI_FAILED;
		}
	}
	json_decref(accounts);
	buf_free(&text);
	return result;
}
