/*
 * One message through the session, with a server of the test's own behind it: whatever fails on the way, and wherever,
 * the server gets all of the message or none, and the mail server learns which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "client/tokenclient.h"
#include "smtp/relay.h"
#include "submit/session.h"
#include "tests/unit/conf_file.h"
#include "tests/unit/fake_log.h"

#define CONF                                                                                                           \
	"connector c { relayhost = '[h]:25' senders = { a@c.example } }\n"                                             \
	"tokend { listen = { /run/t.sock } }\n"
#define ENVELOPE                                                                                                       \
	"LHLO x\r\nMAIL FROM:<a@c.example> SIZE=40000 BODY=8BITMIME\r\n"                                               \
	"RCPT TO:<b@d.example> NOTIFY=NEVER\r\nRCPT TO:<c@d.example> NOTIFY=NEVER\r\nDATA\r\n"
#define LINE "01234567890123456789012345678901234567890123456789012345678901\r\n"
#define LINE_LEN (sizeof LINE - 1)
#define LINES 700

static char input[64 * 1024], message[LINES * sizeof LINE], output[64 * 1024];

/* --- what fails ------------------------------------------------------------------------------------------------- */

static int calls, failing; /* of the calls that are counted, the one that fails; 0: none does */
static bool count_sends, count_allocations;

static bool strikes(bool counted)
{
	return counted && ++calls == failing;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return strikes(count_allocations) ? NULL : __real_calloc(count, size);
}

/* --- the server ------------------------------------------------------------------------------------------------- */

static struct server {
	char got[sizeof input];
	size_t len, read;
	bool in_message;
	unsigned taken;
	bool wrong; /* a command, or a message, that is not what was to be sent */
} server;

struct relay {
	char nothing;
};
static struct relay relay;

struct relay *relay_open(const struct relay_target *target, enum relay_trouble *trouble, struct reply *reply,
			 struct err *err)
{
	(void)target;
	(void)reply;
	(void)err;
	*trouble = RELAY_NO_TROUBLE;
	return &relay;
}

void relay_close(struct relay *closed)
{
	(void)closed;
}

const struct offers *relay_offers(const struct relay *of)
{
	static const struct offers offers = {.pipelining = true, .eight_bit = true, .dsn = true, .size = true};

	(void)of;
	return &offers;
}

/* One that fails has not sent its bytes in time; a moment later there is room again. */
int relay_send(struct relay *to, const char *bytes, size_t len, struct deadline deadline, struct err *err)
{
	(void)to;
	(void)deadline;
	if (strikes(count_sends))
		return err_set(err, ERR_TIMEOUT, "the server did not answer in time");
	assert_true(len <= sizeof server.got - server.len);
	memcpy(server.got + server.len, bytes, len);
	server.len += len;
	return 0;
}

static void take_message(size_t len)
{
	server.taken++;
	server.wrong |= len != strlen(message) || memcmp(server.got + server.read, message, len) != 0;
	server.in_message = false;
}

/* The reply to a command, as a server gives it that has not what it expects. */
static int obey(const char *command, size_t len)
{
	static const char *const known[] = {"MAIL FROM:<a@c.example> SIZE=40000 BODY=8BITMIME",
					    "RCPT TO:<b@d.example> NOTIFY=NEVER",
					    "RCPT TO:<c@d.example> NOTIFY=NEVER",
					    "RSET",
					    "QUIT",
					    "DATA"};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (len != strlen(known[i]) || memcmp(command, known[i], len) != 0)
			continue;
		server.in_message = strcmp(known[i], "DATA") == 0;
		return server.in_message ? 354 : 250;
	}
	server.wrong = true;
	return 500;
}

int relay_reply(struct relay *from, struct reply *reply, struct deadline deadline, struct err *err)
{
	const char *end = server.in_message ? "\r\n.\r\n" : "\r\n";
	const char *at = server.got + server.read, *found = memmem(at, server.len - server.read, end, strlen(end));
	size_t len = found != NULL ? (size_t)(found - at) : 0;
	int code = 250;

	(void)from;
	(void)deadline;
	if (found == NULL)
		return err_set(err, ERR_TIMEOUT, "the server did not answer in time");
	if (server.in_message)
		take_message(len + 2);
	else
		code = obey(at, len);
	server.read += len + strlen(end);
	reply_set(reply, code, "", "of the server");
	return 0;
}

