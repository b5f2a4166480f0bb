/*
 * The pipes or the socket to the MTA. Blocking descriptors stay blocking, since they may be shared with others: poll(2)
 * says when a read or a short write will not wait. Called by session.c.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/deadline.h"
#include "submit/channel.h"

void channel_init(struct channel *channel, int in, int out)
{
	memset(channel, 0, sizeof *channel);
	channel->in = in;
	channel->out = out;
	channel->replies.max = CHANNEL_OUT_MAX;
}

void channel_free(struct channel *channel)
{
	buf_free(&channel->replies);
	explicit_bzero(channel->block, sizeof channel->block);
}

/* 1: ready, or it cannot be; 0: the deadline passed; -1: *err. */
static int wait_ready(int fd, short events, struct deadline deadline, struct err *err)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int ready;

	do
		ready = poll(&poll_fd, 1, deadline_left(deadline));
	while (ready < 0 && errno == EINTR);
	return ready < 0 ? err_sys(err, errno, "poll") : ready;
}

/* More bytes, when all have been taken. */
static enum channel_status fill(struct channel *channel, int patience_ms, struct err *err)
{
	ssize_t got;
	int ready;

	if (channel_flush(channel, patience_ms, err) != 0)
		return CHANNEL_FAILED;
	ready = wait_ready(channel->in, POLLIN, deadline_after(patience_ms), err);
	if (ready == 0)
		err_set(err, ERR_TIMEOUT, "the mail server said nothing for %d s", patience_ms / 1000);
	if (ready <= 0)
		return CHANNEL_FAILED;
	do
		got = read(channel->in, channel->block, sizeof channel->block);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		err_sys(err, errno, "cannot read from the mail server");
		return CHANNEL_FAILED;
	}
	channel->next = 0;
	channel->used = (size_t)got;
	return got > 0 ? CHANNEL_OK : CHANNEL_ENDED;
}

enum channel_status channel_bytes(struct channel *channel, int patience_ms, const char **bytes, size_t *len,
				  struct err *err)
{
	enum channel_status status = CHANNEL_OK;

	if (channel->next == channel->used)
		status = fill(channel, patience_ms, err);
	*bytes = channel->block + channel->next;
	*len = channel->used - channel->next;
	return status;
}

void channel_took(struct channel *channel, size_t len)
{
	channel->next += len;
}

enum channel_status channel_line(struct channel *channel, int patience_ms, char *line, size_t size, size_t *len,
				 bool *bare, struct err *err)
{
	enum channel_status status;
	const char *bytes, *end;
	size_t got, room, used = 0;
	bool cut = false;

	do {
		status = channel_bytes(channel, patience_ms, &bytes, &got, err);
		if (status != CHANNEL_OK)
			return status;
		end = memchr(bytes, '\n', got);
		if (end != NULL)
			got = (size_t)(end - bytes) + 1;
		room = got < size - used ? got : size - used;
		cut = cut || room < got;
		memcpy(line + used, bytes, room);
		used += room;
		channel_took(channel, got);
	} while (end == NULL);
	if (cut)
		return CHANNEL_LONG;
	*bare = used < 2 || line[used - 2] != '\r';
	*len = used - (*bare ? 1 : 2);
	line[*len] = '\0';
	return CHANNEL_OK;
}

bool channel_wait(struct channel *channel, int patience_ms)
{
	if (channel->next < channel->used || channel_flush(channel, patience_ms, NULL) != 0)
		return true; /* what is wrong will show when it is read */
	return wait_ready(channel->in, POLLIN, deadline_after(patience_ms), NULL) != 0;
}

bool channel_has_line(const struct channel *channel)
{
	return memchr(channel->block + channel->next, '\n', channel->used - channel->next) != NULL;
}

/* Of a socket, poll(2) does not say for how many bytes there is room. */
static ssize_t put_some(int fd, const char *bytes, size_t len)
{
	ssize_t put = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return put < 0 && errno == ENOTSOCK ? write(fd, bytes, len) : put;
}

int channel_flush(struct channel *channel, int patience_ms, struct err *err)
{
	struct buf *out = &channel->replies;
	size_t piece;
	ssize_t put;
	int ready;

	if (out->failed) /* without the one that is missing, the others would be taken for answers to other commands */
		return err_set(err, ERR_MEMORY, "out of memory for a reply to the mail server");
	while (out->len > 0) {
		ready = wait_ready(channel->out, POLLOUT, deadline_after(patience_ms), err);
		if (ready == 0)
			err_set(err, ERR_TIMEOUT, "the mail server took no reply for %d s", patience_ms / 1000);
		if (ready <= 0)
			return -1;
		/* So much never waits on a pipe that is ready. */
		piece = out->len < PIPE_BUF ? out->len : PIPE_BUF;
		put = put_some(channel->out, out->data, piece);
		if (put < 0 && errno != EINTR && errno != EAGAIN)
			return err_sys(err, errno, "cannot write to the mail server");
		if (put > 0)
			buf_consume(out, (size_t)put);
	}
	buf_clear(out);
	return 0;
}
