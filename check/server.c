/*
 * The steps at the submission server: name, connection, certificate, login, and a transaction that is taken back (or a
 * message, if one is wanted). SMTP goes through smtp/relay.c alone. Called by check.c's table.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check/mta.h"
#include "check/refused.h"
#include "check/steps.h"
#include "daemon/child.h"
#include "daemon/dial.h"
#include "smtp/relay.h"

#define DNS_MS 15000
#define TCP_MS 15000
#define OPEN_MS 60000
#define COMMAND_MS 60000
#define DOT_MS 120000
#define QUIT_MS 5000

/* --- dns --- */

/* "[host]:port", as the settings have proved it. */
static void find_server(struct world *world)
{
	const char *relayhost = world->account->client->relayhost, *host = relayhost + (*relayhost == '[');
	size_t len = strcspn(host, *relayhost == '[' ? "]" : ":");
	const char *colon = strchr(host + len, ':');

	snprintf(world->host, sizeof world->host, "%.*s", (int)len, host);
	world->port = colon != NULL ? (unsigned)strtoul(colon + 1, NULL, 10) : 587;
}

/* In a child: a line for each address, or "!" and what is wrong. */
static void look_up(void *arg, struct buf *out)
{
	const struct world *world = arg;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	char port[16], address[NI_MAXHOST];
	int status;

	snprintf(port, sizeof port, "%u", world->port);
	status = getaddrinfo(world->host, port, &hints, &list);
	if (status != 0) {
		buf_printf(out, "!%s", gai_strerror(status));
		return;
	}
	for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
		if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST) == 0)
			buf_printf(out, "%s\n", address);
	freeaddrinfo(list);
}

void step_dns(struct world *world, struct finding *finding)
{
	struct buf answer = BUF_INIT(8192);
	struct err err = {.code = ERR_NONE};
	int status;

	find_server(world);
	status = child_do(look_up, world, DNS_MS, &answer, &err);
	if (status == 0 && answer.len > 0 && answer.data[0] != '!') {
		*strchrnul(answer.data, '\n') = '\0';
		finding_set(finding, FINDING_OK, "%s%s%s", world->host,
			    strcmp(world->host, answer.data) == 0 ? "" : ": ",
			    strcmp(world->host, answer.data) == 0 ? "" : answer.data);
	} else {
		finding_set(finding, FINDING_FAILED, "%s: %s", world->host,
			    status != 0      ? err.text
			    : answer.len > 0 ? answer.data + 1
					     : "no address");
		finding_advise(finding, "check the name in relayhost of client \"%s\", and this host's name servers",
			       world->account->client->name);
		finding_line(finding, "getent hosts %s; cat /etc/resolv.conf", world->host);
	}
	buf_free(&answer);
}

/* --- tcp --- */

/* In a child, as the name is looked up again: "" or what is wrong. */
static void try_to_connect(void *arg, struct buf *out)
{
	const struct world *world = arg;
	struct err err = {.code = ERR_NONE};
	char port[16];
	int fd;

	snprintf(port, sizeof port, "%u", world->port);
	fd = dial_tcp(world->host, port, AF_UNSPEC, deadline_after(TCP_MS), &err);
	if (fd >= 0)
		close(fd);
	else
		buf_puts(out, err.text);
}

void step_tcp(struct world *world, struct finding *finding)
{
	struct buf answer = BUF_INIT(4096);
	struct err err = {.code = ERR_NONE};
	int status = child_do(try_to_connect, world, DNS_MS + TCP_MS, &answer, &err);

	if (status == 0 && answer.len == 0) {
		finding_set(finding, FINDING_OK, "port %u", world->port);
	} else {
		finding_set(finding, FINDING_FAILED, "%s port %u: %s", world->host, world->port,
			    status != 0 ? err.text : answer.data);
		finding_advise(finding, "let the firewall pass TCP from this host to that port");
		finding_line(finding, "openssl s_client -starttls smtp -connect %s:%u </dev/null", world->host,
			     world->port);
	}
	buf_free(&answer);
}

/* --- tls, auth --- */

