/*
 * The little of HTTP/1.1 that a browser needs to bring one address: redirect URI and request in, page out. Pure; what
 * it parses comes from anybody on this machine. Called by loopback_listen.c.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/loopback_private.h"

/* --- the redirect URI --------------------------------------------------------------------------------------------- */

static int wrong_uri(const char *uri, struct err *err)
{
	return err_set(err, ERR_CONFIG,
		       "redirect_uri %.200s is none that can be listened at: that takes http://localhost, "
		       "http://127.0.0.1 or http://[::1], with or without a port and a path",
		       uri);
}

/* "", ":8080" or "" before a path. 0 or -1; *rest is what follows. */
static int parse_port(const char *text, int *port, const char **rest)
{
	char *end = (char *)text;
	long number = 0;

	if (*text == ':') {
		if (text[1] < '1' || text[1] > '9')
			return -1;
		number = strtol(text + 1, &end, 10);
	}
	*port = (int)number;
	*rest = end;
	return number >= 0 && number <= 65535 && (*end == '\0' || *end == '/') ? 0 : -1;
}

int loopback_parse_uri(const char *uri, struct loopback_target *out, struct err *err)
{
	static const struct {
		const char *text;
		enum loopback_host host;
	} hosts[] = {
	    {"localhost", LOOPBACK_LOCALHOST},
	    {"127.0.0.1", LOOPBACK_IPV4},
	    {"[::1]", LOOPBACK_IPV6},
	};
	static const char scheme[] = "http://";
	const char *host = uri + sizeof scheme - 1, *path;

	memset(out, 0, sizeof *out);
	if (strlen(uri) >= LOOPBACK_URI_MAX || strncmp(uri, scheme, sizeof scheme - 1) != 0 || strpbrk(uri, "?#"))
		return wrong_uri(uri, err);
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		size_t len = strlen(hosts[i].text);

		if (strncmp(host, hosts[i].text, len) != 0 || parse_port(host + len, &out->port, &path) != 0)
			continue;
		out->host = hosts[i].host;
		memcpy(out->authority, hosts[i].text, len);
		memcpy(out->path, path, strlen(path));
		return 0;
	}
	return wrong_uri(uri, err);
}

/* --- the request -------------------------------------------------------------------------------------------------- */

/* Has the empty line come that ends the headers? */
static bool is_whole(const char *bytes, size_t len)
{
	return memmem(bytes, len, "\r\n\r\n", 4) != NULL || memmem(bytes, len, "\n\n", 2) != NULL;
}

/* The next word of the line, visible ASCII; its length, 0 for none. */
static size_t word(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && text[i] > ' ' && text[i] < 0x7f)
		i++;
	return i;
}

static enum loopback_request judge(const char *method, size_t method_len, const char *target, size_t target_len,
				   const char *path, const char **query, size_t *query_len)
{
	const char *mark = memchr(target, '?', target_len);
	size_t path_len = mark != NULL ? (size_t)(mark - target) : target_len;

	if (method_len != 3 || memcmp(method, "GET", 3) != 0)
		return LOOPBACK_NOT_GET;
	if (*path == '\0')
		path = "/";
	if (strlen(path) != path_len || memcmp(target, path, path_len) != 0)
		return LOOPBACK_OTHER;
	*query = target + path_len + (mark != NULL);
	*query_len = target_len - path_len - (mark != NULL);
	return LOOPBACK_VISIT;
}

enum loopback_request loopback_parse_request(const char *bytes, size_t len, const char *path, const char **query,
					     size_t *query_len)
{
	static const char version[] = " HTTP/1.";
	size_t method, target;

	if (len > LOOPBACK_REQUEST_MAX)
		return LOOPBACK_TOO_LONG;
	if (!is_whole(bytes, len))
		return LOOPBACK_MORE;
	method = word(bytes, len);
	if (method == 0 || method == len || bytes[method] != ' ')
		return LOOPBACK_BAD;
	target = word(bytes + method + 1, len - method - 1);
	if (target == 0 || bytes[method + 1] != '/' || len - method - 1 - target < sizeof version ||
	    memcmp(bytes + method + 1 + target, version, sizeof version - 1) != 0)
		return LOOPBACK_BAD;
	return judge(bytes, method, bytes + method + 1, target, path, query, query_len);
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

#define BODY_MAX 8192

static void append_escaped(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == 0x7f || strchr("<>&\"'", c) != NULL)
			buf_printf(out, "&#%u;", c);
		else
			buf_append(out, text, 1);
	}
}

static const char *reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	case 431:
		return "Request Header Fields Too Large";
	default:
		return "Bad Request";
	}
}

int loopback_append_page(struct buf *out, const struct loopback_page *page)
{
	struct buf body = BUF_INIT(BODY_MAX);

	buf_puts(&body, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
	append_escaped(&body, page->title);
	buf_puts(&body, " - Mailbearer</title>\n<style>body{font:1.1em/1.5 sans-serif;max-width:36em;margin:4em auto;"
			"padding:0 1em}</style>\n</head>\n<body>\n<h1>");
	append_escaped(&body, page->title);
	buf_puts(&body, "</h1>\n<p>");
	append_escaped(&body, page->text);
	buf_puts(&body, "</p>\n</body>\n</html>\n");
	buf_printf(out,
		   "HTTP/1.1 %d %s\r\n"
		   "Content-Type: text/html; charset=utf-8\r\n"
		   "Content-Length: %zu\r\n"
		   "Connection: close\r\n"
		   "Cache-Control: no-store\r\n"
		   "Referrer-Policy: no-referrer\r\n"
		   "X-Content-Type-Options: nosniff\r\n"
		   "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
		   "form-action 'none'; frame-ancestors 'none'\r\n"
		   "%s\r\n",
		   page->status, reason_of(page->status), body.len, page->status == 405 ? "Allow: GET\r\n" : "");
	if (body.failed)
		out->failed = true;
	else
		buf_append(out, body.data, body.len);
	buf_free(&body);
	return out->failed ? -1 : 0;
}
