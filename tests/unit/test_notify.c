/* sd_notify's datagrams, received as the service manager would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/notify.h"

static char folder[] = "/tmp/test_notify.XXXXXX";
static int manager;

static void listen_at(const char *name, socklen_t len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, name, len);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(manager >= 0);
	len += (socklen_t)offsetof(struct sockaddr_un, sun_path);
	assert_int_equal(bind(manager, (struct sockaddr *)&address, len), 0);
}

/* The datagram that has arrived, or "" when none has. */
static const char *received(void)
{
	static char message[1024];
	ssize_t n = recv(manager, message, sizeof(message) - 1, 0);

	message[n > 0 ? n : 0] = '\0';
	return message;
}

static int set_up(void **state)
{
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(strcpy(folder, "/tmp/test_notify.XXXXXX")));
	snprintf(path, sizeof(path), "%s/socket", folder);
	listen_at(path, (socklen_t)strlen(path));
	setenv("NOTIFY_SOCKET", path, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static int tear_down(void **state)
{
	char path[64];

	(void)state;
	close(manager);
	snprintf(path, sizeof(path), "%s/socket", folder);
	unlink(path);
	rmdir(folder);
	return 0;
}

static void each_state_is_told(void **state)
{
	(void)state;
	notify_ready("serving 3 accounts");
	assert_string_equal(received(), "READY=1\nSTATUS=serving 3 accounts");
	notify_stopping();
	assert_string_equal(received(), "STOPPING=1");
	notify_watchdog();
	assert_string_equal(received(), "WATCHDOG=1");
	notify_reloading();
	assert_int_equal(strncmp(received(), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	assert_string_equal(received(), "");
}

static void a_status_is_one_line(void **state)
{
	char status[1000];

	(void)state;
	notify_ready("a\nMAINPID=1");
	assert_string_equal(received(), "READY=1\nSTATUS=a MAINPID=1");
	memset(status, 'x', sizeof(status) - 1);
	status[sizeof(status) - 1] = '\0';
	notify_ready(status);
	assert_int_equal(strlen(received()), 15 + 256);
}

static void abstract_sockets_work(void **state)
{
	char name[32];

	(void)state;
	close(manager);
	snprintf(name, sizeof(name), "@test_notify.%ld", (long)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	listen_at(name, (socklen_t)(1 + strlen(name + 1)));
	notify_stopping();
	assert_string_equal(received(), "STOPPING=1");
}

static void nobody_to_tell_is_fine(void **state)
{
	char path[200];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	notify_stopping();
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_stopping();
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	setenv("NOTIFY_SOCKET", path, 1);
	notify_stopping();
	assert_string_equal(received(), "");
}

static void a_full_manager_does_not_block(void **state)
{
	int i;

	(void)state;
	alarm(20);
	for (i = 0; i < 10000; i++)
		notify_watchdog();
	alarm(0);
	assert_string_equal(received(), "WATCHDOG=1");
}

static void the_watchdog_is_fed_twice_in_its_time(void **state)
{
	char pid[32];

	(void)state;
	assert_int_equal(notify_watchdog_interval(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_interval(), 15000);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_interval(), 15000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_interval(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "10", 1);
	assert_int_equal(notify_watchdog_interval(), 1);
	setenv("WATCHDOG_USEC", "12x", 1);
	assert_int_equal(notify_watchdog_interval(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(each_state_is_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_status_is_one_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(abstract_sockets_work, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nobody_to_tell_is_fine, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_full_manager_does_not_block, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_watchdog_is_fed_twice_in_its_time, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
