/* What the tests of the server share: see server_world.h. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "tests/unit/server_world.h"

static char folder[] = "/tmp/mb-server-XXXXXX";

struct server_world world;

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
MAP(login)
MAP(import)
MAP(forget)
MAP(refused)
MAP(version)
MAP(configuration)

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

bool broker_is_asked(void)
{
	return waits != NULL;
}

unsigned broker_cancelled(void)
{
	return cancelled;
}

void answer(const char *text)
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

void turn(void)
{
	fake_loop_turn(world.loop);
}

int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", world.path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

int dial_as(uid_t uid)
{
	int fd = dial();

	world.peer = uid;
	turn();
	return fd;
}

void send_bytes(int fd, const char *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
	turn();
}

void say_to(int fd, const char *text)
{
	send_bytes(fd, text, strlen(text));
}

void expect(int fd, const char *text)
{
	char got[1024];
	ssize_t len = recv(fd, got, sizeof got - 1, 0);

	got[len > 0 ? len : 0] = '\0';
	assert_string_equal(got, text);
}

void expect_part(int fd, const char *part)
{
	char got[2048];
	ssize_t len = recv(fd, got, sizeof got - 1, 0);

	got[len > 0 ? len : 0] = '\0';
	if (strstr(got, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, got);
}

void expect_silence(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

void expect_end(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

size_t drain(int fd)
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

/* --- its beginning and end --- */

int new_world(void **state)
{
	const struct access_rules rules = {
	    .self = SELF, .token_user_count = 1, .token_users = {POSTFIX}, .has_milter = true, .milter = MILTER};
	struct err err;

	(void)state;
	memset(&world, 0, sizeof world);
	snprintf(world.path, sizeof world.path, "%s/s", folder);
	cancelled = 0;
	fake_log_reset();
	world.loop = loop_new(NULL);
	world.server = server_new(world.loop, NULL, on_reload, NULL, &err);
	if (world.server == NULL || server_listen(world.server, world.path, &err) != 0)
		return -1;
	server_set_access(world.server, &rules, CONF);
	return 0;
}

int end_world(void **state)
{
	bool leaked = fake_log_shows("MARKER");

	(void)state;
	server_free(world.server);
	loop_free(world.loop);
	return waits != NULL || leaked ? -1 : 0;
}

int make_folder(void **state)
{
	struct rlimit limit;

	(void)state;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (mkdtemp(folder) == NULL)
		return -1;
	return 0;
}

int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}
