/*
 * Takes a secret from the administrator: from a file, a pipe or the keyboard. Called by the commands import and setup.
 * What is read stays in the caller's buffer, which wipes itself; not by stdio, whose buffers nobody wipes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/keyboard.h"
#include "cli/output.h"
#include "cli/read_secret.h"
#include "lib/deadline.h"

const struct read_secret_kind read_secret_refresh_token = {
    .name = "refresh token",
    .prompt = "Refresh token (it is not shown)",
    .one_word = true,
};

/* A blank, or a line's end. */
static int is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void trim(struct buf *out)
{
	size_t first = 0;

	while (out->len > 0 && is_blank(out->data[out->len - 1]))
		out->data[--out->len] = '\0';
	while (first < out->len && is_blank(out->data[first]))
		first++;
	buf_consume(out, first);
}

static bool is_part_of(const struct read_secret_kind *kind, char byte)
{
	if (kind->one_word)
		return byte > ' ' && byte <= '~';
	return (unsigned char)byte >= ' ' && byte != 0x7f;
}

static int prove(const struct read_secret_kind *kind, const struct buf *secret, const char *name, struct err *err)
{
	size_t i;

	if (secret->len == 0)
		return err_set(err, ERR_SYNTAX, "%s is empty; it must hold the %s", name, kind->name);
	if (secret->len > SECRET_MAX)
		return err_set(err, ERR_LIMIT, "%s holds more than %d bytes, which no %s has", name, SECRET_MAX,
			       kind->name);
	if (kind->one_word && secret->data[0] == '{')
		return err_set(err, ERR_SYNTAX, "%s looks like JSON; it must hold the value of \"refresh_token\" alone",
			       name);
	for (i = 0; i < secret->len; i++)
		if (!is_part_of(kind, secret->data[i]))
			return err_set(err, ERR_SYNTAX,
				       "%s must hold the %s on one line and nothing else: byte %zu "
				       "cannot be part of one",
				       name, kind->name, i + 1);
	return 0;
}

/* A pipe may have nobody at its other end, ever. */
static int wait_for_bytes(int fd, const char *name, struct deadline deadline, struct err *err)
{
	struct pollfd input = {.fd = fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&input, 1, deadline_left(deadline));
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return err_set(err, ERR_TIMEOUT, "%s has come to no end within %d s; is somebody writing into it?",
			       name, READ_SECRET_WAIT_MS / 1000);
	return 0; /* whatever else it says, reading tells more */
}

/* Up to the end of the file, or until it is more than a token can be. */
static int read_to_end(int fd, const struct read_secret_kind *kind, const char *name, struct buf *out, struct err *err)
{
	struct deadline deadline = deadline_after(READ_SECRET_WAIT_MS);
	char *room;
	ssize_t n;

	for (;;) {
		room = buf_reserve(out, 1);
		if (!room)
			return err_set(err, ERR_LIMIT, "%s holds more than %d bytes, which no %s has", name, SECRET_MAX,
				       kind->name);
		if (wait_for_bytes(fd, name, deadline, err) != 0)
			return -1;
		n = read(fd, room, out->cap - out->len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return err_sys(err, errno, "%s cannot be read", name);
		if (n == 0)
			return 0;
		if (n > 0)
			out->len += (size_t)n;
	}
}

static void warn_if_open(int fd, const char *path)
{
	struct stat st;
	char text[ERR_TEXT_MAX];

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & S_IRWXO) == 0)
		return;
	snprintf(text, sizeof text, "warning: everybody may read %s; remove it when all has worked", path);
	output_complain(text);
}

static int read_file(const struct read_secret_kind *kind, const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int result;

	if (fd < 0)
		return err_sys(err, errno, "%s cannot be opened", path);
	warn_if_open(fd, path);
	result = read_to_end(fd, kind, path, out, err);
	close(fd);
	return result;
}

/* One key. 1: it was the last; 0; or -1 with *err set. */
static int take_key(char key, struct buf *out, struct err *err)
{
	switch (key) {
	case '\n':
	case '\r':
	case KEY_END:
		return 1;
	case KEY_INTERRUPT:
		return err_set(err, ERR_DENIED, "interrupted; nothing was changed");
	case KEY_KILL:
		buf_clear(out);
		return 0;
	case KEY_BACKSPACE:
	case KEY_DELETE:
		if (out->len > 0)
			out->data[--out->len] = '\0';
		return 0;
	default:
		if (buf_append(out, &key, 1) != 0)
			return err_set(err, ERR_LIMIT, "that is more than %d bytes, which no secret has", SECRET_MAX);
		return 0;
	}
}

static int read_keys(struct buf *out, struct err *err)
{
	char key = 0;
	ssize_t n;
	int result = 0;

	while (result == 0) {
		n = read(STDIN_FILENO, &key, 1);
		if (n < 0 && errno != EINTR)
			result = err_sys(err, errno, "the terminal cannot be read");
		if (n == 0)
			result = 1;
		if (n == 1)
			result = take_key(key, out, err);
	}
	return result < 0 ? -1 : 0;
}

/* The keys that would end us come as bytes, so that the terminal is always put back. */
static int read_terminal(const struct read_secret_kind *kind, struct buf *out, struct err *err)
{
	struct keyboard keyboard;
	int result;

	if (keyboard_take(&keyboard, KEYBOARD_SECRET, err) != 0)
		return -1;
	fprintf(stderr, "%s: ", kind->prompt);
	result = read_keys(out, err);
	fputs("\n", stderr);
	keyboard_give_back(&keyboard);
	return result;
}

int read_secret(const struct read_secret_kind *kind, const char *path, struct buf *out, struct err *err)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	bool typed = name != path && isatty(STDIN_FILENO);
	int result;

	if (name == path)
		result = read_file(kind, path, out, err);
	else if (typed)
		result = read_terminal(kind, out, err);
	else
		result = read_to_end(STDIN_FILENO, kind, name, out, err);
	if (result != 0)
		return -1;
	trim(out);
	return typed && kind->may_be_empty && out->len == 0 ? 0 : prove(kind, out, name, err);
}
