/*
 * The server's side of LMTP over two descriptors, and the SMTP session behind it (hop.h): command by command in, so
 * that each recipient gets the server's own reply. Called by main.c. Reads the clock only by way of what it calls.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"
#include "submit/channel.h"
#include "submit/content.h"
#include "submit/hop.h"
#include "submit/lmtp.h"
#include "submit/message.h"
#include "submit/patience.h"
#include "submit/session.h"

#define WINDOW 50       /* RCPT commands that may be outstanding: their replies must fit what the connection buffers */
#define MISTAKES_MAX 20 /* bad commands that we take */
#define HOSTNAME_MAX 255

struct session {
	struct channel channel;
	const struct router *router;
	struct hop *hop;
	enum lmtp_state state;
	struct message message;
	unsigned outstanding; /* RCPT commands without a reply so far */
	bool remote_open;     /* the server has a MAIL that must be reset */
	struct reply refused; /* why the last MAIL was refused, for those who had sent their RCPTs with it */
	unsigned mistakes;
	bool over;
	char host[HOSTNAME_MAX + 1];
};

/* That mail has been taken must get across, whoever asks: what stands behind it is no loss, and is in the log. */
static void answer(struct session *session, const struct reply *reply)
{
	struct reply written = *reply;

	if (session->router->short_replies || reply->code < 300)
		reply_shorten(&written);
	reply_append(&session->channel.replies, &written);
}

static void say(struct session *session, int code, const char *enhanced, const char *text)
{
	struct reply reply;

	reply_set(&reply, code, enhanced, "%s", text);
	answer(session, &reply);
}

static void mistake(struct session *session, const struct reply *refusal)
{
	answer(session, refusal);
	if (++session->mistakes <= MISTAKES_MAX)
		return;
	say(session, 421, "4.7.0", "Too many errors");
	session->over = true;
}

/* --- the message under way --- */

static void end_message(struct session *session)
{
	const struct route *route = hop_route(session->hop);

	message_over(&session->message, route->account, route->host);
}

/* The replies to the RCPTs that were sent on. */
static void collect(struct session *session)
{
	struct reply reply;

	for (; session->outstanding > 0; session->outstanding--) {
		hop_reply(session->hop, REPLY_AT_RCPT, PATIENCE_COMMAND, &reply);
		message_recipient(&session->message, &reply);
		session->state = lmtp_next(session->state, LMTP_RCPT, reply.code < 300);
		answer(session, &reply);
	}
}

/* A command without arguments; its reply. */
static void ask(struct session *session, const char *command, enum reply_stage stage, int patience_ms,
		struct reply *reply)
{
	struct buf line = BUF_INIT(64);

	buf_puts(&line, command);
	hop_queue(session->hop, &line);
	hop_reply(session->hop, stage, patience_ms, reply);
	buf_free(&line);
}

static void reset(struct session *session)
{
	struct reply ignored;

	if (session->remote_open && hop_is_open(session->hop))
		ask(session, "RSET", REPLY_AT_MAIL, PATIENCE_COMMAND, &ignored);
	session->remote_open = false;
	end_message(session);
}

/* --- commands --- */

static void append_parameter(struct buf *line, const char *name, struct lmtp_text value)
{
	if (value.at != NULL)
		buf_printf(line, " %s=%.*s", name, (int)value.len, value.at);
}

static void mail_line(const struct lmtp_command *command, const struct offers *offers, struct buf *line)
{
	buf_printf(line, "MAIL FROM:<%.*s>", (int)command->path.len, command->path.at);
	if (command->has_size && offers->size)
		buf_printf(line, " SIZE=%llu", (unsigned long long)command->size);
	if (command->eight_bit)
		buf_puts(line, " BODY=8BITMIME");
	if (command->utf8)
		buf_puts(line, " SMTPUTF8");
	if (offers->dsn) {
		append_parameter(line, "RET", command->ret);
		append_parameter(line, "ENVID", command->envid);
	}
}

static void rcpt_line(const struct lmtp_command *command, const struct offers *offers, struct buf *line)
{
	buf_printf(line, "RCPT TO:<%.*s>", (int)command->path.len, command->path.at);
	if (offers->dsn) {
		append_parameter(line, "NOTIFY", command->notify);
		append_parameter(line, "ORCPT", command->orcpt);
	}
}

/* What we have offered the MTA, and this server cannot do (RFC 6531 section 3.5, RFC 6152 section 3). */
static bool can_carry(const struct lmtp_command *command, const struct offers *offers, struct reply *refusal)
{
	if (command->utf8 && !offers->utf8)
		reply_set(refusal, 553, "5.6.7", "The server takes no internationalised addresses (SMTPUTF8)");
	else if (command->eight_bit && !offers->eight_bit)
		reply_set(refusal, 554, "5.6.3", "The server takes no 8-bit text, and it is not converted here");
	else
		return true;
	return false;
}

