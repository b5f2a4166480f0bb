/*
 * Recognises and decodes encoded words (RFC 2047) in display names. Called by the reader and the writer of addresses.
 * Does not convert charsets: it only has to know whether an ASCII byte in one is that character.
 */
#include <string.h>
#include <strings.h>

#include "milter/encoded_word.h"

#define ESCAPE 0x1b

static const struct {
	const char *name; /* "*" at the end: any digits and marks may follow */
	enum encoded_charset charset;
} charsets[] = {
    {"utf-8", ENCODED_UTF8},
    {"utf8", ENCODED_UTF8},
    {"us-ascii", ENCODED_UTF8},
    {"iso-8859-1", ENCODED_LATIN1},
    {"windows-1252", ENCODED_LATIN1},
    {"iso-8859-*", ENCODED_SINGLE},
    {"windows-125*", ENCODED_SINGLE},
    {"koi8-r", ENCODED_SINGLE},
    {"koi8-u", ENCODED_SINGLE},
    {"euc-jp", ENCODED_SINGLE},
    {"euc-kr", ENCODED_SINGLE},
    {"gb2312", ENCODED_SINGLE},
    {"shift_jis", ENCODED_DOUBLE},
    {"big5", ENCODED_DOUBLE},
    {"gbk", ENCODED_DOUBLE},
    {"gb18030", ENCODED_DOUBLE},
    {"ks_c_5601-1987", ENCODED_DOUBLE},
    {"iso-2022-jp", ENCODED_ESCAPED},
    {"iso-2022-kr", ENCODED_ESCAPED},
};

static bool charset_is(const char *pattern, const char *name, size_t len)
{
	size_t fixed = strcspn(pattern, "*");

	if (pattern[fixed] == '\0')
		return len == fixed && strncasecmp(pattern, name, len) == 0;
	return len > fixed && len <= fixed + 2 && strncasecmp(pattern, name, fixed) == 0 &&
	       strspn(name + fixed, "0123456789") >= len - fixed;
}

static bool read_charset(const char *name, size_t len, enum encoded_charset *charset)
{
	for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
		if (charset_is(charsets[i].name, name, len)) {
			*charset = charsets[i].charset;
			return true;
		}
	}
	return false;
}

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int hex(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What RFC 2047 section 5 (3) allows in a display name, and the dot, which many mailers leave as it is. */
static bool is_q_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '=') {
			if (len - i < 3 || hex((unsigned char)text[i + 1]) < 0 || hex((unsigned char)text[i + 2]) < 0)
				return false;
			i += 2;
		} else if (!is_alnum(c) && (c == '\0' || strchr("!*+-/_.", c) == NULL)) {
			return false;
		}
	}
	return len > 0;
}

static bool is_base64(const char *text, size_t len)
{
	size_t digits = len;

	while (digits > 0 && len - digits < 2 && text[digits - 1] == '=')
		digits--;
	for (size_t i = 0; i < digits; i++)
		if (!is_alnum((unsigned char)text[i]) && text[i] != '+' && text[i] != '/')
			return false;
	return len > 0 && len % 4 == 0;
}

/* The end of the part that ends in the next "?", or NULL. */
static const char *part_end(const char *at, const char *end)
{
	return at < end ? memchr(at, '?', (size_t)(end - at)) : NULL;
}

bool encoded_word_read(const char *at, size_t len, struct encoded_word *word)
{
	const char *end = at + (len < ENCODED_WORD_MAX ? len : ENCODED_WORD_MAX);
	const char *charset = at + 2, *encoding, *close;

	if (len < 2 || at[0] != '=' || at[1] != '?')
		return false;
	encoding = part_end(charset, end);
	if (encoding == NULL || !read_charset(charset, (size_t)(encoding - charset), &word->charset))
		return false;
	if (end - encoding < 3 || encoding[2] != '?' || strchr("BbQq", encoding[1]) == NULL || encoding[1] == '\0')
		return false;
	word->base64 = encoding[1] == 'B' || encoding[1] == 'b';
	word->text = encoding + 3;
	close = part_end(word->text, end);
	if (close == NULL || close + 1 == end || close[1] != '=')
		return false;
	word->text_len = (size_t)(close - word->text);
	word->len = (size_t)(close + 2 - at);
	return word->base64 ? is_base64(word->text, word->text_len) : is_q_text(word->text, word->text_len);
}

static unsigned base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	return c == '+' ? 62 : 63;
}

static size_t decode_base64(const struct encoded_word *word, char *bytes)
{
	size_t used = 0;
	unsigned have = 0, bits = 0;

	for (size_t i = 0; i < word->text_len && word->text[i] != '='; i++) {
		bits = (bits << 6 | base64_digit(word->text[i])) & 0xffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			bytes[used++] = (char)(bits >> have & 0xff);
		}
	}
	return used;
}

size_t encoded_word_decode(const struct encoded_word *word, char bytes[ENCODED_WORD_MAX])
{
	size_t used = 0;

	if (word->base64)
		return decode_base64(word, bytes);
	for (size_t i = 0; i < word->text_len; i++) {
		char c = word->text[i];

		if (c == '=') {
			bytes[used++] =
			    (char)(hex((unsigned char)word->text[i + 1]) << 4 | hex((unsigned char)word->text[i + 2]));
			i += 2;
		} else {
			bytes[used++] = c == '_' ? ' ' : c;
		}
	}
	return used;
}

/* Is the byte of a text in that charset the ASCII character it looks like? *shifted: ISO 2022 has left ASCII. */
static bool is_itself(enum encoded_charset charset, const char *bytes, size_t i, bool *shifted)
{
	if (charset == ENCODED_DOUBLE)
		return i == 0 || (unsigned char)bytes[i - 1] < 0x80;
	if (charset != ENCODED_ESCAPED)
		return true;
	if (i >= 2 && bytes[i - 2] == ESCAPE && (bytes[i - 1] == '(' || bytes[i - 1] == '$')) {
		*shifted = bytes[i - 1] == '$' || (bytes[i] != 'B' && bytes[i] != 'J');
		return false;
	}
	return !*shifted && bytes[i] != ESCAPE;
}

bool encoded_word_hides(const struct encoded_word *word)
{
	char bytes[ENCODED_WORD_MAX];
	size_t len = encoded_word_decode(word, bytes);
	bool shifted = false;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c >= 0x80 || !is_itself(word->charset, bytes, i, &shifted))
			continue;
		if (c < ' ' || c == 0x7f || c == '<' || c == '>' || c == '@' || c == '"')
			return true;
		if (c == '=' && i + 1 < len && bytes[i + 1] == '?')
			return true;
	}
	return false;
}
