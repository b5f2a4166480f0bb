/*
 * What a milter bears: messages over many connections at once, a thread each, spoken to as Postfix speaks (protocol 6,
 * what needs no answer is sent together). Prints messages per second and how long the slowest of them took. Exit status
 * 1 when a message was not answered, or not let pass.
 *
 *    bench_milter [-n MESSAGES] [-c CONNECTIONS] [-m MESSAGES_PER_CONNECTION] [-f FROM] SOCKET
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PROTOCOL 6
#define ACTIONS 0x1ff
#define STEPS 0x1fffff
#define CONNECTIONS_MAX 200
#define PACKET_MAX 65536

/* Bits of the protocol: steps that the filter does not want, and answers that it does not give. */
#define NO_BODY 0x10
#define NO_EOH 0x40
#define NO_DATA 0x200
#define NR_HEADER 0x80
#define NR_CONNECT 0x1000
#define NR_MAIL 0x4000
#define NR_RCPT 0x8000
#define NR_DATA 0x10000
#define NR_EOH 0x40000
#define NR_BODY 0x80000

static const char *socket_path, *from = "Scanner <relay@contoso.com>";
static long messages = 20000, per_connection = 10;

struct mta {
	int fd;
	uint32_t steps;
	size_t used, filled, read; /* bytes waiting to be sent; received; of these, looked at */
	char out[PACKET_MAX], in[PACKET_MAX];
};

/* One thread's share. */
struct share {
	pthread_t thread;
	long messages;
	double *took; /* microseconds of each */
	bool failed;
};

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* --- packets --- */

static bool flush(struct mta *mta)
{
	size_t done = 0;

	while (done < mta->used) {
		ssize_t n = send(mta->fd, mta->out + done, mta->used - done, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	mta->used = 0;
	return true;
}

/* Strings are sent with their NULs, so every length is sizeof's or given. */
static void put(struct mta *mta, char letter, const void *data, size_t len)
{
	uint32_t length = htonl((uint32_t)len + 1);

	memcpy(mta->out + mta->used, &length, sizeof length);
	mta->out[mta->used + sizeof length] = letter;
	memcpy(mta->out + mta->used + sizeof length + 1, data, len);
	mta->used += sizeof length + 1 + len;
}

/* So many bytes of what comes; NULL when it ends. */
static const char *take(struct mta *mta, size_t len)
{
	const char *at;

	if (mta->read == mta->filled)
		mta->read = mta->filled = 0;
	while (mta->filled - mta->read < len) {
		ssize_t n = recv(mta->fd, mta->in + mta->filled, sizeof mta->in - mta->filled, 0);

		if (n <= 0)
			return NULL;
		mta->filled += (size_t)n;
	}
	at = mta->in + mta->read;
	mta->read += len;
	return at;
}

/* The letter of the next packet, and its data if they are wanted; 0 when there is none. */
static char receive(struct mta *mta, const char **data)
{
	const char *at = take(mta, 4);
	uint32_t length;

	if (at == NULL)
		return 0;
	memcpy(&length, at, sizeof length);
	length = ntohl(length);
	if (length == 0 || length > sizeof mta->in / 2 || (at = take(mta, length)) == NULL)
		return 0;
	if (data != NULL)
		*data = at + 1;
	return *at;
}

/* A step of the conversation. True: go on. */
static bool step(struct mta *mta, char letter, const void *data, size_t len, uint32_t skip, uint32_t silent)
{
	if (mta->steps & skip)
		return true;
	put(mta, letter, data, len);
	return (mta->steps & silent) || (flush(mta) && receive(mta, NULL) == 'c');
}

#define MACROS(mta, list) put(mta, 'D', list, sizeof list - 1)
#define STEP(mta, letter, text, skip, silent) step(mta, letter, text, sizeof text, skip, silent)

/* --- the conversation --- */

static bool negotiate(struct mta *mta)
{
	uint32_t offer[] = {htonl(PROTOCOL), htonl(ACTIONS), htonl(STEPS)}, answer[3];
	const char *data;

	put(mta, 'O', offer, sizeof offer);
	if (!flush(mta) || receive(mta, &data) != 'O')
		return false;
	memcpy(answer, data, sizeof answer);
	mta->steps = ntohl(answer[2]);
	return true;
}

static bool begin(struct mta *mta)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	static const char client[] = "printer.local\0"
				     "4\x9c\x40"
				     "192.0.2.7";

	snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
	mta->used = mta->filled = mta->read = 0;
	mta->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (mta->fd < 0 || connect(mta->fd, (struct sockaddr *)&address, sizeof address) != 0 || !negotiate(mta))
		return false;
	MACROS(mta, "Cj\0mx.example\0{daemon_name}\0mx.example\0{daemon_addr}\0"
		    "192.0.2.1\0{daemon_port}\0"
		    "25\0v\0Postfix\0");
	return STEP(mta, 'C', client, 0, NR_CONNECT);
}

static void end(struct mta *mta)
{
	put(mta, 'Q', "", 0);
	(void)flush(mta);
	close(mta->fd);
}

static bool send_header(struct mta *mta)
{
	static const char *const fields[][2] = {
	    {"Received",
	     " from printer.local (printer.local [192.0.2.7])\n\tby mx.example (Postfix) with ESMTP id 4XyZ1"},
	    {"From", NULL},
	    {"To", " someone@example.net"},
	    {"Subject", " Scan from the third floor"},
	    {"Date", " Tue, 24 Nov 2026 20:00:00 +0000"},
	    {"Message-ID", " <20261124200000.4711@printer.local>"},
	    {"MIME-Version", " 1.0"},
	    {"Content-Type", " multipart/mixed;\n boundary=\"=_0123456789\""},
	    {"X-Mailer", " Scanner 7.1"},
	};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		const char *value = fields[i][1] != NULL ? fields[i][1] : from;
		char data[1024];
		int len = snprintf(data, sizeof data, "%s%c%s%s", fields[i][0], 0, value == from ? " " : "", value);

		if (!step(mta, 'L', data, (size_t)len + 1, 0, NR_HEADER))
			return false;
	}
	return true;
}

