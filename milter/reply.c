/*
 * The texts that devices and their owners get. Called by the policy and by the milter's callbacks. What comes from
 * outside goes through show(), and nothing else of it into a reply.
 */
#include <stdio.h>
#include <string.h>

#include "milter/reply.h"

#define SHOWN_MAX 60 /* bytes of an address that are shown, so that the longest text is whole */

enum fact { FACT_NONE, FACT_ACCOUNT, FACT_SENDER, FACT_LIMIT, FACT_DETAIL };

/* After the two senders: the advice, with a fact in it. */
static const struct row {
	const char *name, *code, *status;
	enum fact fact;
	const char *before, *after;
} rows[] = {
    [REPLY_NO_ACCOUNT] = {"no-account", "550", "5.7.1", FACT_NONE,
			  "neither belongs to an account of this relay; set the device's sender address to one that "
			  "the relay may use, or ask its administrator for a rule or a default_account",
			  ""},
    [REPLY_NO_MAILBOX] = {"no-mailbox", "550", "5.7.1", FACT_ACCOUNT, "account ",
			  " has many mailboxes and nothing says which one is meant; set the device's sender address to "
			  "a mailbox of that domain"},
    [REPLY_ENVELOPE] = {"envelope", "550", "5.7.1", FACT_ACCOUNT, "the envelope sender must belong to ",
			" too; set the device's sender or return address to an address of it"},
    [REPLY_FROM] = {"from", "550", "5.7.1", FACT_ACCOUNT, "the From must belong to ",
		    " too; set the device's From or sender address to an address of it"},
    [REPLY_BOTH] = {"both", "550", "5.7.1", FACT_ACCOUNT,
		    "neither belongs to an account of this relay; set the device's sender address to ", ""},
    [REPLY_TWO_ACCOUNTS] = {"two-accounts", "550", "5.7.1", FACT_ACCOUNT,
			    "they belong to different accounts; set both to the same address, for instance to one of ",
			    ""},
    [REPLY_NOT_ONE] = {"not-one-from", "550", "5.1.7", FACT_NONE,
		       "the From field must be exactly one address; set one sender address in the device, no list, and "
		       "quote a name that has marks in it",
		       ""},
    [REPLY_SENDER] = {"sender", "550", "5.7.1", FACT_SENDER, "the Sender field, ",
		      ", is not of the same account; send without a Sender field"},
    [REPLY_INTERNATIONAL] = {"international", "550", "5.6.7", FACT_ACCOUNT, "account ",
			     " is not written in ASCII and this message came without SMTPUTF8; set the device's sender "
			     "to an ASCII address of it"},
    [REPLY_SIZE] = {"size", "552", "5.3.4", FACT_LIMIT, "the message is larger than ",
		    " bytes; send less in one message, or scan at a lower resolution"},
    [REPLY_RECIPIENTS] = {"recipients", "452", "4.5.3", FACT_LIMIT, "more than ",
			  " recipients in one message; send the rest in another"},
    [REPLY_DAILY] = {"daily", "451", "4.7.1", FACT_LIMIT, "the account has had its ",
		     " recipients of 24 hours; send again later"},
    [REPLY_RUNAWAY] = {"runaway", "450", "4.7.1", FACT_LIMIT, "this client sends more than ",
		       " messages a minute; is it in a loop? Send again later"},
    [REPLY_UNUSABLE] = {"unusable", "451", "4.3.0", FACT_DETAIL, "the relay cannot log in at its provider (",
			"); its administrator must act; send again later"},
    [REPLY_INTERNAL] = {"internal", "451", "4.3.0", FACT_NONE, "the relay is out of resources; send again later", ""},
};

/* Printable ASCII, no "%" (which has a meaning to libmilter), no angle brackets of its own; cut. */
static const char *show(struct span text, const char *nothing, char shown[SHOWN_MAX + 4])
{
	size_t len = text.len < SHOWN_MAX ? text.len : SHOWN_MAX;

	if (text.len == 0)
		return nothing;
	for (size_t i = 0; i < len; i++) {
		char c = text.at[i];

		if (c == '\t' || c == '\n')
			c = ' ';
		if (c == '<' || c == '>')
			c = c == '<' ? '(' : ')';
		shown[i] = c < ' ' || c > '~' || c == '%' ? '?' : c;
	}
	memcpy(shown + len, text.len > len ? "..." : "", text.len > len ? 4 : 1);
	return shown;
}

static struct span span_of(const char *text)
{
	return (struct span){text, text != NULL ? strlen(text) : 0};
}

static const char *show_fact(const struct row *row, const struct reply_facts *facts, char shown[SHOWN_MAX + 4])
{
	switch (row->fact) {
	case FACT_ACCOUNT:
		return show(span_of(facts->account), "unknown", shown);
	case FACT_SENDER:
		return show(facts->sender, "unknown", shown);
	case FACT_DETAIL:
		return show(span_of(facts->detail), "no reason known", shown);
	case FACT_LIMIT:
		snprintf(shown, SHOWN_MAX, "%lld", (long long)facts->limit);
		return shown;
	case FACT_NONE:
		break;
	}
	return "";
}

void reply_write(enum reply_kind kind, const struct reply_facts *facts, struct reply *out)
{
	const struct row *row = &rows[kind];
	char envelope[SHOWN_MAX + 4], from[SHOWN_MAX + 4], fact[SHOWN_MAX + 4];

	out->kind = kind;
	out->code = row->code;
	out->status = row->status;
	snprintf(out->text, sizeof out->text, "Sender <%s>, From <%s>: %s%s%s", show(facts->envelope, "", envelope),
		 show(facts->from, "", from), row->before, show_fact(row, facts, fact), row->after);
}

const char *reply_kind_name(enum reply_kind kind)
{
	return rows[kind].name;
}
