/*
 * The client of tokend's socket. Called by the SASL plugin inside smtp(8), by the milter and by the CLI; may not log,
 * touch signals or keep anything between two calls. An answer may be an access token, so it lies in buffers that wipe
 * themselves and never becomes part of an error's text.
 */
#include <unistd.h>

#include "client/tokenclient.h"
#include "lib/netstring.h"
#include "lib/sock.h"

#define RECEIVE_STEP (20 * 1024) /* bytes: a token of 16 KiB comes in one piece when the system has it in one */

/* Says where, around what `err` has. */
static int explain(const struct tokenclient_question *question, struct err *err, const char *what)
{
	if (err == NULL)
		return -1;
	return err_set(err, err->code, "tokend at %s %s: %s", question->socket_path, what, err->text);
}

static int connect_to(const struct tokenclient_question *question, struct err *err)
{
	int fd = sock_connect_unix(question->socket_path, question->deadline, err);

	if (fd < 0 && err != NULL)
		err_set(err, err->code, "tokend does not answer at %s%s", err->text,
			err->code == ERR_UNREACHABLE ? "; is mailbearer-tokend running?" : "");
	return fd;
}

static int append_question(const struct tokenclient_question *question, struct buf *frame, struct err *err)
{
	if (wire_append_request(frame, question->map, question->key, question->key_len) == 0)
		return 0;
	return err_set(err, ERR_SYNTAX,
		       "this cannot be asked of tokend: map \"%.32s\", key of %zu bytes, too long or with line breaks",
		       question->map, question->key_len);
}

/* Something answers, but not as tokend does. */
static int strange(const struct tokenclient_question *question, struct err *err, const char *what)
{
	return err_set(err, ERR_SYNTAX, "what answers at %s %s: is it tokend's socket?", question->socket_path, what);
}

/* One more piece of the answer. 0, or -1 with *err set, also at the end of the stream. */
static int receive_more(const struct tokenclient_question *question, int fd, struct buf *in, struct err *err)
{
	size_t room = in->len > RECEIVE_STEP ? in->len : RECEIVE_STEP;
	char *space;
	ssize_t got;

	if (room > in->max - in->len)
		room = in->max - in->len;
	space = buf_reserve(in, room);
	if (space == NULL)
		return err_set(err, ERR_MEMORY, "out of memory for tokend's answer");
	got = sock_recv(fd, space, room, question->deadline, err);
	if (got < 0)
		return explain(question, err, "did not answer");
	if (got == 0)
		return err_set(err, in->len == 0 ? ERR_UNREACHABLE : ERR_SYNTAX,
			       "tokend at %s closed the connection %s; its log says why", question->socket_path,
			       in->len == 0 ? "without an answer" : "in the middle of its answer");
	in->len += (size_t)got;
	return 0;
}

static int receive_reply(const struct tokenclient_question *question, int fd, struct buf *in, struct wire_reply *reply,
			 struct err *err)
{
	struct netstring frame;

	for (;;) {
		switch (netstring_decode(in->data, in->len, question->reply_max, &frame)) {
		case NETSTRING_OK:
			return wire_parse_reply(frame.data, frame.len, reply) == 0
				   ? 0
				   : strange(question, err, "does not speak socketmap");
		case NETSTRING_TOO_LONG:
			return strange(question, err, "says more than we take");
		case NETSTRING_BAD:
			return strange(question, err, "does not send netstrings");
		case NETSTRING_MORE:
			if (receive_more(question, fd, in, err) != 0)
				return -1;
		}
	}
}

/* Question and answer over a connection that stands. */
static int converse(const struct tokenclient_question *question, int fd, struct buf *frame, struct buf *in,
		    struct wire_reply *reply, struct err *err)
{
	struct err sending = {.code = ERR_NONE};

	if (sock_send(fd, frame->data, frame->len, question->deadline, &sending) == 0) {
		sock_end(fd);
		return receive_reply(question, fd, in, reply, err);
	}
	/* Somebody who may not ask can be answered and cut off before the question is out. */
	if (sending.code == ERR_SYSTEM && receive_reply(question, fd, in, reply, NULL) == 0)
		return 0;
	err_set(err, sending.code, "%s", sending.text);
	return explain(question, err, "did not take the question");
}

int tokenclient_ask(const struct tokenclient_question *question, enum wire_result *result, struct buf *text,
		    struct err *err)
{
	struct buf frame = BUF_INIT(WIRE_REQUEST_MAX + WIRE_NETSTRING_EXTRA);
	struct buf in = BUF_INIT(question->reply_max + WIRE_NETSTRING_EXTRA);
	struct wire_reply reply;
	int fd = -1, status = -1;

	buf_clear(text);
	if (append_question(question, &frame, err) != 0)
		goto out;
	fd = connect_to(question, err);
	if (fd < 0 || converse(question, fd, &frame, &in, &reply, err) != 0)
		goto out;
	if (buf_append(text, reply.text, reply.len) != 0) {
		err_set(err, ERR_MEMORY, "out of memory for tokend's answer");
		goto out;
	}
	*result = reply.result;
	status = 0;
out:
	if (fd >= 0)
		close(fd);
	buf_free(&frame);
	buf_free(&in);
	return status;
}
