/* The tables of causes: every code that is known of Entra, Exchange Online and Gmail is explained, bare and inside a
 * log line, and the first digit of a reply misleads nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/explain.h"

#define LINE_MAX_ 1024

static struct explain_found found;

static void read_text(const char *text)
{
	explain_text(text, strlen(text), &found);
}

#define assert_span(span, text)                                                                                        \
	do {                                                                                                           \
		assert_int_equal((span).len, strlen(text));                                                            \
		assert_memory_equal((span).at, text, strlen(text));                                                    \
	} while (0)

/* --- every number of Entra's --- */

static const long numbers[] = {
    16000,   28002,   28003,   40008,   40010,   50000,   50001,   50002,  500011,  500021,  500022, 50003,  50005,
    50006,   50011,   50012,   50013,   500133,  50014,   50017,   50020,  50027,   50033,   50034,  50049,  50050,
    50053,   50055,   50056,   50057,   50058,   50059,   50072,   50074,  50076,   50078,   50079,  50085,  50087,
    50088,   50089,   50097,   50105,   50126,   50128,   50131,   50132,  50133,   50134,   50140,  50144,  50147,
    501481,  501491,  50155,   50158,   50166,   50168,   50173,   50187,  50194,   50196,   50197,  50199,  51004,
    53000,   53001,   53002,   53003,   530003,  530032,  530034,  530035, 530036,  53004,   53010,  53011,  54005,
    65001,   65002,   65004,   65005,   650056,  650052,  650054,  650057, 70000,   70001,   700011, 70002,  700016,
    7000112, 7000113, 7000114, 7000215, 7000218, 7000222, 700005,  700020, 700022,  700023,  700024, 700025, 700027,
    700030,  70003,   70004,   70008,   700082,  700084,  70011,   70012,  70016,   70018,   70019,  70020,  70021,
    700211,  700213,  7002131, 70043,   700229,  80001,   80002,   80005,  80007,   80014,   80010,  80012,  80013,
    90002,   90004,   90014,   90023,   90100,   900144,  9002313, 90006,  90009,   90012,   90015,  90016,  90019,
    90024,   90033,   90036,   90038,   900382,  900432,  900439,  90051,  90055,   90056,   900561, 90072,  90090,
    90091,   90092,   90093,   90094,   90095,   90099,   900971,  901002, 9001023, 9002332, 90119,  90120,  90123,
    90124,   90130,   100007,  1000031, 1000104, 1002016, 135011,  230109, 501621,
};

static void every_number_is_known(void **state)
{
	char text[LINE_MAX_], name[32];
	size_t i, form;
	static const char *const forms[] = {
	    "AADSTS%ld", "%ld", "AADSTS%ld: some words that may change",
	    ("Nov 24 10:00:00 relay mailbearer-tokend[9]: account=relay@contoso.com event=grant-lost client=contoso "
	     "reason=\"invalid_grant: AADSTS%ld: words\" remedy=\"x\" failures=1")};

	(void)state;
	for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		snprintf(name, sizeof name, "AADSTS%ld", numbers[i]);
		for (form = 0; form < sizeof forms / sizeof forms[0]; form++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(text, sizeof text, forms[form], numbers[i]);
#pragma GCC diagnostic pop
			read_text(text);
			if (!found.known || strcmp(found.cause.name, name) != 0)
				fail_msg("%s", text);
		}
	}
}

static void the_table_is_sorted_and_each_text_fits(void **state)
{
	struct explain_cause cause;
	unsigned i;
	long last = 0, code;

	(void)state;
	for (i = 0; explain_at(i, &cause); i++) {
		assert_in_range(strlen(cause.meaning), 10, 130);
		assert_in_range(strlen(cause.advice->remedy), 10, EXPLAIN_REMEDY_MAX - 1);
		assert_int_not_equal(cause.meaning[strlen(cause.meaning) - 1], '.');
		assert_int_not_equal(cause.advice->remedy[strlen(cause.advice->remedy) - 1], '.');
		if (cause.advice->steps)
			assert_int_equal(cause.advice->steps[strlen(cause.advice->steps) - 1], '\n');
		if (sscanf(cause.name, "AADSTS%ld", &code) == 1) {
			assert_true(code > last);
			last = code;
		}
	}
	assert_true(i > sizeof numbers / sizeof numbers[0]);
}

/* --- every reply --- */

struct sample {
	const char *reply;
	enum explain_course course;
	enum explain_who who;
	const char *remedy; /* a part of it */
};

