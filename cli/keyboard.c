/* The terminal's raw mode, for what reads it key by key. Called by read_line.c and read_secret.c. */
#include <errno.h>
#include <unistd.h>

#include "cli/keyboard.h"

int keyboard_take(struct keyboard *keyboard, enum keyboard_use use, struct err *err)
{
	struct termios quiet;

	if (tcgetattr(STDIN_FILENO, &keyboard->before) != 0)
		return err_sys(err, errno, "the terminal cannot be asked");
	keyboard->when = use == KEYBOARD_SECRET ? TCSAFLUSH : TCSADRAIN;
	quiet = keyboard->before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | (use == KEYBOARD_SECRET ? ISIG : 0));
	quiet.c_cc[VMIN] = 1;
	quiet.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, keyboard->when, &quiet) != 0)
		return err_sys(err, errno, "the terminal cannot be set");
	return 0;
}

void keyboard_give_back(const struct keyboard *keyboard)
{
	tcsetattr(STDIN_FILENO, keyboard->when, &keyboard->before);
}
