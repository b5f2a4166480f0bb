#ifndef MAILBEARER_DAEMON_EXPLAIN_PRIVATE_H
#define MAILBEARER_DAEMON_EXPLAIN_PRIVATE_H

#include "daemon/explain.h"

/* The tables, and the families of remedies that their rows point at. explain_advice_table.c has a row for each. */
enum advice {
	/* time */
	ADVICE_WAIT,
	ADVICE_WAIT_BUSY,
	ADVICE_TICKET,
	/* the sign-in */
	ADVICE_SIGN_IN,
	ADVICE_SIGN_IN_BROWSER,
	ADVICE_SIGN_IN_POLICY,
	ADVICE_SIGN_IN_TRUST,
	ADVICE_SIGN_IN_RIGHT,
	ADVICE_PASSWORD,
	ADVICE_ENROL,
	ADVICE_AGAIN,
	ADVICE_GO_ON,
	ADVICE_ACCEPT,
	/* the tenant's policies */
	ADVICE_POLICY,
	ADVICE_DEVICE,
	ADVICE_SECURITY_DEFAULTS,
	ADVICE_RISK,
	ADVICE_ENABLE_USER,
	ADVICE_UNLOCK_USER,
	ADVICE_ASSIGN_USER,
	ADVICE_TENANT_RESTRICTION,
	ADVICE_PARTNER,
	/* the app registration */
	ADVICE_CLIENT_ID,
	ADVICE_ENABLE_APP,
	ADVICE_CONSENT,
	ADVICE_PERMISSION,
	ADVICE_OWN_APP,
	ADVICE_SPA,
	ADVICE_SECRET,
	ADVICE_SECRET_EXPIRED,
	ADVICE_SECRET_MISSING,
	ADVICE_SECRET_TOO_MANY,
	ADVICE_CERTIFICATE,
	ADVICE_CLOCK,
	ADVICE_FEDERATED,
	ADVICE_REDIRECT_URI,
	/* the configuration */
	ADVICE_SCOPE,
	ADVICE_TENANT,
	ADVICE_CLOUD,
	ADVICE_ENDPOINT,
	ADVICE_GRANT,
	ADVICE_REQUEST,
	ADVICE_MIN_VALIDITY,
	ADVICE_TLS_VERSION,
	ADVICE_LICENCE,
	/* identity providers and agents */
	ADVICE_IDP,
	ADVICE_AGENT,
	/* logging in to the submission server */
	ADVICE_TOKEN_REFUSED,
	ADVICE_SMTP_AUTH_TENANT,
	ADVICE_SMTP_AUTH_MAILBOX,
	ADVICE_SMTP_AUTH,
	ADVICE_BASIC,
	ADVICE_HVE_ACCESS,
	ADVICE_HVE_USER,
	ADVICE_HVE_EXTERNAL,
	ADVICE_HVE_LIFETIME,
	ADVICE_MAILBOX_PERMISSION,
	ADVICE_UNAUTHENTICATED,
	ADVICE_MECHANISM,
	ADVICE_TWO_STEP,
	ADVICE_GMAIL_TOKEN,
	/* limits */
	ADVICE_CONCURRENCY,
	ADVICE_THROTTLED,
	ADVICE_DAILY_LIMIT,
	ADVICE_GMAIL_LIMIT,
	ADVICE_HOT_RECIPIENT,
	ADVICE_SPLIT,
	ADVICE_MAILBOX_FULL,
	ADVICE_SIZE,
	/* senders, recipients, messages */
	ADVICE_SEND_AS,
	ADVICE_HEADER_FROM,
	ADVICE_DOMAIN,
	ADVICE_BLOCKED,
	ADVICE_RECIPIENT,
	ADVICE_RECIPIENT_RULES,
	ADVICE_FORWARDING,
	ADVICE_SPF,
	ADVICE_BARE_LF,
	/* routes */
	ADVICE_ROUTE,
	ADVICE_CONNECTOR,
	ADVICE_DIRECT_SEND,
	ADVICE_HELO,
	ADVICE_PTR,
	ADVICE_DELIST,
	ADVICE_ALLOW_LIST,
	ADVICE_SUPPORT,
	/* this machine */
	ADVICE_TOKEND,
	ADVICE_STORE,
	ADVICE_PEER,
	ADVICE_CONFIG,
	ADVICE_NETWORK,
	ADVICE_DNS,
	ADVICE_VERIFY,
	ADVICE_PLUGIN,
	ADVICE_STATUS,
	ADVICE_PASSWORD_FIELD,
	ADVICE_SUBMIT,
	ADVICE_COUNT
};

struct explain_code_row {
	long code; /* ascending */
	const char *name;
	enum advice advice;
	const char *meaning;
};

struct explain_word_row {
	const char *word;
	enum advice advice;
	const char *meaning;
};

/*
 * A row matches when all that it names is there; the first that matches counts, so that rows with a keyword stand
 * before that of the bare code. The class of an enhanced code (RFC 3463) is not looked at unless it must be, since
 * relays are told to turn one into the other.
 */
struct explain_reply_row {
	const char *name;
	bool exact;                       /* the class counts */
	int class_, subject, first, last; /* class_ 0: the keyword is enough */
	const char *keyword;              /* of the server's words, in any case; or NULL */
	enum advice advice;
	const char *meaning;
};

extern const struct explain_advice explain_advices[ADVICE_COUNT];
extern const struct explain_code_row explain_aadsts_rows[];
extern const size_t explain_aadsts_count;
extern const struct explain_word_row explain_oauth_rows[], explain_event_rows[];
extern const size_t explain_oauth_count, explain_event_count;
extern const struct explain_reply_row explain_reply_rows[];
extern const size_t explain_reply_count;

/* The cause of a row. */
void explain_row_cause(const struct explain_reply_row *row, struct explain_cause *out);

/* The row for a reply, whose words may stand anywhere in `line`; NULL: none. */
const struct explain_reply_row *explain_reply_find(const struct explain_reply *reply, struct explain_span line);

/* The cause of a word of such a table. */
bool explain_word(const struct explain_word_row *rows, size_t count, struct explain_span word,
		  struct explain_cause *out);

/* The bytes of `word` in `text`, in any case of ASCII; or NULL. */
const char *explain_search(struct explain_span text, const char *word);

#endif
