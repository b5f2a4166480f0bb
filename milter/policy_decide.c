/*
 * Decides which account carries a message and which of its senders do not fit that account: the situations of
 * mailbearer-milter(8). Called by the milter's callbacks, once for each message. Pure.
 */
#include <stdio.h>
#include <string.h>

#include "milter/policy_private.h"

static bool is_nobody(struct owner owner)
{
	return owner.account == NULL && owner.connector == NULL;
}

static bool is_same(struct owner a, struct owner b)
{
	return a.account == b.account && a.connector == b.connector;
}

/* Any mailbox of the domain logs in as itself, so the account alone does not say who is logged in. */
static bool is_wildcard(struct owner owner)
{
	return owner.account != NULL && owner.account->name[0] == '*';
}

struct party policy_party(const struct policy *policy, const struct address *address)
{
	struct party party = {.address = *address};
	struct senders_match match;

	if (address->kind != ADDRESS_ONE)
		return party;
	match = senders_find(policy->senders, address->mailbox, address->len);
	if (match.how != SENDERS_EXACT && match.how != SENDERS_WILDCARD)
		return party;
	party.owner = (struct owner){match.account, match.connector};
	party.login =
	    match.account != NULL && senders_account(policy->senders, address->mailbox, address->len) == match.account;
	return party;
}

/* --- who carries it --- */

static struct owner default_owner(const struct policy *policy)
{
	return (struct owner){senders_find(policy->senders, "", 0).account, NULL};
}

static bool is_null_sender(const struct plan *plan)
{
	return plan->message->envelope.len == 0;
}

/* The MTA routes by the envelope sender, and the null sender goes where the default account does, whoever wrote it. */
static struct owner choose_carrier(const struct plan *plan, const struct rules_rule *rule)
{
	struct owner fallback = default_owner(plan->policy);

	if (is_null_sender(plan) && !is_nobody(fallback))
		return fallback;
	if (rule != NULL && rule->account != NULL)
		return (struct owner){rule->account, NULL};
	if (!is_nobody(plan->from.owner))
		return plan->from.owner;
	if (!is_nobody(plan->envelope.owner))
		return plan->envelope.owner;
	return fallback;
}

static bool is_its(const struct plan *plan, const struct party *party)
{
	return !is_nobody(party->owner) && is_same(party->owner, plan->carrier);
}

/* What of the carrier's takes the place of a sender that does not fit. */
static const char *choose_address(const struct plan *plan, const struct rules_rule *rule)
{
	bool own = plan->carrier.account != NULL && !is_wildcard(plan->carrier);
	const char *ruled = rule != NULL && rule->account == plan->carrier.account ? rule->address : NULL;

	if (own)
		return ruled != NULL ? ruled : plan->carrier.account->name;
	if (is_its(plan, &plan->from) && (plan->from.login || !is_wildcard(plan->carrier)))
		return plan->from.address.mailbox;
	if (is_its(plan, &plan->envelope) && (plan->envelope.login || !is_wildcard(plan->carrier)))
		return plan->envelope.address.mailbox;
	return ruled;
}

/* --- what does not fit --- */

static bool is_mailbox(const struct plan *plan, const struct party *party)
{
	return plan->address != NULL && strcmp(party->address.mailbox, plan->address) == 0;
}

bool policy_fits(const struct plan *plan, const struct party *party)
{
	return is_its(plan, party) && (!is_wildcard(plan->carrier) || !party->login || is_mailbox(plan, party));
}

/* The envelope of a wildcard account is the login itself. */
static bool envelope_fits(const struct plan *plan)
{
	if (is_wildcard(plan->carrier))
		return is_its(plan, &plan->envelope) && is_mailbox(plan, &plan->envelope);
	return is_its(plan, &plan->envelope);
}

