#ifndef MAILBEARER_CLI_BROWSER_H
#define MAILBEARER_CLI_BROWSER_H

#include <stdbool.h>

/* Is there a display on which a browser could appear? */
bool browser_has_display(void);

/*
 * Opens the address in a browser, by xdg-open(1) and without a shell: as ourselves or, under sudo(8), as the user who
 * called it; root's own browser is never started. Returns at once. True: a browser was asked for, and no more is known.
 */
bool browser_open(const char *address);

#endif