/* One try. The reply is the server's, or why it was not asked. */
static void send_mail(struct session *session, const struct lmtp_command *command, struct reply *reply)
{
	struct buf line = BUF_INIT(LMTP_LINE_MAX * 2);

	if (hop_ready(session->hop, command->path, reply) != 0)
		return;
	if (can_carry(command, hop_offers(session->hop), reply)) {
		mail_line(command, hop_offers(session->hop), &line);
		hop_queue(session->hop, &line);
		hop_reply(session->hop, REPLY_AT_MAIL, PATIENCE_COMMAND, reply);
	}
	buf_free(&line);
}

static void do_mail(struct session *session, const struct lmtp_command *command)
{
	bool kept = hop_is_open(session->hop);
	struct reply reply;

	message_begin(&session->message, command->path);
	send_mail(session, command, &reply);
	/* A server may have closed a session that was idle; nothing of this message had been said. */
	if (kept && reply.code >= 400 && !hop_is_open(session->hop))
		send_mail(session, command, &reply);
	session->state = lmtp_next(session->state, LMTP_MAIL, reply.code < 300);
	session->remote_open = reply.code < 300;
	session->refused = (struct reply){.code = 0};
	answer(session, &reply);
	if (reply.code < 300)
		return;
	session->refused = reply;
	message_all(&session->message, &reply);
	end_message(session);
}

static void do_rcpt(struct session *session, const struct lmtp_command *command)
{
	struct buf line = BUF_INIT(LMTP_LINE_MAX * 2);

	if (session->message.accepted + session->outstanding >= MESSAGE_RECIPIENTS_MAX) {
		collect(session);
		say(session, 452, "4.5.3", "Too many recipients");
		return;
	}
	if (hop_is_open(session->hop)) {
		rcpt_line(command, hop_offers(session->hop), &line);
		hop_queue(session->hop, &line);
	}
	session->outstanding++;
	if (!hop_is_open(session->hop) || !hop_offers(session->hop)->pipelining || session->outstanding >= WINDOW)
		collect(session);
	buf_free(&line);
}

/* Everything up to the final dot, on to the server. -1: the input ended first; *err says how. */
static int pass_content(struct session *session, struct content *content, struct err *err)
{
	struct buf out = BUF_INIT(CHANNEL_BLOCK * CONTENT_GROWTH + CONTENT_EXTRA);
	enum channel_status status = CHANNEL_OK;
	const char *bytes;
	size_t len;

	while (content->state != CONTENT_END) {
		status = channel_bytes(&session->channel, PATIENCE_BLOCK, &bytes, &len, err);
		if (status != CHANNEL_OK)
			break;
		channel_took(&session->channel, content_take(content, bytes, len, &out));
		if (out.failed)
			hop_drop(session->hop); /* out of memory: there is a hole in it */
		if (!content->refused)
			hop_send(session->hop, out.data, out.len);
		buf_clear(&out);
	}
	if (status == CHANNEL_ENDED)
		err_set(err, ERR_UNREACHABLE, "the mail server went away in the middle of a message");
	buf_free(&out);
	return status == CHANNEL_OK ? 0 : -1;
}

/* What the server says to the whole message; without the final dot it never takes it. */
static void end_content(struct session *session, const struct content *content, struct reply *reply)
{
	if (content->refused) {
		hop_drop(session->hop);
		reply_set(reply, 550, "5.6.0", "The message holds a CR or LF that is no line end");
		return;
	}
	hop_send(session->hop, ".\r\n", 3);
	hop_reply(session->hop, REPLY_AT_END, PATIENCE_DOT, reply);
}

static void answer_all(struct session *session, const struct reply *reply)
{
	for (unsigned i = 0; i < session->message.accepted; i++)
		answer(session, reply);
	message_all(&session->message, reply);
	end_message(session);
	session->remote_open = false;
}

/* The server wants the message. */
static int do_content(struct session *session, struct err *err)
{
	bool refuse = session->router->settings->submit.refuse_bare_newlines;
	struct content content = CONTENT_INIT(refuse ? CONTENT_REFUSE : CONTENT_REPAIR);
	struct reply reply;
	int status;

	say(session, 354, "", "End with CRLF.CRLF");
	status = pass_content(session, &content, err);
	session->message.size = content.size;
	if (status == 0) {
		end_content(session, &content, &reply);
	} else {
		hop_drop(session->hop);
		reply_set(&reply, 451, "4.4.2", "%s", err->text);
	}
	answer_all(session, &reply);
	return status;
}

static int do_data(struct session *session, struct err *err)
{
	struct reply reply;

	ask(session, "DATA", REPLY_AT_DATA, PATIENCE_DATA, &reply);
	session->state = lmtp_next(session->state, LMTP_DATA, true);
	if (reply.code == 354)
		return do_content(session, err);
	answer(session, &reply);
	message_all(&session->message, &reply);
	reset(session);
	return 0;
}

static void do_lhlo(struct session *session)
{
	struct reply reply;

	reset(session);
	reply_set(&reply, 250, "", "%s\nPIPELINING\nENHANCEDSTATUSCODES\n8BITMIME\nSMTPUTF8\nSIZE\nDSN", session->host);
	reply_append(&session->channel.replies, &reply);
	session->state = lmtp_next(session->state, LMTP_LHLO, true);
}