/* True: the filter let it pass, changed or not. */
static bool send_message(struct mta *mta)
{
	static const char body[2000];
	char answer;

	MACROS(mta, "Mi\0004XyZ1\0{mail_addr}\0relay@contoso.com\0");
	if (!STEP(mta, 'M', "<relay@contoso.com>\0SIZE=2000", 0, NR_MAIL))
		return false;
	MACROS(mta, "Ri\0004XyZ1\0{rcpt_addr}\0someone@example.net\0{rcpt_mailer}\0smtp\0");
	if (!STEP(mta, 'R', "<someone@example.net>", 0, NR_RCPT) || !step(mta, 'T', "", 0, NO_DATA, NR_DATA) ||
	    !send_header(mta) || !step(mta, 'N', "", 0, NO_EOH, NR_EOH) || !STEP(mta, 'B', body, NO_BODY, NR_BODY))
		return false;
	MACROS(mta, "Ei\0004XyZ1\0");
	put(mta, 'E', "", 0);
	if (!flush(mta))
		return false;
	while ((answer = receive(mta, NULL)) != 0 && strchr("ehimp+|", answer) != NULL)
		continue;
	return answer == 'c' || answer == 'a';
}

/* --- many at once --- */

static void *run(void *argument)
{
	struct share *share = argument;
	struct mta *mta = malloc(sizeof *mta);
	bool open = false;

	share->failed = mta == NULL;
	for (long i = 0; i < share->messages && !share->failed; i++) {
		double started = now_us();

		if (!open)
			open = begin(mta);
		share->failed = !open || !send_message(mta);
		share->took[i] = now_us() - started;
		if (open && ((i + 1) % per_connection == 0 || i + 1 == share->messages)) {
			end(mta);
			open = false;
		}
	}
	free(mta);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return difference < 0 ? -1 : difference > 0;
}

static void print(double *took, double seconds)
{
	qsort(took, (size_t)messages, sizeof *took, compare);
	printf("messages per second %.0f p50 %.0f us p99 %.0f us\n", (double)messages / seconds, took[messages / 2],
	       took[messages - 1 - messages / 100]);
}

static int run_all(int connections, double *took)
{
	static struct share shares[CONNECTIONS_MAX];
	double started = now_us();
	bool failed = false;
	long given = 0;

	for (int i = 0; i < connections; i++) {
		shares[i] = (struct share){.messages = messages / connections + (i < messages % connections),
					   .took = took + given};
		given += shares[i].messages;
		if (pthread_create(&shares[i].thread, NULL, run, &shares[i]) != 0)
			exit(1);
	}
	for (int i = 0; i < connections; i++) {
		pthread_join(shares[i].thread, NULL);
		failed |= shares[i].failed;
	}
	print(took, (now_us() - started) / 1e6);
	if (failed)
		fprintf(stderr, "bench_milter: a message was not answered, or not let pass\n");
	return failed;
}

int main(int argc, char **argv)
{
	int connections = 20, c;
	double *took;

	while ((c = getopt(argc, argv, "n:c:m:f:")) != -1) {
		if (c == 'n')
			messages = atol(optarg);
		else if (c == 'c')
			connections = atoi(optarg);
		else if (c == 'm')
			per_connection = atol(optarg);
		else if (c == 'f' && strlen(optarg) < 512)
			from = optarg;
		else
			return 2;
	}
	if (argc - optind != 1 || messages < 1 || per_connection < 1 || connections < 1 ||
	    connections > CONNECTIONS_MAX) {
		fprintf(stderr,
			"usage: bench_milter [-n MESSAGES] [-c CONNECTIONS] [-m PER_CONNECTION] [-f FROM] SOCKET\n");
		return 2;
	}
	socket_path = argv[optind];
	took = calloc((size_t)messages, sizeof *took);
	return took == NULL ? 1 : run_all(connections, took);
}