static const struct sample samples[] = {
    {"535 5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]", EXPLAIN_STAYS,
     EXPLAIN_POSTMASTER, "check"},
    {"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit "
     "https://aka.ms/smtp_auth_disabled for more information.",
     EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "tenant's"},
    {"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.", EXPLAIN_STAYS,
     EXPLAIN_EXCHANGE, "allow SMTP AUTH for this mailbox"},
    {"535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact "
     "your "
     "administrator.",
     EXPLAIN_STAYS, EXPLAIN_ENTRA, "security defaults"},
    {"535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully.",
     EXPLAIN_STAYS, EXPLAIN_ENTRA, "sign-in log"},
    {"535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", EXPLAIN_STAYS, EXPLAIN_POSTMASTER,
     "XOAUTH2 only"},
    {"535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.", EXPLAIN_STAYS, EXPLAIN_POSTMASTER,
     "XOAUTH2"},
    {"535 5.7.139 Authentication unsuccessful, the organization configuration doesn't allow this authentication "
     "request",
     EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "High Volume"},
    {"535 5.7.139 Authentication unsuccessful, federated STS service was unreachable", EXPLAIN_HEALS, EXPLAIN_NOBODY,
     "wait"},
    {"535 5.7.139 Authentication unsuccessful, the federated STS URL does not support HTTPS", EXPLAIN_STAYS,
     EXPLAIN_OTHERS, "federated"},
    {"535 5.7.139", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "several causes"},
    {"501 5.5.124 Invalid XOAUTH2 auth data - User address provided is not valid.", EXPLAIN_STAYS, EXPLAIN_POSTMASTER,
     "High Volume"},
    {"501 5.5.127 Token will expire soon", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "min_validity = 600"},
    {"550 5.5.105 External sending is not supported for High Volume Email accounts", EXPLAIN_STAYS, EXPLAIN_POSTMASTER,
     "own recipients"},
    {"550 5.7.30 Basic authentication is not supported for Client Submission.", EXPLAIN_STAYS, EXPLAIN_POSTMASTER,
     "XOAUTH2 only"},
    {"421 4.3.2 Service not active", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"432 4.3.2 Concurrent connections limit exceeded.", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "maxproc"},
    {"432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "maxproc"},
    {"432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded", EXPLAIN_HEALS, EXPLAIN_SENDER, "recipient"},
    {"421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2.",
     EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "TLS 1.2"},
    {"421 4.4.1 Connection timed out", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"421 4.4.2 Connection dropped", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException."
     "MapiExceptionLogonFailed; Failed to process message due to a transient exception with message Cannot open "
     "mailbox.",
     EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "service principal"},
    {"450 4.7.0 Message not proxied", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"450 4.7.1 Unable to Relay. ATTR14", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "connector"},
    {"451 4.4.3 Temporary server error. Please try again later ATTR18", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"451 4.4.22 Message failed to be replicated", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"451 4.4.62 Mail sent to the wrong Office 365 region", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "relayhost"},
    {"451 4.7.0 Temporary server error. Please try again later. PRX4", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"451 4.7.500 Access denied, please try again later (AS780090)", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "delisted"},
    {"451 4.7.850 Access denied", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "delisted"},
    {"452 4.5.3 Too many recipients (AS780090)", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "fewer recipients"},
    {"454 4.7.0 Temporary authentication failure", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"451 4.3.111 Temporary server error MRH1", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"450 4.7.26 Access denied, a message sent over IPv6 must pass SPF or DKIM", EXPLAIN_STAYS, EXPLAIN_POSTMASTER,
     "SPF"},
    {"504 5.7.4 Unrecognized authentication type", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "STARTTLS"},
    {"530 5.7.57 Client not authenticated to send mail. [AM0PR02CA0134]", EXPLAIN_STAYS, EXPLAIN_POSTMASTER,
     "login for the host"},
    {"550 5.7.60 SMTP; Client does not have permissions to send as this sender", EXPLAIN_STAYS, EXPLAIN_POSTMASTER,
     "Send As"},
    {"554 5.2.252 SendAsDenied; a@contoso.com not allowed to send as b@contoso.com; STOREDRV.Submission.Exception:"
     "SendAsDeniedException.MapiExceptionSendAsDenied",
     EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "milter"},
    {"554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied", EXPLAIN_STAYS,
     EXPLAIN_POSTMASTER, "milter"},
    {"554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException.MapiExceptionSubmissionQuotaExceeded",
     EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "24 hours"},
    {"554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
     EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "Sent Items"},
    {"554 5.2.2 mailbox full", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "Sent Items"},
    {"5.2.2 Submission quota exceeded", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "24 hours"},
    {"554 5.2.0 STOREDRV.Submission.Exception:MessageSubmissionExceededException.MapiExceptionMaxSubmissionExceeded; "
     "Message size "
     "exceeds",
     EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "smaller"},
    {"554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; WASCL UserAction verdict is not None. Actual "
     "verdict is "
     "Suspend",
     EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "restricted entities"},
    {"550 5.2.251 Sender throttled due to continuous mailbox full errors", EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
     "hold the queue"},
    {"550 5.2.252 Sender throttled due to continuous send as denied errors", EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
     "hold the queue"},
    {"550 5.2.253 Sender throttled due to continuous invalid license errors", EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
     "hold the queue"},
    {"550 5.2.254 Sender throttled due to continuous too many recipients errors", EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
     "hold"},
    {"550 5.2.255 Sender throttled due to continuous invalid recipients errors", EXPLAIN_HEALS, EXPLAIN_POSTMASTER,
     "hold the queue"},
    {"550 5.2.121 over the recipient's limit", EXPLAIN_HEALS, EXPLAIN_SENDER, "3,600"},
    {"550 5.2.122 over the recipient's limit", EXPLAIN_HEALS, EXPLAIN_SENDER, "3,600"},
    {"550 5.2.3 too big", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "smaller"},
    {"552 5.3.4 Message size exceeds fixed maximum message size", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "smaller"},
    {"550 5.1.8 Access denied, bad outbound sender", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "restricted entities"},
    {"550 5.1.10 RESOLVER.ADR.RecipientNotFound", EXPLAIN_STAYS, EXPLAIN_SENDER, "recipient"},
    {"550 5.1.1 user unknown", EXPLAIN_STAYS, EXPLAIN_SENDER, "recipient"},
    {"550 5.1.20 Multiple From addresses are not allowed without Sender address", EXPLAIN_STAYS, EXPLAIN_SENDER,
     "From"},
    {"550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
     EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "24 hours"},
    {"550 5.4.1 Recipient address rejected: Access denied", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "relayhost"},
    {"550 5.4.6 routing loop", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "circle"},
    {"550 5.4.14 Hop count exceeded", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "circle"},
    {"550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal", EXPLAIN_STAYS, EXPLAIN_SENDER, "CR LF"},
    {"550 5.7.1 not allowed", EXPLAIN_STAYS, EXPLAIN_OTHERS, "recipient"},
    {"550 5.7.12 sender was not authenticated by organization", EXPLAIN_STAYS, EXPLAIN_OTHERS, "recipient"},
    {"550 5.7.124 sender not in allowed-senders list", EXPLAIN_STAYS, EXPLAIN_OTHERS, "group"},
    {"550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", EXPLAIN_STAYS, EXPLAIN_OTHERS, "recipient"},
    {"550 5.7.136 sender", EXPLAIN_STAYS, EXPLAIN_OTHERS, "recipient"},
    {"550 5.7.23 The message was rejected because of Sender Policy Framework violation", EXPLAIN_STAYS,
     EXPLAIN_POSTMASTER, "SPF"},
    {"550 5.7.509 Access denied, sending domain does not pass DMARC", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "DMARC"},
    {"550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant", EXPLAIN_STAYS, EXPLAIN_SENDER,
     "From"},
    {"550 5.7.25 no PTR", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "PTR"},
    {"550 5.7.64 TenantAttribution; Relay Access Denied (ATTR36)", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "connector"},
    {"550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
     EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "direct send"},
    {"550 5.7.232 exceeded", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "24 hours"},
    {"550 5.7.233 exceeded", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "24 hours"},
    {"550 5.7.501 Access denied, spam abuse detected", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "spam"},
    {"550 5.7.502 banned", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "spam"},
    {"550 5.7.503 banned", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "spam"},
    {"550 5.7.511 banned", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "spam"},
    {"550 5.7.800 banned", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "spam"},
    {"550 5.7.504 recipient", EXPLAIN_STAYS, EXPLAIN_OTHERS, "recipient"},
    {"550 5.7.505 recipient", EXPLAIN_STAYS, EXPLAIN_OTHERS, "recipient"},
    {"550 5.7.506 Access denied, Bad HELO", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "name of its own"},
    {"550 5.7.508 IPv6", EXPLAIN_STAYS, EXPLAIN_OTHERS, "recipient"},
    {"550 5.7.520 Access denied, Your organization does not allow external forwarding", EXPLAIN_STAYS, EXPLAIN_EXCHANGE,
     "forwarding"},
    {"550 5.7.606 Access denied, banned sending IP", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "delisted"},
    {"550 5.7.649 Access denied, banned sending IP", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "delisted"},
    {"550 5.7.703 Your message can't be delivered", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "Allow/Block"},
    {"550 5.7.705 Access denied, tenant has exceeded threshold", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "support"},
    {"550 5.7.708 Access denied, traffic not accepted from this IP", EXPLAIN_STAYS, EXPLAIN_EXCHANGE, "support"},
    {"550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains", EXPLAIN_STAYS,
     EXPLAIN_EXCHANGE, "accepted domains"},
    {"503 5.5.2 bad sequence of commands", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "report"},
    {"500 5.5.0 syntax", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "report"},
    {"555-5.5.2 Syntax error, command line too long", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "AUTH line"},
    {"500 5.5.2 Line too long", EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "AUTH line"},
    {"535-5.7.8 Username and Password not accepted. For more information, go to "
     "https://support.google.com/mail/?p=BadCredentials",
     EXPLAIN_STAYS, EXPLAIN_POSTMASTER, "mail.google.com"},
    {"535-5.7.1 Username and Password not accepted. https://support.google.com/mail/?p=BadCredentials", EXPLAIN_STAYS,
     EXPLAIN_POSTMASTER, "mail.google.com"},
    {"550 5.4.5 Daily SMTP relay limit exceeded for user", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "24 hours"},
    {"550 5.7.1 Daily SMTP relay limit exceeded for customer", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "24 hours"},
    {"450 4.2.1 Peak SMTP relay limit exceeded for customer", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "send less"},
    {"454 4.7.0 Too many login attempts", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "maxproc"},
    {"421 4.3.0 Temporary System Problem", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"421 4.7.0 Try again later", EXPLAIN_HEALS, EXPLAIN_NOBODY, "wait"},
    {"421 4.7.28 unusual rate", EXPLAIN_HEALS, EXPLAIN_POSTMASTER, "send less"},
};

static void assert_explained(const char *text, const struct sample *sample)
{
	read_text(text);
	if (!found.known || found.cause.advice->course != sample->course || found.cause.advice->who != sample->who ||
	    (!strstr(found.cause.advice->remedy, sample->remedy) && !strstr(found.cause.meaning, sample->remedy)))
		fail_msg("%s: %s: %s", text, found.known ? found.cause.name : "unknown",
			 found.known ? found.cause.advice->remedy : "");
}

static void every_reply_is_known(void **state)
{
	char line[LINE_MAX_];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		assert_explained(samples[i].reply, &samples[i]);
		snprintf(
		    line, sizeof line,
		    "Nov 24 10:00:00 relay postfix/smtp[123]: 4Zh3gK2VvKz1X: to=<a@example.net>, "
		    "relay=smtp.office365.com[52.97.1.2]:587, delay=1, delays=0/0/1/0, dsn=5.7.1, status=bounced (host "
		    "smtp.office365.com[52.97.1.2] said: %s (in reply to end of DATA command))",
		    samples[i].reply);
		assert_explained(line, &samples[i]);
		snprintf(line, sizeof line,
			 "Nov 24 10:00:00 relay sm-mta[77]: 3AOA00xx012345: to=<a@example.net>, delay=00:00:01, "
			 "relay=smtp.office365.com. [52.97.1.2], dsn=5.7.1, reply=%s, stat=Service unavailable",
			 samples[i].reply);
		assert_explained(line, &samples[i]);
	}
}

