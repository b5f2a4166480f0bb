/*
 * Postfix's files, and Postfix told of them. What is wanted and how it is done is postfix/'s; here is what is shown and
 * asked. Called by flow.c.
 */
#include <stdio.h>
#include <string.h>

#include "postfix/apply.h"
#include "setup/ask.h"
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
static int reload(const struct setup_doors *doors, const struct installation_place *place, struct err *err)
{
	static const char *const status[] = {"status", NULL}, *const again[] = {"reload", NULL};

	if (installation_command(place, "postfix", status, deadline_after(RELOAD_MS), NULL) != 0) {
		doors->warn(doors->arg, "Postfix does not run; start it, so that mail goes out");
		return 0;
	}
	return installation_command(place, "postfix", again, deadline_after(RELOAD_MS), err);
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
static int may_change(const struct setup_doors *doors, const struct setup_answers *answers, struct err *err)
{
	if (setup_is(answers, SETUP_POSTFIX, "ask"))
		return setup_confirm(doors, "Change Postfix's files so", false, err);
	return setup_is(answers, SETUP_POSTFIX, "apply");
}

static int commit(const struct setup_doors *doors, const struct apply_plan *plan, bool *changed, struct err *err)
{
	struct buf told = BUF_INIT(TEXT_MAX);
	int result = apply_commit(plan, &told, err);

	*changed |= result == 0;
	if (result == 0)
		result = doors->say(doors->arg, &told, err);
	buf_free(&told);
	return result;
}

static int follow(const struct setup_doors *doors, const struct setup_answers *answers,
		  const struct installation_place *place, const struct apply_plan *plan, bool *changed, struct err *err)
{
	int answer;

	if (show(doors, plan, err) != 0)
		return -1;
	if (apply_is_needed(plan)) {
		answer = may_change(doors, answers, err);
		if (answer == 0)
			return say(
			    doors,
			    "Postfix's files are as they were: mailbearer postfix-config --apply changes them.\n", err);
		if (answer < 0 || commit(doors, plan, changed, err) != 0)
			return -1;
	} else if (setup_is(answers, SETUP_POSTFIX, "show")) {
		return 0;
	}
	return reload(doors, place, err); /* also where a run was interrupted before it */
}

int mta_bring_into_line(const struct setup_doors *doors, const struct setup_answers *answers,
			const struct installation_place *place, const struct settings *settings, bool *changed,
			struct err *err)
{
	struct apply_plan *plan;
	int result;

	if (setup_is(answers, SETUP_POSTFIX, "no"))
		return 0;
	if (apply_plan(place, settings, &plan, err) != 0)
		return err->code != ERR_NOT_FOUND
			   ? -1
			   : say(doors, "There is no Postfix here. Sendmail: mailbearer-sendmail(7).\n", err);
	result = follow(doors, answers, place, plan, changed, err);
	apply_plan_free(plan);
	return result;
}

int mta_undo(const struct setup_doors *doors, bool asking, const struct installation_place *place, struct err *err)
{
	struct apply_plan *plan;
	bool changed = false;
	int result;

	if (apply_plan_undo(place, &plan, err) != 0)
		return -1;
	result = show(doors, plan, err);
	if (result == 0 && asking)
		result = setup_confirm(doors, "Change Postfix's files back so", false, err);
	else if (result == 0)
		result = 1;
	if (result == 0)
		result = say(doors, "Postfix's files are as they were.\n", err);
	else if (result == 1)
		result = commit(doors, plan, &changed, err) == 0 ? reload(doors, place, err) : -1;
	apply_plan_free(plan);
	return result;
}