/* What smtp(8) verifies the server by; without Postfix, what mailbearer-submit does. */
static const char *ca_file_of(const struct world *world)
{
	char carrier[MTA_SERVICE_MAX];
	const char *file = NULL;

	if (world->postfix != NULL)
		file = mta_value(world, mta_carrier(world->account, carrier), "smtp_tls_CAfile");
	return file != NULL && file[0] != '\0' ? file : world->account->client->ca_file;
}

static struct relay *open_relay(const struct world *world, const struct buf *token, enum relay_trouble *trouble,
				struct reply *reply, struct err *err)
{
	const struct relay_target target = {
	    .host = world->host,
	    .port = world->port,
	    .helo = world->settings->submit.helo_name,
	    .ca_file = ca_file_of(world),
	    .user = token != NULL ? world->mailbox : NULL,
	    .token = token,
	    .connect_ms = TCP_MS,
	    .open_ms = OPEN_MS,
	};

	*trouble = RELAY_UNREACHABLE;
	return relay_init(err) == 0 ? relay_open(&target, trouble, reply, err) : NULL;
}

/* "535 5.7.3 Authentication unsuccessful", one line. */
static void write_reply(const struct reply *reply, char *text, size_t size)
{
	snprintf(text, size, "%d%s%s %.600s", reply->code, reply->enhanced[0] != '\0' ? " " : "", reply->enhanced,
		 reply->text);
	for (char *end = text; (end = strchr(end, '\n')) != NULL;)
		*end = ' ';
}

/* The network's fault, or the server's: whoever looks for it does what we did. */
static void say_by_hand(const struct world *world, struct finding *finding)
{
	finding_advise(finding, "try it by hand from this host; if it lasts, ask who runs the network in between");
	finding_line(finding, "openssl s_client -starttls smtp -connect %s:%u </dev/null", world->host, world->port);
}

static void fail_by_reply(const struct world *world, const struct reply *reply, const char *fallback,
			  struct finding *finding)
{
	char text[FINDING_TEXT_MAX];

	if (reply->code < 400) {
		finding_set(finding, FINDING_FAILED, "%s", fallback);
		say_by_hand(world, finding);
		return;
	}
	write_reply(reply, text, sizeof text);
	finding_set(finding, FINDING_FAILED, "%s", text);
	finding_explain(finding, text);
	if (finding->leads_back)
		say_by_hand(world, finding);
}

static void say_not_secure(const struct world *world, const struct err *err, struct finding *finding)
{
	const char *ca_file = ca_file_of(world);

	finding_set(finding, FINDING_FAILED, "%s", err->text);
	finding_advise(finding,
		       "give this host the certificate authorities (%s), or find out who answers in the server's place",
		       ca_file != NULL ? ca_file : "the system's");
	if (ca_file == NULL)
		finding_line(finding, "apt-get install --reinstall ca-certificates");
	finding_line(finding, "openssl s_client -starttls smtp -connect %s:%u -verify_hostname %s </dev/null",
		     world->host, world->port, world->host);
}

void step_tls(struct world *world, struct finding *finding)
{
	enum relay_trouble trouble;
	struct reply reply;
	struct err err = {.code = ERR_NONE};
	struct relay *relay = open_relay(world, NULL, &trouble, &reply, &err);

	if (relay == NULL) {
		if (trouble == RELAY_NOT_SECURE)
			say_not_secure(world, &err, finding);
		else
			fail_by_reply(world, &reply, err.text, finding);
		return;
	}
	if (relay_offers(relay)->xoauth2 || relay_offers(relay)->oauthbearer) {
		finding_set(finding, FINDING_OK, "certificate verified; offers %s%s%s",
			    relay_offers(relay)->xoauth2 ? "XOAUTH2" : "",
			    relay_offers(relay)->xoauth2 && relay_offers(relay)->oauthbearer ? " " : "",
			    relay_offers(relay)->oauthbearer ? "OAUTHBEARER" : "");
	} else {
		finding_set(finding, FINDING_FAILED, "%s offers neither XOAUTH2 nor OAUTHBEARER", world->host);
		finding_advise(finding, "name the provider's submission server in relayhost of client \"%s\"",
			       world->account->client->name);
		if (world->account->client->provider->relayhost != NULL)
			finding_line(finding, "relayhost = \"%s\"", world->account->client->provider->relayhost);
	}
	relay_close(relay);
}

