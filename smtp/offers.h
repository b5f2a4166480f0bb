#ifndef MAILBEARER_SMTP_OFFERS_H
#define MAILBEARER_SMTP_OFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a server's reply to EHLO offers of what we can use. Pure. */
struct offers {
	bool pipelining, eight_bit, utf8, dsn, size;
	bool xoauth2, oauthbearer;
};

/* One line of the reply, from the code on, without its CRLF; anything else is ignored. */
void offers_read(struct offers *offers, const char *line, size_t len);

#endif