static void a_softened_dsn_is_enough(void **state)
{
	(void)state;
	read_text(
	    "Nov 24 10:00:00 r postfix/smtp[1]: 4Zh3gK2VvKz1X: to=<a@b>, dsn=4.7.139, status=deferred (cut short)");
	assert_true(found.known);
	assert_string_equal(found.cause.name, "5.7.139");
	assert_true(found.reply.softened);
}

/* --- words --- */

static void every_error_of_oauth_is_known(void **state)
{
	static const char *const words[] = {
	    "invalid_request",        "invalid_grant",         "unauthorized_client",   "invalid_client",
	    "unsupported_grant_type", "invalid_resource",      "interaction_required",  "temporarily_unavailable",
	    "consent_required",       "invalid_scope",         "authorization_pending", "authorization_declined",
	    "access_denied",          "bad_verification_code", "expired_token",         "slow_down",
	    "server_error",           "login_required",        "bad_request_102",       "unknown_source"};
	char line[LINE_MAX_];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof words / sizeof words[0]; i++) {
		read_text(words[i]);
		assert_true(found.known);
		assert_string_equal(found.cause.name, words[i]);
		snprintf(line, sizeof line, "account=a@b.invalid event=refresh-failed reason=\"%s: no more words\"",
			 words[i]);
		read_text(line);
		assert_string_equal(found.cause.name, words[i]);
		assert_span(found.account, "a@b.invalid");
	}
}