void step_auth(struct world *world, struct finding *finding)
{
	const struct refused_login login = {world->mailbox, world->options->program, world->account, world->claims,
					    world->claims_fit};
	enum relay_trouble trouble;
	struct reply reply;
	struct err err = {.code = ERR_NONE};

	world->relay = open_relay(world, &world->token, &trouble, &reply, &err);
	if (world->relay != NULL) {
		finding_set(finding, FINDING_OK, "logged in as %s", world->mailbox);
		return;
	}
	fail_by_reply(world, &reply, err.text, finding);
	if (finding->leads_back && reply.code >= 400) {
		buf_clear(&finding->lines);
		refused_advise(&login, finding);
	}
}

/* --- sender, recipient, message --- */

/* One command and its reply. 0: the code is of this class ('2', '3'). */
static int say(struct world *world, const char *command, char class_, int patience_ms, struct finding *finding)
{
	struct deadline deadline = deadline_after(patience_ms);
	struct reply reply = {.code = 0};
	struct err err = {.code = ERR_NONE};
	char text[FINDING_TEXT_MAX];

	if (relay_send(world->relay, command, strlen(command), deadline, &err) != 0 ||
	    relay_reply(world->relay, &reply, deadline, &err) != 0) {
		finding_set(finding, FINDING_FAILED, "%s", err.text);
		finding_explain(finding, err.text);
		if (finding->leads_back || !finding->known)
			say_by_hand(world, finding);
		return -1;
	}
	if (reply.code / 100 != class_ - '0') {
		fail_by_reply(world, &reply, "the server's answer is none", finding);
		return -1;
	}
	write_reply(&reply, text, sizeof text);
	finding_set(finding, FINDING_OK, "%s", text);
	return 0;
}

void step_sender(struct world *world, struct finding *finding)
{
	char command[512];

	snprintf(command, sizeof command, "MAIL FROM:<%.320s>\r\n", world->mailbox);
	say(world, command, '2', COMMAND_MS, finding);
}

static void quit(struct world *world)
{
	struct finding ignored = FINDING_INIT;

	say(world, "QUIT\r\n", '2', QUIT_MS, &ignored);
	finding_free(&ignored);
	relay_close(world->relay);
	world->relay = NULL;
}

void step_recipient(struct world *world, struct finding *finding)
{
	const char *recipient = world->options->recipient;
	struct finding ignored = FINDING_INIT;
	char command[512];
	int status;

	snprintf(command, sizeof command, "RCPT TO:<%.320s>\r\n", recipient != NULL ? recipient : world->mailbox);
	status = say(world, command, '2', COMMAND_MS, finding);
	if (status == 0 && recipient != NULL)
		return;
	if (world->relay != NULL && say(world, "RSET\r\n", '2', COMMAND_MS, status == 0 ? finding : &ignored) == 0 &&
	    status == 0)
		finding_set(finding, FINDING_OK, "%s: taken, and taken back (RSET)", world->mailbox);
	finding_free(&ignored);
	quit(world);
}

static void write_message(const struct world *world, struct buf *out)
{
	char date[64], host[256] = "";
	time_t now = time(NULL);
	struct tm tm;

	gethostname(host, sizeof host - 1);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
	buf_printf(out,
		   "From: <%.320s>\r\nTo: <%.320s>\r\nSubject: mailbearer check\r\nDate: %s\r\n"
		   "Message-ID: <%lld.%ld.mailbearer-check@%s>\r\nMIME-Version: 1.0\r\n"
		   "Content-Type: text/plain; charset=us-ascii\r\nAuto-Submitted: auto-generated\r\n\r\n"
		   "This message was sent by \"mailbearer check\" on %s:\r\n"
		   "the way from there to the provider is in order.\r\n.\r\n",
		   world->mailbox, world->options->recipient, date, (long long)now, (long)getpid(), host, host);
}

void step_message(struct world *world, struct finding *finding)
{
	struct buf text = BUF_INIT(8192);

	write_message(world, &text);
	if (say(world, "DATA\r\n", '3', COMMAND_MS, finding) == 0)
		say(world, text.data, '2', DOT_MS, finding);
	buf_free(&text);
	quit(world);
}
