/*
 * The files that the settings name: are they there, and are secrets kept from others? And the reading of a secret from
 * its file. Called as the user who will read them, by the main programs and by check-config.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/file.h"
#include "daemon/settings_private.h"

#define CREDENTIAL "credential:"

enum exposure { FOR_US, FOR_ALL_TO_READ };

static int credential_path(const char *name, struct buf *out, struct err *err)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");

	if (!directory || *directory != '/')
		return err_set(err, ERR_CONFIG,
			       CREDENTIAL "%s: this process has no systemd credentials; start it by its unit, "
					  "with LoadCredential=%s:/PATH",
			       name, name);
	if (*name == '\0' || strchr(name, '/'))
		return err_set(err, ERR_CONFIG, CREDENTIAL "NAME: not the name of a credential");
	return buf_printf(out, "%s/%s", directory, name) == 0 ? 0 : err_set(err, ERR_LIMIT, "path too long");
}

/* What a secret's file must be. */
static int prove_secret_file(const struct stat *st, const char *path, enum exposure exposure, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_CONFIG, "%s: is not a regular file", path);
	if (exposure == FOR_ALL_TO_READ && (st->st_mode & S_IWOTH))
		return err_set(err, ERR_CONFIG, "%s: anybody may write it; chmod o-w %s", path, path);
	if (exposure == FOR_US && (st->st_mode & S_IRWXO))
		return err_set(err, ERR_CONFIG, "%s: holds a secret and is open to everybody; chmod o= %s", path, path);
	if (st->st_size == 0)
		return err_set(err, ERR_CONFIG, "%s: is empty; put the secret into it", path);
	if (st->st_size > SECRET_MAX)
		return err_set(err, ERR_LIMIT, "%s: is larger than a secret may be (%d bytes)", path, SECRET_MAX);
	return 0;
}

static int cannot_open(const char *path, int errnum, struct err *err)
{
	if (errnum == EACCES)
		return err_sys(err, errnum,
			       "%s: cannot be read by uid %ld; chgrp it to this program's group and chmod g+r", path,
			       (long)geteuid());
	return err_sys(err, errnum, "%s", path);
}

/* A descriptor, or -1. */
static int open_secret(const char *path, enum exposure exposure, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int result;

	if (fd < 0)
		return cannot_open(path, errno, err);
	result = fstat(fd, &st) == 0 ? prove_secret_file(&st, path, exposure, err) : err_sys(err, errno, "%s", path);
	if (result == 0)
		return fd;
	close(fd);
	return -1;
}

int settings_secret_path(const char *name, struct buf *out, struct err *err)
{
	if (strncmp(name, CREDENTIAL, strlen(CREDENTIAL)) == 0)
		return credential_path(name + strlen(CREDENTIAL), out, err);
	return buf_puts(out, name) == 0 ? 0 : err_set(err, ERR_LIMIT, "path too long");
}

/* `name` as it stands in the settings: a path or credential:NAME. */
static int open_named_secret(const char *name, enum exposure exposure, struct err *err)
{
	struct buf path = BUF_INIT(SETTINGS_VALUE_MAX * 2);
	int fd = -1;

	if (settings_secret_path(name, &path, err) == 0)
		fd = open_secret(path.data, exposure, err);
	buf_free(&path);
	return fd;
}

static struct secret *secret_of_line(const struct buf *line, const char *name, struct err *err)
{
	struct secret *secret = NULL;
	size_t len = line->len, i;

	while (len > 0 && (line->data[len - 1] == '\n' || line->data[len - 1] == '\r'))
		len--;
	for (i = 0; i < len; i++)
		if ((unsigned char)line->data[i] < ' ' || line->data[i] == 0x7f)
			break;
	if (len == 0)
		err_set(err, ERR_CONFIG, "%s: is empty; put the secret into it", name);
	else if (i < len)
		err_set(err, ERR_CONFIG, "%s: must hold the secret on one line and nothing else", name);
	else if (len > SECRET_MAX)
		err_set(err, ERR_LIMIT, "%s: is larger than a secret may be (%d bytes)", name, SECRET_MAX);
	else if ((secret = secret_new(line->data, len)) == NULL)
		err_set(err, ERR_MEMORY, "%s: out of memory", name);
	return secret;
}

