/*
 * The one door to libmilter: its callbacks, in the order in which they come. Each hands over what the MTA told and
 * gives back what was decided. Both kinds of the library come here, a thread for each connection and a pool of workers
 * for all: so nothing is kept per thread, and what connections share has a lock of its own.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "daemon/log.h"
#include "milter/callbacks.h"
#include "milter/report.h"
#include "milter/route.h"
#include "milter/session.h"

#define SOCKET_UMASK 0111 /* everybody may connect: the MTA's processes are of several users */
#define IDLE_STEP_MS 20

/* What changes a message; without these of an MTA there is no alignment. */
#define ACTIONS (SMFIF_CHGHDRS | SMFIF_ADDHDRS | SMFIF_CHGFROM)

/* Steps that nobody here wants to hear of, and answers that the MTA need not wait for. */
#define UNWANTED (SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NOEOH)
#define UNANSWERED (SMFIP_NR_CONN | SMFIP_NR_HDR | SMFIP_NR_BODY)

/* The library hands its callbacks no argument of ours. */
static struct {
	struct conf_keeper *keeper;
	struct judge *judge;
	pthread_mutex_t lock;
	size_t under_way; /* messages between MAIL FROM and their end */
} milter = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct connection {
	struct session session;
	unsigned long protocol; /* SMFIP_ bits in force */
	bool counted;           /* its message is under way */
};

/* --- what is under way --- */

static void count(struct connection *connection, bool under_way)
{
	if (connection->counted == under_way)
		return;
	connection->counted = under_way;
	pthread_mutex_lock(&milter.lock);
	milter.under_way = under_way ? milter.under_way + 1 : milter.under_way - 1;
	pthread_mutex_unlock(&milter.lock);
}

bool callbacks_wait_idle(struct deadline deadline)
{
	size_t under_way = 1;

	while (under_way > 0) {
		pthread_mutex_lock(&milter.lock);
		under_way = milter.under_way;
		pthread_mutex_unlock(&milter.lock);
		if (under_way == 0 || deadline_left(deadline) == 0)
			break;
		usleep(IDLE_STEP_MS * 1000);
	}
	return under_way == 0;
}

static void forget(struct connection *connection)
{
	session_forget(&connection->session);
	count(connection, false);
}

/* --- the connection --- */

/* NULL: nothing was negotiated. That is so after SMFIC_QUIT_NC, by which a client has the library close a connection
 * and begins another in its place; no MTA that we know of does, but whoever may connect can. */
static struct connection *of(SMFICTX *ctx)
{
	return smfi_getpriv(ctx);
}

static char *macro(SMFICTX *ctx, const char *name)
{
	return smfi_getsymval(ctx, (char *)name);
}

