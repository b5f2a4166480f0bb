#ifndef MAILBEARER_CLI_KEYBOARD_H
#define MAILBEARER_CLI_KEYBOARD_H

#include <termios.h>

#include "lib/err.h"

/*
 * The terminal on standard input, taken key by key and with nothing shown: its own line editing takes 4,095 bytes, and
 * silently drops the rest of a token or of an address with a code in it.
 */

/* Keys that the terminal no longer acts on. KEY_END_AHEAD: what it makes of a Ctrl-D that was typed before. */
enum { KEY_END_AHEAD = 0, KEY_INTERRUPT = 3, KEY_END = 4, KEY_BACKSPACE = 8, KEY_KILL = 21, KEY_DELETE = 127 };

enum keyboard_use {
	KEYBOARD_LINE,  /* what was typed before counts, and Ctrl-C is a signal */
	KEYBOARD_SECRET /* what was typed before was shown and is dropped, and Ctrl-C comes as KEY_INTERRUPT */
};

struct keyboard {
	struct termios before;
	int when; /* tcsetattr's */
};

/* Does not block, but until what was written is out. 0, or -1 with *err set: the terminal is as it was, or there is
 * none. */
int keyboard_take(struct keyboard *keyboard, enum keyboard_use use, struct err *err);

/* Puts it back as it was. */
void keyboard_give_back(const struct keyboard *keyboard);

#endif
