/* The server: how much, how many and how long; its sockets and its end. */
#include <sys/stat.h>

#include "tests/unit/server_world.h"

/* --- bounds --- */

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
	assert_int_equal(stat(world.path, &there), 0);
	assert_int_equal(there.st_mode & 0777, 0666);
	assert_int_equal(server_listen(world.server, world.path, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	server_stop(world.server);
	assert_int_equal(stat(world.path, &there), -1);
}

static void test_sockets_are_bounded(void **state)
{
	char other[80];
	struct err err;

	(void)state;
	for (int i = 1; i < SERVER_LISTENERS_MAX; i++) {
		snprintf(other, sizeof other, "%s%d", world.path, i);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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

	return cmocka_run_group_tests_name("server_bounds", tests, make_folder, remove_folder);
}
