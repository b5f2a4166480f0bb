/* The server: frames, the order of questions, and who may ask what. */
#include "tests/unit/server_world.h"

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
	assert_int_equal(broker_cancelled(), 0);
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
	if (broker_is_asked())
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
	expect_part(fd,
		    "PERM no map 'nothing'; there are: token sasl relayhost transport refused account version status");
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
	if (broker_is_asked())
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
	static const char *const admins[] = {"status", "refresh", "login", "import", "forget", "reload"};

	(void)state;
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		assert_true(may(0, tokens[i]));
		assert_true(may(SELF, tokens[i]));
		assert_true(may(POSTFIX, tokens[i]));
		assert_false(may(MILTER, tokens[i]));
		assert_false(may(STRANGER, tokens[i]));
	}
	for (size_t i = 0; i < sizeof admins / sizeof admins[0]; i++) {
		assert_true(may(0, admins[i]));
		assert_true(may(SELF, admins[i]));
		assert_false(may(POSTFIX, admins[i]));
		assert_false(may(MILTER, admins[i]));
		assert_false(may(STRANGER, admins[i]));
	}
	assert_true(may(MILTER, "account"));
	assert_true(may(MILTER, "version"));
	assert_true(may(POSTFIX, "version"));
	assert_false(may(STRANGER, "version"));
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
	fake_loop_advance(world.loop, MINUTE_MS);
	fake_log_reset();
	say_to(fd, "7:token a,");
	assert_true(fake_log_says(EVENT_PEER_REFUSED, "not_logged_before=0"));
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
	};

	return cmocka_run_group_tests_name("server", tests, make_folder, remove_folder);
}