int tokenclient_ask(const struct tokenclient_question *question, enum wire_result *result, struct buf *text,
		    struct err *err)
{
	bool known = question->key_len > 0 && question->key[0] == 'a';

	*result = known && strcmp(question->map, "relayhost") == 0 ? WIRE_OK : WIRE_NOTFOUND;
	return *result == WIRE_NOTFOUND || buf_puts(text, "[h]:25") == 0 ? 0 : err_set(err, ERR_MEMORY, "no memory");
}

/* --- the mail server -------------------------------------------------------------------------------------------- */

static struct router router;

static int set_up(void **state)
{
	struct err err;

	(void)state;
	for (int i = 0; i < LINES; i++)
		strcat(message, LINE);
	/* What is read and sent at a time, a multiple of a line's length, is to begin and end with a line. */
	snprintf(input, sizeof input, "NOOP %0*d\r\n" ENVELOPE "%s.\r\nQUIT\r\n",
		 (int)(2 * LINE_LEN - strlen("NOOP \r\n" ENVELOPE) % LINE_LEN), 0, message);
	router.settings = load_text(CONF, &err);
	if (router.settings != NULL)
		router.senders = senders_new(router.settings, &err);
	return router.senders != NULL ? 0 : -1;
}

static int put_away(void **state)
{
	(void)state;
	senders_free((struct senders *)router.senders);
	settings_free((struct settings *)router.settings);
	return 0;
}

/* All is said in one go, and a pipe holds it. What was answered is in output. */
static void talk(void)
{
	struct err err = {.code = ERR_NONE};
	int in[2], out[2];
	ssize_t len;

	server = (struct server){.len = 0};
	calls = 0;
	fake_log_reset();
	assert_int_equal(0, pipe(in) + pipe(out));
	assert_int_equal(strlen(input), write(in[1], input, strlen(input)));
	close(in[1]);
	(void)session_run(&router, in[0], out[1], &err);
	close(out[1]);
	len = read(out[0], output, sizeof output - 1);
	output[len > 0 ? len : 0] = '\0';
	close(in[0]);
	close(out[0]);
}

static unsigned count_lines(const char *begin)
{
	unsigned count = 0;

	for (const char *at = output; (at = strstr(at, begin)) != NULL; at++)
		count += at == output || at[-1] == '\n';
	return count;
}

/* Each of the counted calls fails, one in each run. */
static void try_all(bool *counted, int least)
{
	failing = 0;
	do {
		failing++;
		*counted = true;
		talk();
		*counted = false;
		assert_false(server.wrong);
		assert_true(server.taken <= 1);
		/* Who hears the end of it has heard all of it: for each recipient whether the message was taken. */
		if (count_lines("221 ") > 0) {
			assert_int_equal(1, count_lines("220 "));
			assert_int_equal(1, count_lines("354 "));
			assert_int_equal(2 + 1 + 2 * server.taken, count_lines("250 2.0.0 of the server"));
		}
	} while (calls >= failing);
	assert_true(failing > least);
	assert_int_equal(1, server.taken); /* the last run had no failure */
	assert_int_equal(5, count_lines("250 2.0.0 of the server"));
}

/* A piece of the message that did not go out in time is a hole in it; a final dot behind it would be a lie. */
static void what_was_not_sent_whole_is_not_ended(void **state)
{
	(void)state;
	try_all(&count_sends, 5);
}

static void without_memory_nothing_is_sent_in_part(void **state)
{
	(void)state;
	try_all(&count_allocations, 5);
}

/* They were sent before the answer to MAIL was known: so many are no reason to hang up. */
static void recipients_of_a_refused_sender_are_no_mistakes(void **state)
{
	size_t used = (size_t)snprintf(input, sizeof input, "LHLO x\r\nMAIL FROM:<nobody@d.example>\r\n");

	(void)state;
	for (int i = 0; i < 50; i++)
		used += (size_t)snprintf(input + used, sizeof input - used, "RCPT TO:<b@d.example>\r\n");
	snprintf(input + used, sizeof input - used, "DATA\r\nQUIT\r\n");
	talk();
	assert_int_equal(1 + 50 + 1, count_lines("451 4.3.5 "));
	assert_int_equal(1, count_lines("221 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_not_sent_whole_is_not_ended),
	    cmocka_unit_test(without_memory_nothing_is_sent_in_part),
	    cmocka_unit_test(recipients_of_a_refused_sender_are_no_mistakes),
	};

	return cmocka_run_group_tests(tests, set_up, put_away);
}