static sfsistat go_on(const struct connection *connection, unsigned long unanswered)
{
	return connection->protocol & unanswered ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static void ask_for_macros(SMFICTX *ctx)
{
	static const struct {
		int stage;
		const char *names;
	} wanted[] = {
	    {SMFIM_CONNECT, "i {daemon_name} {daemon_addr} {daemon_port}"},
	    {SMFIM_ENVFROM, "i {auth_authen}"},
	    {SMFIM_ENVRCPT, "i {rcpt_mailer} {rcpt_host}"},
	    {SMFIM_EOM, "i"},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		smfi_setsymlist(ctx, wanted[i].stage, (char *)wanted[i].names);
}

/* Steps and answers that the settings in force do not need. */
static unsigned long choose_protocol(const struct gates_limits *limits)
{
	unsigned long protocol = UNWANTED | UNANSWERED | SMFIP_HDR_LEADSPC;

	if (limits->message_size == 0)
		protocol |= SMFIP_NOBODY;
	if (limits->message_size == 0 && limits->messages_per_minute == 0 && !limits->tempfail_when_unusable)
		protocol |= SMFIP_NR_MAIL;
	if (limits->recipients_per_message == 0)
		protocol |= SMFIP_NR_RCPT;
	return protocol;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long unused,
			     unsigned long unused_too, unsigned long *want_actions, unsigned long *want_steps,
			     unsigned long *want_unused, unsigned long *want_unused_too)
{
	struct connection *connection;

	(void)unused;
	(void)unused_too;
	if ((actions & ACTIONS) != ACTIONS) {
		log_event(EVENT_MTA_UNFIT, NULL, log_number("offered", (int64_t)actions),
			  log_text("reason", "the MTA lets no filter change senders and header fields"));
		return SMFIS_REJECT;
	}
	connection = calloc(1, sizeof(*connection));
	if (!connection || smfi_setpriv(ctx, connection) != MI_SUCCESS) {
		free(connection);
		return SMFIS_REJECT;
	}
	connection->session.conf = conf_take(milter.keeper);
	connection->protocol = steps & choose_protocol(&connection->session.conf->limits);
	if (actions & SMFIF_SETSYMLIST)
		ask_for_macros(ctx);
	*want_actions = ACTIONS | (actions & SMFIF_SETSYMLIST);
	*want_steps = connection->protocol;
	*want_unused = *want_unused_too = 0;
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	struct connection *connection = of(ctx);

	(void)host;
	if (!connection)
		return SMFIS_TEMPFAIL;
	session_connect(&connection->session, address, macro(ctx, "i") != NULL, macro(ctx, "{daemon_name}"),
			macro(ctx, "{daemon_port}"), macro(ctx, "{daemon_addr}"));
	return go_on(connection, SMFIP_NR_CONN);
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct connection *connection = of(ctx);

	if (!connection)
		return SMFIS_CONTINUE;
	forget(connection);
	conf_give_back(milter.keeper, connection->session.conf);
	free(connection);
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

/* --- the message --- */

static sfsistat answer(SMFICTX *ctx, const struct reply *reply)
{
	smfi_setreply(ctx, (char *)reply->code, (char *)reply->status, (char *)reply->text);
	return reply->code[0] == '5' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

static sfsistat on_sender(SMFICTX *ctx, char **arguments)
{
	struct connection *connection = of(ctx);
	struct reply reply;

	if (!connection)
		return SMFIS_TEMPFAIL;
	session_sender(&connection->session, arguments, macro(ctx, "{auth_authen}"), macro(ctx, "i"));
	if (!judge_sender(milter.judge, &connection->session, &reply)) {
		report_refused(&connection->session, "MAIL", &reply);
		forget(connection);
		return answer(ctx, &reply);
	}
	count(connection, true);
	return go_on(connection, SMFIP_NR_MAIL);
}

static sfsistat on_recipient(SMFICTX *ctx, char **arguments)
{
	struct connection *connection = of(ctx);
	struct session *session;
	struct reply reply;

	(void)arguments;
	if (!connection)
		return SMFIS_TEMPFAIL;
	session = &connection->session;
	session_queue_id(session, macro(ctx, "i"));
	if (!judge_recipient(session, &reply)) {
		report_refused(session, "RCPT", &reply);
		return answer(ctx, &reply);
	}
	session_recipient(session, route_is_elsewhere(&session->conf->settings->milter, macro(ctx, "{rcpt_mailer}"),
						      macro(ctx, "{rcpt_host}")));
	return go_on(connection, SMFIP_NR_RCPT);
}

static sfsistat on_field(SMFICTX *ctx, char *name, char *value)
{
	struct connection *connection = of(ctx);

	if (!connection)
		return SMFIS_TEMPFAIL;
	session_field(&connection->session, name, value);
	return go_on(connection, SMFIP_NR_HDR);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t len)
{
	struct connection *connection = of(ctx);

	(void)bytes;
	if (!connection)
		return SMFIS_TEMPFAIL;
	session_body(&connection->session, len);
	return go_on(connection, SMFIP_NR_BODY);
}

/* --- what was decided --- */

/* An MTA that shows the blank after the colon wants it back. */
static int put_field(SMFICTX *ctx, const struct connection *connection, const struct policy_change *change)
{
	struct buf value = BUF_INIT(change->value.max + 1);
	int result = MI_FAILURE;

	buf_puts(&value, connection->protocol & SMFIP_HDR_LEADSPC ? " " : "");
	buf_append(&value, change->value.data, change->value.len);
	if (!value.failed && value.data && change->kind == POLICY_REPLACE)
		result = smfi_chgheader(ctx, (char *)change->header, (int)change->first, value.data);
	else if (!value.failed && value.data)
		result = smfi_insheader(ctx, 0, (char *)change->header, value.data);
	buf_free(&value);
	return result;
}

static int put_sender(SMFICTX *ctx, const struct policy_change *change)
{
	char sender[ADDRESS_MAX + sizeof("<>")];

	snprintf(sender, sizeof(sender), "<%.*s>", (int)change->value.len,
		 change->value.data ? change->value.data : "");
	return smfi_chgfrom(ctx, sender, NULL);
}

static int delete_fields(SMFICTX *ctx, const struct policy_change *change)
{
	int result = MI_SUCCESS;
	unsigned i;

	for (i = change->last; i >= change->first && result == MI_SUCCESS; i--)
		result = smfi_chgheader(ctx, (char *)change->header, (int)i, NULL);
	return result;
}

static int carry_out(SMFICTX *ctx, const struct connection *connection, const struct policy_verdict *verdict)
{
	int result = MI_SUCCESS;
	size_t i;

	for (i = 0; i < verdict->change_count && result == MI_SUCCESS; i++) {
		switch (verdict->changes[i].kind) {
		case POLICY_SET_ENVELOPE:
			result = put_sender(ctx, &verdict->changes[i]);
			break;
		case POLICY_DELETE:
			result = delete_fields(ctx, &verdict->changes[i]);
			break;
		case POLICY_REPLACE:
		case POLICY_INSERT:
			result = put_field(ctx, connection, &verdict->changes[i]);
			break;
		}
	}
	return result;
}

static sfsistat on_end(SMFICTX *ctx)
{
	struct connection *connection = of(ctx);
	struct policy_verdict verdict;
	sfsistat result = SMFIS_CONTINUE;

	if (!connection)
		return SMFIS_TEMPFAIL;
	session_queue_id(&connection->session, macro(ctx, "i"));
	judge_message(milter.judge, &connection->session, &verdict);
	if (verdict.action == POLICY_REPLY) {
		result = answer(ctx, &verdict.reply);
	} else if (verdict.action == POLICY_CHANGE && carry_out(ctx, connection, &verdict) != MI_SUCCESS) {
		log_event(EVENT_MESSAGE_FAILED, NULL, log_text("queue_id", connection->session.message.queue_id),
			  log_text("reason", "the MTA did not take a change; the message is put off"));
		result = SMFIS_TEMPFAIL;
	}
	report_message(&connection->session, &verdict);
	policy_verdict_free(&verdict);
	forget(connection);
	return result;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct connection *connection = of(ctx);

	if (connection)
		forget(connection);
	return SMFIS_CONTINUE;
}

/* --- the library --- */

static int cannot(const char *what, struct err *err)
{
	int errnum = errno;

	if (errnum == 0)
		return err_set(err, ERR_SYSTEM, "%s; libmilter has told syslog why", what);
	return err_sys(err, errnum, "%s", what);
}

int callbacks_open(const char *listen, struct conf_keeper *keeper, struct judge *judge, struct err *err)
{
	static char name[] = "mailbearer-milter";
	struct smfiDesc description = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = ACTIONS | SMFIF_SETSYMLIST,
	    .xxfi_negotiate = on_negotiate,
	    .xxfi_connect = on_connect,
	    .xxfi_envfrom = on_sender,
	    .xxfi_envrcpt = on_recipient,
	    .xxfi_header = on_field,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_end,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_close,
	};
	char text[ERR_TEXT_MAX];
	mode_t mask;
	int result;

	milter.keeper = keeper;
	milter.judge = judge;
	errno = 0;
	if (smfi_register(description) != MI_SUCCESS || smfi_setconn((char *)listen) != MI_SUCCESS ||
	    smfi_setbacklog(SOMAXCONN) != MI_SUCCESS)
		return cannot("libmilter cannot be set up", err);
	mask = umask(SOCKET_UMASK);
	result = smfi_opensocket(0);
	umask(mask);
	if (result == MI_SUCCESS)
		return 0;
	snprintf(text, sizeof(text), "cannot listen at %.200s", listen);
	return cannot(text, err);
}

int callbacks_serve(void)
{
	return smfi_main() == MI_SUCCESS ? 0 : -1;
}
