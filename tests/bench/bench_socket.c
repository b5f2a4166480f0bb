/*
 * What tokend's socket bears: token requests from many processes at once, a connection each, as smtp(8) makes them.
 * Prints how many went through per second and how long they took, how many were refused or not answered, and tokend's
 * memory before and after.
 * Exit status 1 when one was.
 *
 *    bench_socket [-n REQUESTS] [-p PROCESSES] [-d TOKEND_PID] [-a ACCOUNTS] SOCKET ACCOUNT
 *
 * -a: for so many accounts in turn, u0@contoso.com and so on, of which ACCOUNT is the first.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/tokenclient.h"

#define PROCESSES_MAX 200
#define PATIENCE_MS (30 * 1000)
#define PRIME 7919 /* from one account to the next, so that neighbours are not asked for in turn */

static long accounts; /* 0: the one that is named */
static float *times;  /* of all requests, in microseconds; shared by the processes */

struct tally {
	long served;
	long refused; /* answered, but not with a token */
	long unanswered;
};

static void ask_once(const char *path, const char *account, struct tally *tally)
{
	struct buf token = BUF_INIT(WIRE_REPLY_MAX);
	struct tokenclient_question question = {
	    .socket_path = path,
	    .map = "token",
	    .key = account,
	    .key_len = strlen(account),
	    .reply_max = WIRE_REPLY_MAX,
	    .deadline = deadline_after(PATIENCE_MS),
	};
	enum wire_result result;
	struct err err;

	if (tokenclient_ask(&question, &result, &token, &err) != 0) {
		if (tally->unanswered++ == 0)
			fprintf(stderr, "%s\n", err.text);
	} else if (result != WIRE_OK) {
		if (tally->refused++ == 0)
			fprintf(stderr, "tokend: %s\n", token.data != NULL ? token.data : "no reason");
	} else {
		tally->served++;
	}
	buf_free(&token);
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* One of the processes, for requests `first` to `end`: what it counted goes through the pipe. */
static void run_process(const char *path, const char *account, long first, long end, int out)
{
	struct tally tally = {0};
	char name[64];
	double start;

	snprintf(name, sizeof name, "%s", account);
	for (long i = first; i < end; i++) {
		if (accounts > 0)
			snprintf(name, sizeof name, "u%ld@contoso.com", i * PRIME % accounts);
		start = now_us();
		ask_once(path, name, &tally);
		times[i] = (float)(now_us() - start);
	}
	_exit(write(out, &tally, sizeof tally) == (ssize_t)sizeof tally ? 0 : 1);
}

static int run_all(const char *path, const char *account, long requests, int processes, struct tally *total)
{
	struct tally tally;
	int pipes[2], failed = 0;

	if (pipe(pipes) != 0)
		return -1;
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -1;
		if (pid == 0)
			run_process(path, account, requests * i / processes, requests * (i + 1) / processes, pipes[1]);
	}
	close(pipes[1]);
	while (read(pipes[0], &tally, sizeof tally) == (ssize_t)sizeof tally) {
		total->served += tally.served;
		total->refused += tally.refused;
		total->unanswered += tally.unanswered;
	}
	close(pipes[0]);
	for (int status; wait(&status) > 0;)
		failed |= status;
	return failed == 0 ? 0 : -1;
}

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void print_times(long requests)
{
	qsort(times, (size_t)requests, sizeof *times, compare);
	printf("each took p50 %.0f us p99 %.0f us p99.9 %.0f us\n", (double)times[requests / 2],
	       (double)times[requests - 1 - requests / 100], (double)times[requests - 1 - requests / 1000]);
}

/* In KiB; -1 when nobody knows. */
static long resident_memory(long pid)
{
	char path[64], line[256];
	long size = -1;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/status", pid);
	file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "VmRSS: %ld kB", &size) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return size;
}

int main(int argc, char **argv)
{
	long requests = 100000, pid = 0, before = -1;
	struct tally total = {0};
	int processes = 20, c;
	double start, seconds;

	while ((c = getopt(argc, argv, "n:p:d:a:")) != -1) {
		if (c == 'n')
			requests = atol(optarg);
		else if (c == 'p')
			processes = atoi(optarg);
		else if (c == 'd')
			pid = atol(optarg);
		else if (c == 'a')
			accounts = atol(optarg);
		else
			return 2;
	}
	if (argc - optind != 2 || requests < 1 || processes < 1 || processes > PROCESSES_MAX) {
		fprintf(
		    stderr,
		    "usage: bench_socket [-n REQUESTS] [-p PROCESSES] [-d TOKEND_PID] [-a ACCOUNTS] SOCKET ACCOUNT\n");
		return 2;
	}
	if (pid > 0)
		before = resident_memory(pid);
	times = mmap(NULL, (size_t)requests * sizeof *times, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (times == MAP_FAILED)
		return 1;
	start = now_us();
	if (run_all(argv[optind], argv[optind + 1], requests, processes, &total) != 0)
		return 1;
	seconds = (now_us() - start) / 1e6;
	printf("served %ld refused %ld unanswered %ld\n", total.served, total.refused, total.unanswered);
	printf("requests per second %.0f\n", (double)requests / seconds);
	print_times(requests);
	if (pid > 0)
		printf("tokend's memory before %ld KiB after %ld KiB\n", before, resident_memory(pid));
	return total.served == requests ? 0 : 1;
}