/* Exchange looks at a Sender field as it does at From; a connector's other side does not. */
static bool sender_fields_fit(const struct plan *plan)
{
	const struct policy_fields *fields = &plan->message->sender;

	if (fields->count > POLICY_FIELDS_MAX)
		return false;
	for (size_t i = 0; i < fields->count; i++) {
		struct address address;
		struct party party;

		address_parse(fields->values[i], &address);
		party = policy_party(plan->policy, &address);
		if (!policy_fits(plan, &party))
			return false;
	}
	return true;
}

static void make_plan(struct plan *plan, const struct rules_rule *rule)
{
	const struct policy_message *message = plan->message;
	struct address address;

	address_plain(message->envelope, &address);
	plan->envelope = policy_party(plan->policy, &address);
	address_parse(message->from.count == 1 ? message->from.values[0] : (struct span){0}, &address);
	plan->from = policy_party(plan->policy, &address);
	plan->carrier = choose_carrier(plan, rule);
	if (is_nobody(plan->carrier))
		return;
	plan->ruled = rule != NULL && rule->account != NULL && rule->account == plan->carrier.account;
	plan->address = choose_address(plan, rule);
	plan->fix_envelope = !is_null_sender(plan) && !envelope_fits(plan);
	plan->fix_from = !policy_fits(plan, &plan->from);
	plan->fix_sender = plan->carrier.account != NULL && !sender_fields_fit(plan);
}

/* --- which situation that is --- */

static enum policy_situation from_situation(const struct plan *plan)
{
	if (plan->message->from.count > 1)
		return POLICY_FROM_SEVERAL;
	switch (plan->from.address.kind) {
	case ADDRESS_NONE:
		return POLICY_FROM_NONE;
	case ADDRESS_MANY:
		return POLICY_FROM_MANY;
	case ADDRESS_GROUP:
		return POLICY_FROM_GROUP;
	case ADDRESS_ONE:
	case ADDRESS_UNPARSABLE:
		break;
	}
	switch (plan->from.address.problem) {
	case SCAN_TOO_LONG:
		return POLICY_FROM_TOO_LONG;
	case SCAN_CONTROLS:
		return POLICY_FROM_CONTROLS;
	case SCAN_HIDDEN:
		return POLICY_FROM_HIDDEN;
	case SCAN_FINE:
	case SCAN_BAD_SYNTAX:
		break;
	}
	return POLICY_FROM_UNPARSABLE;
}

static enum policy_situation foreign_situation(const struct plan *plan)
{
	bool from = !is_nobody(plan->from.owner), envelope = !is_nobody(plan->envelope.owner);

	if (is_null_sender(plan))
		return POLICY_NULL_FOREIGN;
	if (plan->ruled)
		return POLICY_RULED;
	if (from && envelope && is_same(plan->from.owner, plan->envelope.owner))
		return POLICY_TWO_MAILBOXES;
	if (plan->carrier.connector != NULL || plan->envelope.owner.connector != NULL)
		return POLICY_CONNECTOR_MIXED;
	if (from && envelope)
		return POLICY_TWO_ACCOUNTS;
	if (from)
		return POLICY_ENVELOPE_FOREIGN;
	return envelope ? POLICY_FROM_FOREIGN : POLICY_BOTH_FOREIGN;
}

/* A UTF-8 address of ours cannot go into a message that did not promise UTF-8 (RFC 6531 section 3.5). */
static bool is_out_of_place(const struct plan *plan)
{
	return !plan->message->smtputf8 && address_is_international(plan->address, strlen(plan->address));
}

static enum policy_situation name_situation(const struct plan *plan)
{
	if (is_nobody(plan->carrier))
		return POLICY_NO_ACCOUNT;
	if ((plan->fix_envelope || plan->fix_from) && plan->address == NULL)
		return POLICY_NO_MAILBOX;
	if ((plan->fix_envelope || plan->fix_from) && is_out_of_place(plan))
		return POLICY_INTERNATIONAL;
	if (plan->from.address.kind != ADDRESS_ONE)
		return from_situation(plan);
	if (plan->fix_envelope || plan->fix_from)
		return foreign_situation(plan);
	if (plan->fix_sender)
		return POLICY_SENDER_FOREIGN;
	if (is_null_sender(plan))
		return POLICY_NULL_SENDER;
	return plan->carrier.connector != NULL ? POLICY_CONNECTOR : POLICY_ALIGNED;
}

