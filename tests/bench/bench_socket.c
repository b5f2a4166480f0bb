/*
 * What tokend's socket bears: token requests from many processes at once, a connection each, as smtp(8) makes them.
 * Prints how many went through per second, how many were refused or not answered, and tokend's memory before and after.
 * Exit status 1 when one was.
 *
 *    bench_socket [-n REQUESTS] [-p PROCESSES] [-d TOKEND_PID] SOCKET ACCOUNT
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/tokenclient.h"

#define PROCESSES_MAX 200
#define PATIENCE_MS (30 * 1000)

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

/* One of the processes: what it counted goes through the pipe. */
static void run_process(const char *path, const char *account, long requests, int out)
{
	struct tally tally = {0};

	for (long i = 0; i < requests; i++)
		ask_once(path, account, &tally);
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
			run_process(path, account, requests / processes + (i < requests % processes), pipes[1]);
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
	struct timespec start, end;
	int processes = 20, c;
	double seconds;

	while ((c = getopt(argc, argv, "n:p:d:")) != -1) {
		if (c == 'n')
			requests = atol(optarg);
		else if (c == 'p')
			processes = atoi(optarg);
		else if (c == 'd')
			pid = atol(optarg);
		else
			return 2;
	}
	if (argc - optind != 2 || requests < 1 || processes < 1 || processes > PROCESSES_MAX) {
		fprintf(stderr, "usage: bench_socket [-n REQUESTS] [-p PROCESSES] [-d TOKEND_PID] SOCKET ACCOUNT\n");
		return 2;
	}
	if (pid > 0)
		before = resident_memory(pid);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (run_all(argv[optind], argv[optind + 1], requests, processes, &total) != 0)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	printf("served %ld refused %ld unanswered %ld\n", total.served, total.refused, total.unanswered);
	printf("requests per second %.0f\n", (double)requests / seconds);
	if (pid > 0)
		printf("tokend's memory before %ld KiB after %ld KiB\n", before, resident_memory(pid));
	return total.served == requests ? 0 : 1;
}
