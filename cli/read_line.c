/*
 * Takes one long line from the administrator: an address with a code in it. Called by the command login. What is read
 * stays in the caller's buffer, which wipes itself; not by stdio, whose buffers nobody wipes.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cli/keyboard.h"
#include "cli/read_line.h"

struct reader {
	struct buf *out;
	bool terminal;
	const struct read_line_pause *pause;
	struct err *err;
};

/* What is typed, where the terminal no longer does it by itself. */
static void echo(const struct reader *reader, const char *text, size_t len)
{
	if (reader->terminal && write(STDERR_FILENO, text, len) < 0)
		return; /* nobody sees it, then */
}

static void erase(const struct reader *reader)
{
	struct buf *out = reader->out;

	if (out->len == 0)
		return;
	out->data[--out->len] = '\0';
	echo(reader, "\b \b", 3);
}

static bool is_end(const struct reader *reader, char key)
{
	return reader->terminal && (key == KEY_END || key == KEY_END_AHEAD);
}

/* True: it was the last. */
static bool take_key(const struct reader *reader, char key)
{
	if (key == '\n' || key == '\r' || is_end(reader, key))
		return true;
	if (reader->terminal && (key == KEY_BACKSPACE || key == KEY_DELETE)) {
		erase(reader);
	} else if (reader->terminal && key == KEY_KILL) {
		while (reader->out->len > 0)
			erase(reader);
	} else if ((unsigned char)key >= ' ' && (key != ' ' || reader->out->len > 0)) {
		buf_append(reader->out, &key, 1);
		echo(reader, &key, 1);
	}
	return false;
}

/* 1: there is something to read; 0: not yet; -1 with *err set. */
static int wait_for_input(const struct reader *reader)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	int ready = poll(&input, 1, reader->pause->every_ms);

	if (ready < 0)
		return err_sys(reader->err, errno, "interrupted");
	if (ready == 0)
		return reader->pause->cb(reader->pause->arg, reader->err) == 0 ? 0 : -1;
	return 1;
}

static enum read_line read_keys(const struct reader *reader)
{
	char key;
	int ready;
	ssize_t n;

	for (;;) {
		ready = wait_for_input(reader);
		if (ready < 0)
			return READ_LINE_FAILED;
		if (ready == 0)
			continue;
		n = read(STDIN_FILENO, &key, 1);
		if (n < 0 && errno != EIO) { /* EIO: the terminal is gone */
			err_sys(reader->err, errno, "standard input cannot be read");
			return READ_LINE_FAILED;
		}
		if (n <= 0)
			return reader->out->len > 0 ? READ_LINE_DONE : READ_LINE_END;
		if (take_key(reader, key))
			return reader->out->len > 0 || !is_end(reader, key) ? READ_LINE_DONE : READ_LINE_END;
	}
}

enum read_line read_line(struct buf *out, const struct read_line_pause *pause, struct err *err)
{
	struct keyboard keyboard;
	struct reader reader = {out, keyboard_take(&keyboard, KEYBOARD_LINE, NULL) == 0, pause, err};
	enum read_line result = read_keys(&reader);

	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	if (reader.terminal) {
		echo(&reader, "\n", 1);
		keyboard_give_back(&keyboard);
	}
	if (out->failed) {
		err_set(err, ERR_LIMIT, "that is more than %zu bytes", out->max);
		result = READ_LINE_FAILED;
	}
	return result;
}