static struct secret *secret_of_text(const struct buf *text, const char *name, struct err *err)
{
	struct secret *secret = secret_new(text->data, text->len);

	if (secret == NULL)
		err_set(err, ERR_LIMIT, "%s: is larger than a secret may be (%d bytes)", name, SECRET_MAX);
	return secret;
}

static struct secret *read_secret(const char *path, enum exposure exposure,
				  struct secret *(*make)(const struct buf *text, const char *name, struct err *err),
				  struct err *err)
{
	struct buf text = BUF_INIT(SECRET_MAX + 2);
	struct secret *secret = NULL;
	int fd = open_named_secret(path, exposure, err);

	if (fd < 0)
		return NULL;
	if (file_read_rest(fd, path, &text, err) == 0)
		secret = make(&text, path, err);
	close(fd);
	buf_free(&text);
	return secret;
}

struct secret *settings_read_secret(const char *path, struct err *err)
{
	return read_secret(path, FOR_US, secret_of_line, err);
}

struct secret *settings_read_secret_file(const char *path, struct err *err)
{
	return read_secret(path, FOR_US, secret_of_text, err);
}

struct secret *settings_read_platform_token(const char *path, struct err *err)
{
	return read_secret(path, FOR_ALL_TO_READ, secret_of_line, err);
}

static int check_secret(const char *path, struct err *err)
{
	int fd = open_named_secret(path, FOR_US, err);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* What is in a token is seen when it is used. */
static int check_key(const char *name, struct err *err)
{
	return settings_is_uri(name) ? 0 : check_secret(name, err);
}

static int check_platform_token(const char *path, struct err *err)
{
	int fd = open_named_secret(path, FOR_ALL_TO_READ, err);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* A file that is no secret: certificates. */
static int check_readable(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int result = 0;

	if (fd < 0)
		return cannot_open(path, errno, err);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		result = err_set(err, ERR_CONFIG, "%s: is not a regular file", path);
	close(fd);
	return result;
}

static int check_certificate(const char *name, struct err *err)
{
	return settings_is_uri(name) ? 0 : check_readable(name, err);
}

static bool is_out_of_sight(const char *name, enum settings_reader reader)
{
	return reader == SETTINGS_BY_ANOTHER && strncmp(name, CREDENTIAL, strlen(CREDENTIAL)) == 0;
}

static int check_client(const struct settings *settings, const struct settings_client *client,
			enum settings_reader reader, struct err *err)
{
	const struct {
		const char *key;
		const char *path;
		int (*check)(const char *path, struct err *err);
	} files[] = {
	    {"client_secret_file", client->client_secret_file, check_secret},
	    {"client_key", client->client_key, check_key},
	    {"client_key_passphrase_file", client->client_key_passphrase_file, check_secret},
	    {"service_account_file", client->service_account_file, check_secret},
	    {"federated_token_file", client->federated_token_file, check_platform_token},
	    {"client_certificate", client->client_certificate, check_certificate},
	    {"ca_file", client->ca_file, check_readable},
	};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i].path && !is_out_of_sight(files[i].path, reader) && files[i].check(files[i].path, err) != 0)
			return err_prefix(err, "%s:%d: client \"%.100s\": %s", settings->path, client->line,
					  client->name, files[i].key);
	return 0;
}

int settings_check_files(const struct settings *settings, enum settings_reader reader, struct err *err)
{
	const char *seal = settings->tokend.seal_key_file;
	struct stat st;
	size_t i;

	for (i = 0; i < settings->client_count; i++)
		if (check_client(settings, &settings->clients[i], reader, err) != 0)
			return -1;
	/* The sealing key may not be made yet; once it is there, it is a secret like the others. */
	if (*seal == '/' && stat(seal, &st) != 0 && errno == ENOENT)
		return 0;
	if (!is_out_of_sight(seal, reader) && check_secret(seal, err) != 0)
		return err_prefix(err, "%s: section tokend: seal_key_file", settings->path);
	return 0;
}