static void what_a_relay_says_itself_is_known(void **state)
{
	(void)state;
	read_text(
	    "postfix/smtp[1]: 4Zh3gK2VvKz1X: SASL authentication failed; cannot authenticate to server x[1.2.3.4]: "
	    "no mechanism available");
	assert_string_equal(found.cause.name, "no mechanism available");
	read_text("postfix/smtp[1]: connect to smtp.office365.com[52.97.1.2]:587: Connection timed out");
	assert_string_equal(found.cause.name, "connection timed out");
	read_text("account=a@b event=store-failed reason=\"No space left on device\"");
	assert_string_equal(found.cause.name, "store-failed");
}

/* --- the parts --- */

static void the_parts_of_a_line_are_shown(void **state)
{
	(void)state;
	read_text(
	    "2026-11-24T10:00:00.1+00:00 r postfix/qmgr[5]: 4Zh3gK2VvKz1X: from=<relay@contoso.com>, size=2, nrcpt=1");
	assert_false(found.trouble);
	assert_span(found.time, "2026-11-24T10:00:00.1+00:00");
	assert_span(found.queue_id, "4Zh3gK2VvKz1X");
	assert_span(found.sender, "relay@contoso.com");
	read_text(
	    "Nov 24 10:00:00 r postfix/smtp[5]: 4Zh3gK2VvKz1X: to=<a@b>, relay=mx.invalid[1.2.3.4]:25, dsn=5.9.9, "
	    "status=bounced (host mx.invalid[1.2.3.4] said: 599 5.9.9 never heard of)");
	assert_true(found.trouble);
	assert_false(found.known);
	assert_span(found.relay, "mx.invalid");
	assert_int_equal(found.reply.basic, 599);
	assert_span(found.reply.text, " never heard of)");
}

