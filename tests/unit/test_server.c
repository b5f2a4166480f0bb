/* The server on a fake loop and real sockets: frames, rights, bounds and the end. The broker is the test's own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fake_log.h"
#include "tests/unit/fake_loop.h"
#include "tokend/server_private.h"

#define SELF 4711
#define POSTFIX 4712
#define MILTER 4713
#define STRANGER 4714
#define CONF "/etc/mailbearer/mailbearer.conf"
#define MINUTE_MS (60 * 1000)
#define LONG_ANSWER (4 * 1024 * 1024) /* more than the system buffers */

static char folder[] = "/tmp/mb-server-XXXXXX";
static char path[64];

static struct {
	struct loop *loop;
	struct server *server;
	uid_t peer;       /* whoever connects from now on */
	bool no_more_fds; /* accept4 fails */
	bool reload_fails;
	size_t answer_len; /* of the "status" map */
} world;

/* --- the system's part --- */

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int status = __real_getsockopt(fd, level, name, value, len);

	if (status == 0 && level == SOL_SOCKET && name == SO_PEERCRED)
		((struct ucred *)value)->uid = world.peer;
	return status;
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	if (world.no_more_fds) {
		errno = EMFILE;
		return -1;
	}
	return __real_accept4(fd, address, len, flags);
}

/* --- the broker's part: "token" waits until it is told, all else is answered at once with its name and key --- */

struct broker_wait {
	struct broker_question question;
	struct broker_wait *next;
};

static struct broker_wait *waits;
static unsigned cancelled;

static struct broker_wait *say(const char *map, const struct broker_question *question, struct broker_answer *now)
{
	now->result = WIRE_OK;
	buf_printf(&now->text, "%s(%.*s)", map, (int)question->key_len, question->key);
	return NULL;
}

struct broker_wait *broker_token(struct broker *broker, const struct broker_question *question,
				 struct broker_answer *now)
{
	struct broker_wait *wait = calloc(1, sizeof *wait);

	(void)broker;
	(void)now;
	*wait = (struct broker_wait){.question = *question, .next = waits};
	waits = wait;
	return wait;
}

struct broker_wait *broker_status(struct broker *broker, const struct broker_question *question,
				  struct broker_answer *now)
{
	char *room = buf_reserve(&now->text, world.answer_len);

	(void)broker;
	(void)question;
	now->result = WIRE_OK;
	memset(room, 's', world.answer_len);
	now->text.len += world.answer_len;
	return NULL;
}

