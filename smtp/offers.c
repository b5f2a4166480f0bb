/* EHLO's keywords (RFC 5321 section 4.1.1.1). Pure. Called by relay.c for each line before and after STARTTLS. */
#include <string.h>
#include <strings.h>

#include "smtp/offers.h"

static bool begins(const char *text, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	return len >= word_len && strncasecmp(text, word, word_len) == 0 && (len == word_len || text[word_len] == ' ');
}

/* "AUTH LOGIN XOAUTH2", word by word. */
static void read_mechanisms(struct offers *offers, const char *text, size_t len)
{
	size_t word;

	while (len > 0) {
		for (word = 0; word < len && text[word] != ' '; word++)
			;
		offers->xoauth2 |= begins(text, word, "XOAUTH2");
		offers->oauthbearer |= begins(text, word, "OAUTHBEARER");
		word += word < len;
		text += word;
		len -= word;
	}
}

void offers_read(struct offers *offers, const char *line, size_t len)
{
	if (len < 5 || strncmp(line, "250", 3) != 0)
		return;
	line += 4;
	len -= 4;
	if (begins(line, len, "PIPELINING"))
		offers->pipelining = true;
	else if (begins(line, len, "8BITMIME"))
		offers->eight_bit = true;
	else if (begins(line, len, "SMTPUTF8"))
		offers->utf8 = true;
	else if (begins(line, len, "DSN"))
		offers->dsn = true;
	else if (begins(line, len, "SIZE"))
		offers->size = true;
	else if (begins(line, len, "AUTH"))
		read_mechanisms(offers, line, len);
}