/* --- what to answer --- */

static enum reply_kind refusal(const struct plan *plan, enum policy_situation situation)
{
	switch (situation) {
	case POLICY_NO_ACCOUNT:
		return REPLY_NO_ACCOUNT;
	case POLICY_NO_MAILBOX:
		return REPLY_NO_MAILBOX;
	case POLICY_INTERNATIONAL:
		return REPLY_INTERNATIONAL;
	case POLICY_TWO_ACCOUNTS:
	case POLICY_TWO_MAILBOXES:
	case POLICY_CONNECTOR_MIXED:
		return REPLY_TWO_ACCOUNTS;
	default:
		break;
	}
	if (plan->from.address.kind != ADDRESS_ONE)
		return REPLY_NOT_ONE;
	if (plan->fix_envelope && plan->fix_from)
		return REPLY_BOTH;
	if (plan->fix_envelope)
		return REPLY_ENVELOPE;
	return plan->fix_from ? REPLY_FROM : REPLY_SENDER;
}

static void write_refusal(const struct plan *plan, enum reply_kind kind, struct reply *reply)
{
	const struct policy_message *message = plan->message;
	const struct address *from = &plan->from.address;
	struct reply_facts facts = {.envelope = message->envelope, .account = plan->address};

	if (from->kind == ADDRESS_ONE)
		facts.from = from->written;
	else if (message->from.count > 0)
		facts.from = message->from.values[0];
	if (message->sender.count > 0)
		facts.sender = message->sender.values[0];
	if (plan->address == NULL && plan->carrier.account != NULL)
		facts.account = plan->carrier.account->name;
	reply_write(kind, &facts, reply);
	if (!message->smtp && reply->code[0] == '4') {
		reply->code = "550";
		reply->status = "5.3.0";
	}
}

/* A bounce of the MTA's own is refused in no mode: nobody would be told, and Postfix would write it again and again. */
static enum policy_action choose_action(const struct plan *plan, enum policy_mode mode, enum policy_action would)
{
	if (mode == POLICY_MONITOR)
		return POLICY_PASS;
	if (is_null_sender(plan) && !plan->message->smtp)
		return would == POLICY_REPLY ? POLICY_PASS : would;
	return mode == POLICY_REJECT && would == POLICY_CHANGE ? POLICY_REPLY : would;
}

static bool is_refused(enum policy_situation situation)
{
	return situation == POLICY_NO_ACCOUNT || situation == POLICY_NO_MAILBOX || situation == POLICY_INTERNATIONAL;
}

/* In mode reject the refusal is for the device; in monitor the log tells what rewrite would do. */
static void answer(const struct plan *plan, struct policy_verdict *out)
{
	if (is_refused(out->situation))
		out->would = POLICY_REPLY;
	else if (plan->fix_envelope || plan->fix_from || plan->fix_sender)
		out->would = POLICY_CHANGE;
	if (out->would == POLICY_CHANGE && policy_list_changes(plan, out) != 0) {
		policy_verdict_free(out);
		out->situation = POLICY_FAILED;
		out->action = out->would = POLICY_REPLY;
		write_refusal(plan, REPLY_INTERNAL, &out->reply);
		return;
	}
	out->action = choose_action(plan, out->mode, out->would);
	if (out->action == POLICY_REPLY || out->would == POLICY_REPLY)
		write_refusal(plan, refusal(plan, out->situation), &out->reply);
}

static void name_login(const struct plan *plan, struct policy_verdict *out)
{
	const char *login = plan->carrier.account != NULL ? plan->carrier.account->name : "";

	out->account = plan->carrier.account;
	out->connector = plan->carrier.connector;
	if (is_wildcard(plan->carrier))
		login = plan->address != NULL ? plan->address : "";
	snprintf(out->mailbox, sizeof out->mailbox, "%s", login);
}