#define MAP(name)                                                                                                      \
	struct broker_wait *broker_##name(struct broker *broker, const struct broker_question *question,               \
					  struct broker_answer *now)                                                   \
	{                                                                                                              \
		(void)broker;                                                                                          \
		return say(#name, question, now);                                                                      \
	}

MAP(sasl)
MAP(relayhost)
MAP(transport)
MAP(account)
MAP(refresh)
MAP(import)
MAP(forget)
MAP(refused)

static void drop_wait(struct broker_wait *wait)
{
	struct broker_wait **link = &waits;

	while (*link != wait)
		link = &(*link)->next;
	*link = wait->next;
	free(wait);
}

void broker_cancel(struct broker_wait *wait)
{
	if (wait == NULL)
		return;
	cancelled++;
	drop_wait(wait);
}

/* Answers the one who asked last. */
static void answer(const char *text)
{
	struct broker_answer now = {.result = WIRE_OK, .text = BUF_INIT(WIRE_STATUS_MAX)};
	struct broker_question question = waits->question;

	buf_puts(&now.text, text);
	drop_wait(waits);
	question.cb(question.arg, &now);
	buf_free(&now.text);
}

static int on_reload(void *arg, struct buf *text, struct err *err)
{
	(void)arg;
	if (world.reload_fails)
		return err_set(err, ERR_CONFIG, "line 3 is wrong");
	return buf_puts(text, "reloaded");
}

/* --- clients --- */

static void turn(void)
{
	fake_loop_turn(world.loop);
}

/* Connected, but the server has not noticed yet. */
static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static int dial_as(uid_t uid)
{
	int fd = dial();

	world.peer = uid;
	turn();
	return fd;
}

static void send_bytes(int fd, const char *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
	turn();
}

static void say_to(int fd, const char *text)
{
	send_bytes(fd, text, strlen(text));
}

/* What has come, and nothing else. */
static void expect(int fd, const char *text)
{
	char got[1024];
	ssize_t len = recv(fd, got, sizeof got - 1, 0);

	got[len > 0 ? len : 0] = '\0';
	assert_string_equal(got, text);
}

static void expect_part(int fd, const char *part)
{
	char got[2048];
	ssize_t len = recv(fd, got, sizeof got - 1, 0);

	got[len > 0 ? len : 0] = '\0';
	if (strstr(got, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, got);
}

static void expect_silence(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void expect_end(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

/* --- frames --- */

static void test_questions_are_answered_in_their_order(void **state)
{
	int fd = dial_as(POSTFIX);

	(void)state;
	say_to(fd, "6:sasl a,11:relayhost b,");
	expect(fd, "10:OK sasl(a),15:OK relayhost(b),");
	say_to(fd, "8:sasl two,");
	expect(fd, "12:OK sasl(two),");
	close(fd);
	turn();
	assert_int_equal(world.server->client_count, 0);
}

static void test_question_that_is_there_at_accept_is_answered_at_once(void **state)
{
	int fd = dial();

	(void)state;
	world.peer = POSTFIX;
	assert_int_equal(send(fd, "6:sasl a,", 9, 0), 9);
	shutdown(fd, SHUT_WR);
	turn();
	expect(fd, "10:OK sasl(a),");
	expect_end(fd);
	assert_int_equal(world.server->client_count, 0);
}

static void test_question_may_come_in_pieces(void **state)
{
	static const char question[] = "6:sasl a,";
	int fd = dial_as(POSTFIX);

	(void)state;
	for (size_t i = 0; i < strlen(question); i++) {
		expect_silence(fd);
		send_bytes(fd, question + i, 1);
	}
	expect(fd, "10:OK sasl(a),");
	close(fd);
}

static void test_those_behind_one_who_waits_wait_too(void **state)
{
	int fd = dial_as(POSTFIX), other = dial_as(POSTFIX);

	(void)state;
	say_to(fd, "7:token a,6:sasl b,");
	expect_silence(fd);
	say_to(other, "6:sasl c,"); /* and nobody else */
	expect(other, "10:OK sasl(c),");
	answer("MARKER");
	expect(fd, "9:OK MARKER,10:OK sasl(b),");
	close(fd);
	close(other);
}

static void test_one_who_asks_no_more_gets_what_is_owed(void **state)
{
	int fd = dial_as(POSTFIX);

	(void)state;
	say_to(fd, "7:token a,6:sasl b,");
	shutdown(fd, SHUT_WR);
	turn();
	expect_silence(fd);
	assert_int_equal(cancelled, 0);
	answer("MARKER");
	expect(fd, "9:OK MARKER,10:OK sasl(b),");
	expect_end(fd);
}

static void test_one_who_has_gone_costs_nothing(void **state)
{
	int fd = dial_as(POSTFIX), half = dial_as(POSTFIX), idle = dial_as(POSTFIX);

	(void)state;
	say_to(fd, "7:token a,");
	say_to(half, "7:tok");
	close(fd);
	close(half);
	close(idle);
	turn();
	if (waits != NULL)
		answer("MARKER");
	turn();
	assert_int_equal(world.server->client_count, 0);
	assert_int_equal(world.server->peers[0].clients, 0);
	assert_int_equal(fake_log_lines(), 0);
}

static void test_bad_frames_cost_only_their_sender(void **state)
{
	static const char *const bad[] = {
	    "x",        "6 sasl a,",    "6:sasl ab", "06:sasl a,",  "99999999999999999999:",
	    "\xff\xfe", "3:\x01 \x02,", "6:SASL a,", "7:sasl \n,,", ":,"};
	int good = dial_as(POSTFIX);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int fd = dial_as(POSTFIX);

		say_to(fd, bad[i]);
		expect_part(fd, ":PERM this is no socketmap request: ");
		expect_end(fd);
		say_to(good, "6:sasl a,");
		expect(good, "10:OK sasl(a),");
	}
	assert_int_equal(fake_log_count(EVENT_BAD_FRAME), 1); /* one a minute tells enough */
	close(good);
}

static void test_longest_question_passes_and_a_longer_one_does_not(void **state)
{
	static char question[WIRE_REQUEST_MAX + 32];
	int head = snprintf(question, sizeof question, "%d:sasl ", WIRE_REQUEST_MAX), fd = dial_as(POSTFIX);

	(void)state;
	memset(question + head, 'k', WIRE_REQUEST_MAX - 5);
	question[head + WIRE_REQUEST_MAX - 5] = ',';
	for (int sent = 0; sent < head + WIRE_REQUEST_MAX - 4;) {
		ssize_t got = send(fd, question + sent, (size_t)(head + WIRE_REQUEST_MAX - 4 - sent), MSG_NOSIGNAL);

		assert_true(got > 0);
		sent += (int)got;
		turn();
	}
	expect_part(fd, "OK sasl(kkkkk");
	close(fd);
	fd = dial_as(POSTFIX);
	snprintf(question, sizeof question, "%d:", WIRE_REQUEST_MAX + 1);
	say_to(fd, question);
	expect_part(fd, "it is too long");
	expect_end(fd);
}

static void test_unknown_map_names_those_that_are(void **state)
{
	int fd = dial_as(POSTFIX);

	(void)state;
	say_to(fd, "9:nothing a,");
	expect_part(fd, "PERM no map 'nothing'; there are: token sasl relayhost transport refused account status");
	say_to(fd, "6:sasl a,"); /* it may go on */
	expect(fd, "10:OK sasl(a),");
	close(fd);
}

static void test_reload_tells_how_it_went(void **state)
{
	int fd = dial_as(0);

	(void)state;
	say_to(fd, "6:reload,");
	expect(fd, "11:OK reloaded,");
	world.reload_fails = true;
	say_to(fd, "6:reload,");
	expect(fd, "20:PERM line 3 is wrong,");
	close(fd);
}

/* --- rights --- */

/* May this peer ask this map? The answer is the broker's, or a refusal. */
static bool may(uid_t uid, const char *map)
{
	char frame[64], got[600];
	int fd = dial_as(uid);
	ssize_t len;

	snprintf(frame, sizeof frame, "%zu:%s x,", strlen(map) + 2, map);
	say_to(fd, frame);
	if (waits != NULL)
		answer("MARKER");
	len = recv(fd, got, sizeof got - 1, 0);
	assert_true(len > 0);
	got[len] = '\0';
	close(fd);
	turn();
	assert_true(strstr(got, ":OK ") != NULL || strstr(got, "may not ask") != NULL);
	return strstr(got, ":OK ") != NULL;
}

static void test_each_may_ask_what_is_theirs(void **state)
{
	static const char *const tokens[] = {"token", "sasl", "relayhost", "transport", "refused"};
	static const char *const admins[] = {"status", "refresh", "import", "forget", "reload"};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_true(may(0, tokens[i]));
		assert_true(may(SELF, tokens[i]));
		assert_true(may(POSTFIX, tokens[i]));
		assert_false(may(MILTER, tokens[i]));
		assert_false(may(STRANGER, tokens[i]));
		assert_true(may(0, admins[i]));
		assert_true(may(SELF, admins[i]));
		assert_false(may(POSTFIX, admins[i]));
		assert_false(may(MILTER, admins[i]));
		assert_false(may(STRANGER, admins[i]));
	}
	assert_true(may(MILTER, "account"));
	assert_true(may(POSTFIX, "account"));
	assert_false(may(STRANGER, "account"));
}

static void test_refusal_says_what_to_do_and_is_logged_once_a_minute(void **state)
{
	int fd = dial_as(STRANGER);

	(void)state;
	say_to(fd, "7:token a,");
	expect_part(fd, "PERM uid 4714 may not ask 'token': add its user to token_users in " CONF);
	for (int i = 0; i < 5; i++) {
		say_to(fd, "8:status *,");
		expect_part(fd, "uid 4714 may not ask 'status': only root may: use sudo");
	}
	assert_int_equal(fake_log_count(EVENT_PEER_REFUSED), 1);
	assert_true(fake_log_says(EVENT_PEER_REFUSED, "uid=4714 map=token"));
	fake_loop_advance(world.loop, MINUTE_MS);
	say_to(fd, "7:token a,");
	assert_int_equal(fake_log_count(EVENT_PEER_REFUSED), 2);
	assert_true(fake_log_says(EVENT_PEER_REFUSED, "not_logged_before=5"));
	close(fd);
}

static void test_new_rights_hold_for_connections_that_are(void **state)
{
	const struct access_rules rules = {.self = SELF, .token_user_count = 1, .token_users = {STRANGER}};
	int postfix = dial_as(POSTFIX), stranger = dial_as(STRANGER);

	(void)state;
	server_set_access(world.server, &rules, "/other.conf");
	say_to(postfix, "6:sasl a,");
	expect_part(postfix, "may not ask 'sasl': add its user to token_users in /other.conf");
	say_to(stranger, "6:sasl a,");
	expect(stranger, "10:OK sasl(a),");
	close(postfix);
	close(stranger);
}

/* --- bounds --- */

/* Reads all there is while the server sends more; how much it was. */
static size_t drain(int fd)
{
	static char bytes[65536];
	size_t sum = 0;
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
		sum += (size_t)got;
		turn();
	}
	return sum;
}

static void test_long_answer_waits_for_its_reader(void **state)
{
	int fd = dial_as(0), other = dial_as(POSTFIX);

	(void)state;
	world.answer_len = LONG_ANSWER;
	say_to(fd, "8:status *,9:refresh a,");
	assert_true(server_busy(world.server));
	say_to(other, "6:sasl a,"); /* nobody else waits for that */
	expect(other, "10:OK sasl(a),");
	assert_int_equal(drain(fd), strlen("4194307:OK ,13:OK refresh(a),") + LONG_ANSWER);
	assert_false(server_busy(world.server));
	close(fd);
	close(other);
}

static void test_stalled_are_cut_off(void **state)
{
	int half = dial_as(POSTFIX), deaf = dial_as(0), idle = dial_as(POSTFIX), waiting = dial_as(POSTFIX);

	(void)state;
	world.answer_len = LONG_ANSWER;
	say_to(half, "9:tok");
	say_to(deaf, "8:status *,");
	say_to(waiting, "7:token a,");
	fake_loop_advance(world.loop, SERVER_STALL_MS);
	assert_int_equal(world.server->client_count, 4);
	fake_loop_advance(world.loop, 5001);
	assert_int_equal(world.server->client_count, 2);
	expect_end(half);
	fake_loop_advance(world.loop, SERVER_IDLE_MS + 5001);
	assert_int_equal(world.server->client_count, 1); /* the one that is owed an answer stays */
	expect_end(idle);
	answer("MARKER");
	expect(waiting, "9:OK MARKER,");
	close(waiting);
	close(deaf);
}

static void test_one_user_cannot_take_all_connections(void **state)
{
	static int fds[SERVER_UID_CLIENTS_MAX];
	int fd;

	(void)state;
	for (int i = 0; i < SERVER_UID_CLIENTS_MAX; i++)
		fds[i] = dial_as(POSTFIX);
	fd = dial_as(POSTFIX);
	expect_part(fd, "TEMP too many connections; try again later");
	expect_end(fd);
	assert_int_equal(fake_log_count(EVENT_TOO_MANY_CLIENTS), 1);
	fd = dial_as(MILTER);
	say_to(fd, "9:account a,");
	expect(fd, "13:OK account(a),");
	close(fd);
	close(fds[0]);
	turn();
	fds[0] = dial_as(POSTFIX);
	say_to(fds[0], "6:sasl a,");
	expect(fds[0], "10:OK sasl(a),");
	for (int i = 0; i < SERVER_UID_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void test_connections_in_all_are_bounded(void **state)
{
	int fd;

	(void)state;
	world.server->client_count = SERVER_CLIENTS_MAX; /* as if */
	fd = dial_as(0);
	expect_part(fd, "TEMP too many connections");
	expect_end(fd);
	world.server->client_count = 0;
}

static void test_uids_that_cannot_be_told_apart_share_a_place(void **state)
{
	struct server_peer *peer = NULL;

	(void)state;
	for (uid_t uid = 0; uid < SERVER_PEERS_MAX; uid++) {
		peer = server_peer_of(world.server, 10000 + uid);
		assert_int_equal(peer->uid, 10000 + uid);
		peer->clients = 1;
	}
	assert_ptr_equal(server_peer_of(world.server, 1), peer);
	assert_ptr_equal(server_peer_of(world.server, 10007), &world.server->peers[7]);
	world.server->peers[7].clients = 0; /* gone: its place is free for another */
	assert_ptr_equal(server_peer_of(world.server, 1), &world.server->peers[7]);
	assert_int_equal(world.server->peers[7].uid, 1);
	memset(world.server->peers, 0, sizeof world.server->peers);
}

static void test_out_of_descriptors_is_a_pause(void **state)
{
	int fd;

	(void)state;
	world.no_more_fds = true;
	fd = dial_as(POSTFIX);
	assert_int_equal(world.server->client_count, 0);
	world.no_more_fds = false;
	turn();
	assert_int_equal(world.server->client_count, 0);
	fake_loop_advance(world.loop, 100);
	assert_int_equal(world.server->client_count, 1);
	close(fd);
}

/* --- listeners and the end --- */

static void test_socket_is_there_for_all_and_goes_at_the_end(void **state)
{
	struct stat there;
	struct err err;

	(void)state;
	assert_int_equal(stat(path, &there), 0);
	assert_int_equal(there.st_mode & 0777, 0666);
	assert_int_equal(server_listen(world.server, path, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	server_stop(world.server);
	assert_int_equal(stat(path, &there), -1);
}

static void test_sockets_are_bounded(void **state)
{
	char other[80];
	struct err err;

	(void)state;
	for (int i = 1; i < SERVER_LISTENERS_MAX; i++) {
		snprintf(other, sizeof other, "%s%d", path, i);
		assert_int_equal(server_listen(world.server, other, &err), 0);
	}
	assert_int_equal(server_listen(world.server, "/tmp/none", &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

static void test_stop_sends_what_is_owed_and_takes_no_more(void **state)
{
	int fd = dial_as(0), waiting = dial_as(POSTFIX), late;

	(void)state;
	world.answer_len = LONG_ANSWER;
	late = dial();
	say_to(fd, "8:status *,");
	say_to(waiting, "7:token a,");
	server_stop(world.server);
	assert_true(server_busy(world.server));
	assert_int_equal(drain(fd), strlen("4194307:OK ,") + LONG_ANSWER);
	answer("MARKER");
	expect(waiting, "9:OK MARKER,");
	assert_false(server_busy(world.server));
	say_to(waiting, "6:sasl a,");
	expect_silence(waiting);
	close(fd);
	close(waiting);
	close(late);
}

/* --- */

static int new_world(void **state)
{
	const struct access_rules rules = {
	    .self = SELF, .token_user_count = 1, .token_users = {POSTFIX}, .has_milter = true, .milter = MILTER};
	struct err err;

	(void)state;
	memset(&world, 0, sizeof world);
	cancelled = 0;
	fake_log_reset();
	world.loop = loop_new(NULL);
	world.server = server_new(world.loop, NULL, on_reload, NULL, &err);
	if (world.server == NULL || server_listen(world.server, path, &err) != 0)
		return -1;
	server_set_access(world.server, &rules, CONF);
	return 0;
}

static int end_world(void **state)
{
	bool leaked = fake_log_shows("MARKER");

	(void)state;
	server_free(world.server);
	loop_free(world.loop);
	return waits != NULL || leaked ? -1 : 0;
}

static int make_folder(void **state)
{
	struct rlimit limit;

	(void)state;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/s", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

#define SERVER_TEST(test) cmocka_unit_test_setup_teardown(test, new_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SERVER_TEST(test_questions_are_answered_in_their_order),
	    SERVER_TEST(test_question_that_is_there_at_accept_is_answered_at_once),
	    SERVER_TEST(test_question_may_come_in_pieces),
	    SERVER_TEST(test_those_behind_one_who_waits_wait_too),
	    SERVER_TEST(test_one_who_asks_no_more_gets_what_is_owed),
	    SERVER_TEST(test_one_who_has_gone_costs_nothing),
	    SERVER_TEST(test_bad_frames_cost_only_their_sender),
	    SERVER_TEST(test_longest_question_passes_and_a_longer_one_does_not),
	    SERVER_TEST(test_unknown_map_names_those_that_are),
	    SERVER_TEST(test_reload_tells_how_it_went),
	    SERVER_TEST(test_each_may_ask_what_is_theirs),
	    SERVER_TEST(test_refusal_says_what_to_do_and_is_logged_once_a_minute),
	    SERVER_TEST(test_new_rights_hold_for_connections_that_are),
	    SERVER_TEST(test_long_answer_waits_for_its_reader),
	    SERVER_TEST(test_stalled_are_cut_off),
	    SERVER_TEST(test_one_user_cannot_take_all_connections),
	    SERVER_TEST(test_connections_in_all_are_bounded),
	    SERVER_TEST(test_uids_that_cannot_be_told_apart_share_a_place),
	    SERVER_TEST(test_out_of_descriptors_is_a_pause),
	    SERVER_TEST(test_socket_is_there_for_all_and_goes_at_the_end),
	    SERVER_TEST(test_sockets_are_bounded),
	    SERVER_TEST(test_stop_sends_what_is_owed_and_takes_no_more),
	};

	return cmocka_run_group_tests_name("server", tests, make_folder, remove_folder);
}
