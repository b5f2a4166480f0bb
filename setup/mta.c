/*
 * Postfix's files, and Postfix told of them. What is wanted and how it is done is postfix/'s; here is what is shown and
 * asked. Called by flow.c.
 */
#include <stdio.h>
#include <string.h>

#include "postfix/apply.h"
#include "setup/ask.h"
#include "setup/debt.h"
#include "setup/mta.h"

#define TEXT_MAX (4 * 1024 * 1024)
#define RELOAD_MS 30000

static int say(const struct setup_doors *doors, const char *text, struct err *err)
{
	struct buf out = BUF_INIT(TEXT_MAX);
	int result;

	buf_puts(&out, text);
	result = doors->say(doors->arg, &out, err);
	buf_free(&out);
	return result;
}

/* A Postfix that does not run reads its files when it starts. */
static int reload(const struct mta_wish *wish, struct err *err)
{
	static const char *const status[] = {"status", NULL}, *const again[] = {"reload", NULL};
	const struct setup_doors *doors = wish->doors;
	int result = 0;

	if (installation_command(wish->place, "postfix", status, deadline_after(RELOAD_MS), NULL) != 0)
		doors->warn(doors->arg, "Postfix does not run; start it, so that mail goes out");
	else if (debt_is_owed(wish->config, DEBT_POSTFIX))
		result = installation_command(wish->place, "postfix", again, deadline_after(RELOAD_MS), err);
	if (result == 0)
		debt_pay(wish->config, DEBT_POSTFIX);
	return result;
}

static int show(const struct setup_doors *doors, const struct apply_plan *plan, struct err *err)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	int result;

	apply_diff(plan, &text);
	apply_notes(plan, &text);
	result = text.len > 0 || text.failed ? doors->say(doors->arg, &text, err) : 0;
	buf_free(&text);
	return result;
}

/* 1: to be done; 0; -1 */
static int may_change(const struct mta_wish *wish, struct err *err)
{
	if (setup_is(wish->answers, SETUP_POSTFIX, "ask"))
		return setup_confirm(wish->doors, "Change Postfix's files so", false, err);
	return setup_is(wish->answers, SETUP_POSTFIX, "apply");
}

static int commit(const struct mta_wish *wish, const struct apply_plan *plan, bool *changed, struct err *err)
{
	struct buf told = BUF_INIT(TEXT_MAX);
	int result = debt_owe(wish->config, DEBT_POSTFIX, err);

	if (result == 0)
		result = apply_commit(plan, &told, err);
	*changed |= result == 0;
	if (result == 0)
		result = wish->doors->say(wish->doors->arg, &told, err);
	buf_free(&told);
	return result;
}

static int follow(const struct mta_wish *wish, const struct apply_plan *plan, struct mta_outcome *out, struct err *err)
{
	int answer;

	if (show(wish->doors, plan, err) != 0)
		return -1;
	if (apply_is_needed(plan)) {
		answer = may_change(wish, err);
		out->left = answer == 0;
		if (answer == 0)
			return say(
			    wish->doors,
			    "Postfix's files are as they were: mailbearer postfix-config --apply changes them.\n", err);
		if (answer < 0 || commit(wish, plan, &out->changed, err) != 0)
			return -1;
	} else if (setup_is(wish->answers, SETUP_POSTFIX, "show")) {
		return 0;
	}
	return reload(wish, err);
}

int mta_bring_into_line(const struct mta_wish *wish, struct mta_outcome *out, struct err *err)
{
	struct apply_plan *plan;
	int result;

	if (setup_is(wish->answers, SETUP_POSTFIX, "no"))
		return 0;
	if (apply_plan(wish->place, wish->settings, &plan, err) != 0) {
		out->absent = err->code == ERR_NOT_FOUND;
		return out->absent
			   ? say(wish->doors, "There is no Postfix here. Sendmail: mailbearer-sendmail(7).\n", err)
			   : -1;
	}
	result = follow(wish, plan, out, err);
	apply_plan_free(plan);
	return result;
}

int mta_undo(const struct mta_wish *wish, struct err *err)
{
	struct apply_plan *plan;
	bool changed = false;
	int result;

	if (apply_plan_undo(wish->place, &plan, err) != 0)
		return -1;
	result = show(wish->doors, plan, err);
	if (result == 0)
		result = wish->answers->asking
			     ? setup_confirm(wish->doors, "Change Postfix's files back so", false, err)
			     : 1;
	if (result == 0)
		result = say(wish->doors, "Postfix's files are as they were.\n", err);
	else if (result == 1)
		result = commit(wish, plan, &changed, err) == 0 ? reload(wish, err) : -1;
	apply_plan_free(plan);
	return result;
}
