/*
 * What the plugin costs an SMTP session: sasl_client_new, start and dispose, as an MTA calls them, for XOAUTH2 and for
 * PLAIN in turn, so that both meet the same machine. Not a test: prints p50 and p99 of both and their ratio.
 *
 *    SASL_PATH=FOLDER:/usr/lib/x86_64-linux-gnu/sasl2 bench_plugin [-n ROUNDS] [-t TOKEN_BYTES] [USER unix:/SOCKET]
 *
 * Without a socket it asks a server of its own that does nothing but answer, with both on one CPU: what is measured is
 * then the plugin alone. Otherwise how long an idle CPU takes to wake up is in it too, which is tens of microseconds in
 * a virtual machine; with a real tokend, use taskset(1) on both for the same.
 */
#include <getopt.h>
#include <sasl/sasl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TOKEN_MAX 65536
#define WARM_UP 100

static const char *user = "relay@contoso.com";
static sasl_secret_t *password;

static int give_user(void *context, int id, const char **result, unsigned *len)
{
	(void)context;
	(void)id;
	*result = user;
	if (len != NULL)
		*len = (unsigned)strlen(user);
	return SASL_OK;
}

static int give_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **result)
{
	(void)conn;
	(void)context;
	(void)id;
	*result = password;
	return SASL_OK;
}

static int log_message(void *context, int level, const char *message)
{
	(void)context;
	if (level <= SASL_LOG_WARN)
		fprintf(stderr, "%s\n", message);
	return SASL_OK;
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* One session; how long it took, in microseconds. */
static double run_session(const char *mech)
{
	const sasl_callback_t callbacks[] = {
	    {SASL_CB_AUTHNAME, (int (*)(void))(void (*)(void))give_user, NULL},
	    {SASL_CB_USER, (int (*)(void))(void (*)(void))give_user, NULL},
	    {SASL_CB_PASS, (int (*)(void))(void (*)(void))give_password, NULL},
	    {SASL_CB_LIST_END, NULL, NULL},
	};
	sasl_security_properties_t properties = {.security_flags = SASL_SEC_NOANONYMOUS};
	sasl_conn_t *conn = NULL;
	const char *out, *chosen;
	unsigned len;
	double start = now_us();
	int result = sasl_client_new("smtp", "smtp.office365.com", NULL, NULL, callbacks, 0, &conn);

	if (result == SASL_OK)
		result = sasl_setprop(conn, SASL_SEC_PROPS, &properties);
	if (result == SASL_OK)
		result = sasl_client_start(conn, mech, NULL, &out, &len, &chosen);
	sasl_dispose(&conn);
	if (result != SASL_OK && result != SASL_CONTINUE) {
		fprintf(stderr, "%s: %s\n", mech, sasl_errstring(result, NULL, NULL));
		exit(1);
	}
	return now_us() - start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double print_percentiles(const char *mech, double *times, int count)
{
	qsort(times, (size_t)count, sizeof *times, compare);
	printf("%-8s p50 %8.1f us   p99 %8.1f us\n", mech, times[count / 2], times[(int)(count * 0.99)]);
	return times[count / 2];
}

static void answer_for_ever(int listener, size_t token_len)
{
	static char question[1024], answer[TOKEN_MAX + 32], token[TOKEN_MAX + 1];
	int len;

	memset(token, 't', token_len);
	len = snprintf(answer, sizeof answer, "%zu:OK %s,", token_len + 3, token);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || read(fd, question, sizeof question) <= 0 || write(fd, answer, (size_t)len) != len)
			_exit(1);
		close(fd);
	}
}

/* A child that answers on a socket in a folder of its own. */
static pid_t start_server(struct sockaddr_un *address, size_t token_len)
{
	char folder[] = "/tmp/bench_plugin.XXXXXX";
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	if (mkdtemp(folder) == NULL || sched_setaffinity(0, sizeof here, &here) != 0)
		exit(1);
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof address->sun_path, "%s/socket", folder);
	if (bind(listener, (struct sockaddr *)address, sizeof *address) != 0 || listen(listener, 16) != 0)
		exit(1);
	pid = fork();
	if (pid == 0)
		answer_for_ever(listener, token_len);
	close(listener);
	return pid;
}

static void stop_server(pid_t pid, struct sockaddr_un *address)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	unlink(address->sun_path);
	*strrchr(address->sun_path, '/') = '\0';
	rmdir(address->sun_path);
}

static void set_password(const char *text)
{
	password = calloc(1, sizeof *password + strlen(text) + 1);
	if (password == NULL)
		exit(1);
	password->len = strlen(text);
	memcpy(password->data, text, password->len);
}

static void measure(int rounds)
{
	double *xoauth2 = calloc((size_t)rounds, sizeof *xoauth2), *plain = calloc((size_t)rounds, sizeof *plain);
	double ours, theirs;

	if (xoauth2 == NULL || plain == NULL)
		exit(1);
	for (int i = -WARM_UP; i < rounds; i++) {
		double a = run_session("XOAUTH2"), b = run_session("PLAIN");

		if (i >= 0) {
			xoauth2[i] = a;
			plain[i] = b;
		}
	}
	ours = print_percentiles("XOAUTH2", xoauth2, rounds);
	theirs = print_percentiles("PLAIN", plain, rounds);
	printf("ratio of p50 %.2f\n", ours / theirs);
	free(xoauth2);
	free(plain);
}

int main(int argc, char **argv)
{
	const sasl_callback_t callbacks[] = {
	    {SASL_CB_LOG, (int (*)(void))(void (*)(void))log_message, NULL},
	    {SASL_CB_LIST_END, NULL, NULL},
	};
	struct sockaddr_un address;
	size_t token_len = 1500;
	int rounds = 5000, c;
	pid_t server = -1;

	while ((c = getopt(argc, argv, "n:t:")) != -1) {
		if (c == 'n')
			rounds = atoi(optarg);
		else if (c == 't')
			token_len = (size_t)atoi(optarg);
		else
			return 2;
	}
	if (rounds < 1 || token_len < 1 || token_len > TOKEN_MAX)
		return 2;
	if (argc - optind == 2) {
		user = argv[optind];
		set_password(argv[optind + 1]);
	} else {
		char field[sizeof address.sun_path + 8];

		server = start_server(&address, token_len);
		snprintf(field, sizeof field, "unix:%s", address.sun_path);
		set_password(field);
	}
	if (sasl_client_init(callbacks) != SASL_OK)
		return 1;
	measure(rounds);
	sasl_client_done();
	free(password);
	if (server > 0)
		stop_server(server, &address);
	return 0;
}
