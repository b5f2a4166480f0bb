/*
 * The smtp transport of each account: as the file names it, or made of the account's name; no two are the same. Pure
 * but for memory. Called by settings_build.c.
 */
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "daemon/settings_private.h"

#define SLUG_MAX 40 /* characters of an account's name in its transport's */

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* "mailbearer-relay-contoso-com". */
static void slug(const char *name, char *out)
{
	char *first = stpcpy(out, "mailbearer-");
	char *p = first;

	for (; *name && p - first < SLUG_MAX; name++) {
		if ((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9'))
			*p++ = *name;
		else if (p > first && p[-1] != '-')
			*p++ = '-';
	}
	if (p > first && p[-1] == '-')
		p--;
	*p = '\0';
}

/* 0, or -1: no memory. */
static int derive(struct settings_arena *arena, struct settings_account *account, void **taken)
{
	char name[sizeof("mailbearer-") + SLUG_MAX + 24];
	char *end;
	unsigned suffix = 2;

	slug(account->name, name);
	end = name + strlen(name);
	while (tfind(name, taken, compare_names))
		snprintf(end, 24, "-%u", suffix++);
	account->transport = settings_arena_text(arena, name, false);
	return account->transport && tsearch(account->transport, taken, compare_names) ? 0 : -1;
}

static int take_given(const struct settings_report *report, const struct settings_account *account, void **taken)
{
	if (tfind(account->transport, taken, compare_names))
		return settings_wrong(report, account->line,
				      "account \"%.100s\": transport %s belongs to another account; each needs its own",
				      account->name, account->transport);
	return tsearch(account->transport, taken, compare_names) ? 0 : settings_no_memory(report);
}

int settings_name_transports(const struct settings_report *report, struct settings_arena *arena,
			     struct settings *settings)
{
	struct settings_account *account = settings->accounts;
	struct settings_account *end = account + settings->account_count;
	void *taken = NULL;
	int result = 0;

	for (; account < end && result == 0; account++)
		if (account->transport)
			result = take_given(report, account, &taken);
	for (account = settings->accounts; account < end && result == 0; account++)
		if (!account->transport && derive(arena, account, &taken) != 0)
			result = settings_no_memory(report);
	while (taken)
		tdelete(*(const char **)taken, &taken, compare_names);
	return result;
}
