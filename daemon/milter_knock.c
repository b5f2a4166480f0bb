/*
 * The first packet of the milter protocol, sent to a milter to see that it is one. Called by check, and by setup before
 * it tells Postfix of the milter.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/dial.h"
#include "daemon/milter_knock.h"
#include "lib/sock.h"

#define NODE_MAX 256
#define ANSWER_SIZE (4 + 1 + 12) /* length; 'O'; version, actions, protocol */

/* --- connecting --- */

/* "inet:PORT@HOST". A descriptor or -1. */
static int connect_inet(const char *listen, struct deadline deadline, struct err *err)
{
	const char *port = strchr(listen, ':') + 1, *at = strchr(port, '@');
	char service[NODE_MAX];
	int fd;

	snprintf(service, sizeof service, "%.*s", at != NULL ? (int)(at - port) : -1, port);
	fd = dial_tcp(at != NULL ? at + 1 : "localhost", service,
		      strncmp(listen, "inet6:", 6) == 0 ? AF_INET6 : AF_UNSPEC, deadline, err);
	return fd >= 0 ? fd : err_prefix(err, "%s", listen);
}

/* --- speaking --- */

/* Thirteen bytes; behind them may stand the macros that it wants. */
static bool is_answer(const unsigned char answer[ANSWER_SIZE])
{
	return answer[0] == 0 && answer[1] == 0 && (answer[2] << 8 | answer[3]) >= 13 && answer[4] == 'O';
}

static int read_answer(int fd, unsigned char answer[ANSWER_SIZE], struct deadline deadline, struct err *err)
{
	size_t have = 0;
	ssize_t got;

	while (have < ANSWER_SIZE && (have < 5 || is_answer(answer))) {
		got = sock_recv(fd, answer + have, ANSWER_SIZE - have, deadline, err);
		if (got < 0)
			return -1;
		if (got == 0)
			return err_set(err, ERR_SYNTAX, "it closes the connection when it is spoken to");
		have += (size_t)got;
	}
	return is_answer(answer) ? 0 : err_set(err, ERR_SYNTAX, "what answers there is no milter");
}

static int speak(int fd, struct deadline deadline, struct err *err)
{
	/* Version 6; all that a milter may change; no step of the protocol left out. */
	static const char offer[] = {0, 0, 0, 13, 'O', 0, 0, 0, 6, 0, 0, 1, (char)0xff, 0, 0, 0, 0};
	static const char leave[] = {0, 0, 0, 1, 'Q'};
	unsigned char answer[ANSWER_SIZE] = {0};

	if (sock_send(fd, offer, sizeof offer, deadline, err) != 0 || read_answer(fd, answer, deadline, err) != 0)
		return -1;
	(void)sock_send(fd, leave, sizeof leave, deadline, NULL);
	return 0;
}

int milter_knock(const char *listen, struct deadline deadline, struct err *err)
{
	int fd = strncmp(listen, "inet", 4) == 0 ? connect_inet(listen, deadline, err)
						 : sock_connect_unix(strchr(listen, ':') + 1, deadline, err);
	int result;

	if (fd < 0)
		return -1;
	result = speak(fd, deadline, err);
	close(fd);
	return result == 0 ? 0 : err_prefix(err, "%s", listen);
}