static void what_went_well_is_no_trouble(void **state)
{
	static const char *const lines[] = {
	    "",
	    "hello",
	    "postfix/smtp[5]: 4Zh3gK2VvKz1X: to=<a@b>, dsn=2.0.0, status=sent (250 2.0.0 OK)",
	    "Postfix 3.7.11 at 52.97.1.2 port 5.7.1.3",
	    "account=a@b event=token-refreshed valid_for=3599",
	    "postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[1.2.3.4]: 554 5.7.1 <a@b>: Relay access denied"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		read_text(lines[i]);
		if (found.trouble || found.known)
			fail_msg("%s: %s", lines[i], found.known ? found.cause.name : "trouble");
	}
}

static void unknown_codes_are_none(void **state)
{
	struct explain_cause cause;

	(void)state;
	read_text("AADSTS424242: never seen");
	assert_true(found.trouble);
	assert_false(found.known);
	assert_int_equal(found.aadsts, 424242);
	assert_false(explain_aadsts(0, &cause));
	assert_false(explain_aadsts(-1, &cause));
	assert_false(explain_oauth("", 0, &cause));
	assert_false(explain_oauth("invalid", 7, &cause));
	read_text("AADSTS99999999999999999999");
	assert_int_equal(found.aadsts, 0);
}

static void a_bare_code_has_variants(void **state)
{
	struct explain_cause cause;
	const char *words = NULL;
	unsigned i;

	(void)state;
	read_text("535 5.7.139");
	for (i = 0; explain_variant(&found.reply, i, &cause, &words); i++)
		assert_true(strlen(words) > 3);
	assert_int_equal(i, 7);
	read_text("535 5.7.3");
	assert_false(explain_variant(&found.reply, 0, &cause, &words));
}

static void values_are_filled_in(void **state)
{
	struct explain_values values = {.mailbox = "a@b"};
	struct buf out = BUF_INIT(256);

	(void)state;
	assert_int_equal(explain_fill("-Identity {mailbox} -AppId {app} {tenant} {other} {", &values, &out), 0);
	assert_string_equal(out.data, "-Identity a@b -AppId <client id> <tenant> {other} {");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_number_is_known),         cmocka_unit_test(the_table_is_sorted_and_each_text_fits),
	    cmocka_unit_test(every_reply_is_known),          cmocka_unit_test(a_softened_dsn_is_enough),
	    cmocka_unit_test(every_error_of_oauth_is_known), cmocka_unit_test(what_a_relay_says_itself_is_known),
	    cmocka_unit_test(the_parts_of_a_line_are_shown), cmocka_unit_test(what_went_well_is_no_trouble),
	    cmocka_unit_test(unknown_codes_are_none),        cmocka_unit_test(a_bare_code_has_variants),
	    cmocka_unit_test(values_are_filled_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
