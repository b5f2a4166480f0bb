/*
 * The one line and the exit status that Nagios and Icinga expect. Pure. Called by status.c. An account is critical when
 * its mail waits and somebody must act, or a refresh token could be lost; what passes by itself or lies ahead is a
 * warning.
 */
#include <string.h>

#include "cli/output.h"
#include "cli/status_check.h"
#include "daemon/jsondoc.h"

#define REASON_MAX 400
#define REASONS_MAX 1500 /* bytes of all accounts' reasons: plugins' output is cut at 4 KiB by old servers */
#define LABEL_MAX 1024

static const char *const level_names[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

static const char *text_of(const json_t *account, const char *key)
{
	const char *text = json_string_value(json_object_get(account, key));

	return text ? text : "";
}

static int64_t number_of(const json_t *account, const char *key)
{
	int64_t number;

	return jsondoc_integer(account, key, &number) ? number : 0;
}

/* The text made safe, and without the '|' that begins the performance data. */
static void append_words(struct buf *out, const char *text)
{
	size_t at = out->len;

	output_safe(out, text, strlen(text));
	for (; !out->failed && at < out->len; at++)
		if (out->data[at] == '|')
			out->data[at] = '/';
}

static enum status_level level_of_warnings(const json_t *account, struct buf *reason)
{
	const json_t *warning = json_array_get(json_object_get(account, "warnings"), 0);

	if (!warning)
		return STATUS_OK;
	append_words(reason, text_of(warning, "what"));
	buf_puts(reason, " ends or has ended; ");
	append_words(reason, text_of(warning, "remedy"));
	return STATUS_WARNING;
}

static void append_error(const json_t *account, struct buf *reason)
{
	append_words(reason, text_of(account, "state"));
	buf_puts(reason, ", ");
	append_words(reason, text_of(account, "last_error"));
	if (text_of(account, "remedy")[0] != '\0') {
		buf_puts(reason, "; ");
		append_words(reason, text_of(account, "remedy"));
	}
}

static enum status_level level_of(const json_t *account, struct buf *reason)
{
	const char *state = text_of(account, "state");
	bool has_token = number_of(account, "token_valid_for") > 0;

	if (strcmp(state, "needs_login") == 0 || strcmp(state, "misconfigured") == 0) {
		append_error(account, reason);
		return STATUS_CRITICAL;
	}
	if (json_is_true(json_object_get(account, "unsaved"))) {
		buf_puts(reason, "its newest refresh token could not be saved; do not stop tokend");
		return STATUS_CRITICAL;
	}
	if (strcmp(state, "backoff") == 0 || number_of(account, "failures") > 0) {
		append_error(account, reason);
		return has_token ? STATUS_WARNING : STATUS_CRITICAL;
	}
	if (json_is_true(json_object_get(account, "other_mailbox"))) {
		buf_puts(reason, "somebody else signed in: ");
		append_words(reason, text_of(account, "signed_in_as"));
		return STATUS_WARNING;
	}
	return level_of_warnings(account, reason);
}

/* 'NAME_what', quoted as the guidelines have it: a quote is doubled, and no '=' may be inside. */
static void append_label(struct buf *out, const char *name, const char *what)
{
	struct buf safe = BUF_INIT(LABEL_MAX);

	append_words(&safe, name);
	buf_puts(out, " '");
	for (size_t i = 0; i < safe.len; i++) {
		if (safe.data[i] == '\'')
			buf_puts(out, "'");
		buf_append(out, safe.data[i] == '=' ? "_" : safe.data + i, 1);
	}
	buf_printf(out, "_%s'=", what);
	buf_free(&safe);
}

static void append_figures(struct buf *out, const json_t *account, int64_t now)
{
	const char *name = text_of(account, "account");
	int64_t granted = number_of(account, "granted_at");

	append_label(out, name, "token");
	buf_printf(out, "%llds;;;0", (long long)number_of(account, "token_valid_for"));
	append_label(out, name, "failures");
	buf_printf(out, "%lld;;;0", (long long)number_of(account, "failures"));
	if (granted > 0 && granted <= now) {
		append_label(out, name, "grant_age");
		buf_printf(out, "%llds;;;0", (long long)(now - granted));
	}
}

/* The reasons of the accounts at this very level, while there is room. Returns how many accounts are at it. */
static size_t append_level(struct buf *reasons, const json_t *accounts, enum status_level level)
{
	const json_t *account;
	size_t i, count = 0;

	json_array_foreach(accounts, i, account)
	{
		struct buf reason = BUF_INIT(REASON_MAX), one = BUF_INIT(REASON_MAX + LABEL_MAX);

		if (level_of(account, &reason) == level) {
			count++;
			buf_puts(&one, reasons->len > 0 ? "; " : "");
			append_words(&one, text_of(account, "account"));
			buf_puts(&one, ": ");
			buf_append(&one, reason.data ? reason.data : "", reason.len);
			if (!one.failed && reasons->len + one.len <= reasons->max)
				buf_append(reasons, one.data, one.len);
		}
		buf_free(&reason);
		buf_free(&one);
	}
	return count;
}

enum status_level status_check(struct buf *out, const json_t *accounts, int64_t now)
{
	struct buf reasons = BUF_INIT(REASONS_MAX);
	size_t all = json_array_size(accounts), critical, warning, i;
	enum status_level level;
	const json_t *account;

	if (all == 0)
		return status_check_failed(out, STATUS_UNKNOWN, "the configuration has no accounts");
	critical = append_level(&reasons, accounts, STATUS_CRITICAL);
	warning = append_level(&reasons, accounts, STATUS_WARNING);
	level = critical > 0 ? STATUS_CRITICAL : warning > 0 ? STATUS_WARNING : STATUS_OK;
	buf_printf(out, "MAILBEARER %s - %zu of %zu accounts in order", level_names[level], all - critical - warning,
		   all);
	if (reasons.len > 0)
		buf_printf(out, "; %s", reasons.data);
	buf_printf(out, " | accounts=%zu;;;0 critical=%zu;;;0 warning=%zu;;;0", all, critical, warning);
	json_array_foreach(accounts, i, account)
	{
		append_figures(out, account, now);
	}
	buf_free(&reasons);
	return level;
}

enum status_level status_check_failed(struct buf *out, enum status_level level, const char *text)
{
	buf_printf(out, "MAILBEARER %s - ", level_names[level]);
	append_words(out, text);
	return level;
}