void policy_decide(const struct policy *policy, const struct rules_rule *rule, const struct policy_message *message,
		   struct policy_verdict *out)
{
	struct plan plan = {.policy = policy, .message = message};

	memset(out, 0, sizeof(*out));
	out->rule = rule;
	out->mode = rule != NULL && rule->has_mode ? rule->mode : policy->mode;
	if (out->mode == POLICY_OFF) {
		out->situation = POLICY_MODE_OFF;
		return;
	}
	if (message->recipients > 0 && message->recipients_elsewhere >= message->recipients) {
		out->situation = POLICY_OTHER_ROUTE;
		return;
	}
	make_plan(&plan, rule);
	out->situation = name_situation(&plan);
	name_login(&plan, out);
	answer(&plan, out);
}

void policy_early_mailbox(const struct policy *policy, const struct rules_rule *rule, struct span envelope,
			  char mailbox[ADDRESS_MAX + 1])
{
	struct policy_message message = {.envelope = envelope};
	struct plan plan = {.policy = policy, .message = &message};

	mailbox[0] = '\0';
	if ((rule == NULL || rule->account == NULL) && envelope.len > 0) {
		struct address address;

		address_plain(envelope, &address);
		if (is_nobody(policy_party(policy, &address).owner))
			return; /* the From may name another account than the default one */
	}
	make_plan(&plan, rule);
	if (plan.carrier.account != NULL && (plan.address != NULL || !is_wildcard(plan.carrier)))
		snprintf(mailbox, ADDRESS_MAX + 1, "%s",
			 is_wildcard(plan.carrier) ? plan.address : plan.carrier.account->name);
}

void policy_verdict_free(struct policy_verdict *verdict)
{
	for (size_t i = 0; i < verdict->change_count; i++)
		buf_free(&verdict->changes[i].value);
	verdict->change_count = 0;
}

const char *policy_situation_name(enum policy_situation situation)
{
	static const char *const names[POLICY_SITUATIONS] = {
	    [POLICY_MODE_OFF] = "mode-off",
	    [POLICY_OTHER_ROUTE] = "other-route",
	    [POLICY_ALIGNED] = "aligned",
	    [POLICY_CONNECTOR] = "connector",
	    [POLICY_NULL_SENDER] = "null-sender",
	    [POLICY_NULL_FOREIGN] = "null-sender-foreign-from",
	    [POLICY_ENVELOPE_FOREIGN] = "envelope-foreign",
	    [POLICY_FROM_FOREIGN] = "from-foreign",
	    [POLICY_BOTH_FOREIGN] = "both-foreign",
	    [POLICY_TWO_ACCOUNTS] = "two-accounts",
	    [POLICY_TWO_MAILBOXES] = "two-mailboxes",
	    [POLICY_CONNECTOR_MIXED] = "connector-mixed",
	    [POLICY_RULED] = "ruled",
	    [POLICY_FROM_NONE] = "from-none",
	    [POLICY_FROM_SEVERAL] = "from-several",
	    [POLICY_FROM_MANY] = "from-many",
	    [POLICY_FROM_GROUP] = "from-group",
	    [POLICY_FROM_UNPARSABLE] = "from-unparsable",
	    [POLICY_FROM_TOO_LONG] = "from-too-long",
	    [POLICY_FROM_CONTROLS] = "from-controls",
	    [POLICY_FROM_HIDDEN] = "from-hidden",
	    [POLICY_SENDER_FOREIGN] = "sender-foreign",
	    [POLICY_NO_ACCOUNT] = "no-account",
	    [POLICY_NO_MAILBOX] = "no-mailbox",
	    [POLICY_INTERNATIONAL] = "international",
	    [POLICY_FAILED] = "failed",
	};

	return names[situation];
}

const char *policy_action_name(enum policy_action action)
{
	static const char *const names[] = {"pass", "change", "reply"};

	return names[action];
}