static void do_rset(struct session *session)
{
	reset(session);
	session->state = lmtp_next(session->state, LMTP_RSET, true);
	say(session, 250, "2.0.0", "Reset");
}

/* 0, or -1: the session is over, for the reason in *err. */
static int obey(struct session *session, const struct lmtp_command *command, struct err *err)
{
	switch (command->verb) {
	case LMTP_LHLO:
		do_lhlo(session);
		break;
	case LMTP_MAIL:
		do_mail(session, command);
		break;
	case LMTP_RCPT:
		do_rcpt(session, command);
		break;
	case LMTP_DATA:
		return do_data(session, err);
	case LMTP_RSET:
		do_rset(session);
		break;
	case LMTP_NOOP:
		say(session, 250, "2.0.0", "OK");
		break;
	case LMTP_VRFY:
		say(session, 252, "2.5.0", "Try to deliver");
		break;
	case LMTP_QUIT:
		say(session, 221, "2.0.0", "Bye");
		session->over = true;
		break;
	case LMTP_VERBS:
		break;
	}
	return 0;
}

static bool is_utf8(struct lmtp_text path)
{
	for (size_t i = 0; i < path.len; i++) {
		if ((unsigned char)path.at[i] >= 0x80)
			return true;
	}
	return false;
}

static bool may(const struct session *session, const struct lmtp_command *command, struct reply *refusal)
{
	if (!lmtp_may(session->state, command->verb, refusal))
		return false;
	if (command->verb != LMTP_MAIL || command->utf8 || !is_utf8(command->path))
		return true;
	reply_set(refusal, 553, "5.6.7", "This address wants SMTPUTF8");
	return false;
}

/* Those that were sent together with a MAIL that was refused learn why, rather than that they are out of order; and are
 * no mistakes. */
static bool follows_refused(const struct session *session, const struct lmtp_command *command)
{
	return session->state == LMTP_READY && session->refused.code != 0 && command->verb != LMTP_MAIL;
}

static int do_line(struct session *session, const char *line, size_t len, bool bare, struct err *err)
{
	struct lmtp_command command;
	struct reply refusal;

	if (bare && session->router->settings->submit.refuse_bare_newlines)
		reply_set(&refusal, 500, "5.5.2", "Commands end with CRLF");
	else if (lmtp_parse(line, len, &command, &refusal) == 0) {
		if (command.verb != LMTP_RCPT)
			collect(session);
		if (may(session, &command, &refusal))
			return obey(session, &command, err);
		if (follows_refused(session, &command)) {
			answer(session, &session->refused);
			return 0;
		}
	}
	collect(session);
	mistake(session, &refusal);
	return 0;
}

/* The next command. A session with the server that nobody uses is given up meanwhile, but the MTA may take its time. */
static int one_command(struct session *session, struct err *err)
{
	char line[LMTP_LINE_MAX + 2];
	struct reply refusal;
	size_t len;
	bool bare;

	if (!channel_has_line(&session->channel))
		collect(session);
	if (hop_is_open(session->hop) && session->state == LMTP_READY &&
	    !channel_wait(&session->channel, PATIENCE_IDLE))
		hop_quit(session->hop);
	switch (channel_line(&session->channel, PATIENCE_CLIENT, line, sizeof line, &len, &bare, err)) {
	case CHANNEL_OK:
		return do_line(session, line, len, bare, err);
	case CHANNEL_LONG:
		collect(session);
		reply_set(&refusal, 500, "5.5.2", "Line too long");
		mistake(session, &refusal);
		return 0;
	case CHANNEL_ENDED:
		session->over = true;
		return 0;
	case CHANNEL_FAILED:
		break;
	}
	return -1;
}

static void greet(struct session *session)
{
	if (gethostname(session->host, sizeof session->host) != 0 || session->host[0] == '\0')
		snprintf(session->host, sizeof session->host, "localhost");
	session->host[sizeof session->host - 1] = '\0';
	say(session, 220, "", session->host);
}

int session_run(const struct router *router, int in, int out, struct err *err)
{
	struct session *session = calloc(1, sizeof *session);
	int status = 0;

	if (session == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	session->router = router;
	session->hop = hop_new(router);
	channel_init(&session->channel, in, out);
	if (session->hop == NULL) {
		status = err_set(err, ERR_MEMORY, "out of memory");
	} else {
		greet(session);
		while (status == 0 && !session->over)
			status = one_command(session, err);
		if (status == 0)
			status = channel_flush(&session->channel, PATIENCE_CLIENT, err);
		end_message(session);
		hop_quit(session->hop);
	}
	hop_free(session->hop);
	channel_free(&session->channel);
	free(session);
	return status;
}

void session_refuse(int out, const char *why)
{
	struct channel channel;
	struct reply reply;

	channel_init(&channel, -1, out);
	reply_set(&reply, 421, "4.3.5", "%s", why);
	reply_append(&channel.replies, &reply);
	channel_flush(&channel, PATIENCE_QUIT, NULL);
	channel_free(&channel);
}
